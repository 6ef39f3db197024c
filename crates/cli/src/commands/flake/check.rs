//! `flake check`: whether a flake evaluates, whether its outputs are what their names say, and
//! whether its checks build.

use std::collections::{BTreeMap, BTreeSet};

use firn_eval::{ErrorKind, Fail, Kind, Place, Symbol, Val};
use firn_events::Level;
use firn_source::FileId;
use firn_store::{BuildMode, BuildStatus};
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath, StorePath};

use serde_json::{Value, json};

use super::FlakeArgs;
use crate::evaluation::{Evaluation, Stop};
use crate::packages::derivations_in;
use crate::transcript::{self, Transcript};
use crate::verbs::Verb;
use crate::{Args, Context, Failure};

/// `flake check [--no-build] [--all-systems] [FLAKE]`.
pub static CHECK: Verb = Verb {
    path: &["flake", "check"],
    about: "check whether a flake evaluates, and build its checks",
    usage: "[--no-build] [--all-systems] [--keep-going] [FLAKE]",
    only_firn: false,
    run,
};

/// Outputs that others give a meaning to and that are not looked at.
const KNOWN: &[&str] = &[
    "lib",
    "darwinConfigurations",
    "darwinModules",
    "flakeModule",
    "flakeModules",
    "herculesCI",
    "homeConfigurations",
    "homeModule",
    "homeModules",
    "nixopsConfigurations",
];

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (mut build, mut all_systems) = (true, false);
    let wanted = FlakeArgs::parse(context, args, |flag, _, _| {
        match flag {
            "--no-build" => build = false,
            "--all-systems" => all_systems = true,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if !build {
        context.read_only = true;
        if !context
            .settings
            .is_overridden("allow-import-from-derivation")
        {
            context.settings.eval.allow_import_from_derivation = false;
        }
    }
    context.take_settings_of(&[wanted.word().to_owned()], &wanted.eval)?;
    let context = &*context;
    let store = context.open_store()?;
    let flags = format!("{build} {all_systems}");
    let (answer, is_new) = wanted.ask(
        context,
        &store,
        "checked outputs",
        &flags,
        |evaluation, locked| {
            let outputs = evaluation.outputs(&locked)?;
            let mut checker = Checker {
                transcript: Transcript::new(context.console),
                evaluation,
                all_systems,
                found: Found::default(),
            };
            checker.outputs(outputs)?;
            if checker.found.has_errors {
                checker.evaluation.host.loses_track("there were errors");
            }
            Ok(json!({"said": checker.transcript.into_value(), "found": checker.found.to_json()}))
        },
    )?;
    if !is_new {
        transcript::repeat(context.console, &answer["said"])?;
    }
    let found = Found::from_json(&answer["found"]);
    let mut has_errors = found.has_errors;
    if build && !found.checks.is_empty() {
        let paths: Vec<_> = found.checks.keys().map(built).collect();
        let missing = store.query_missing(&paths)?;
        let wanted: Vec<_> = missing.will_build.iter().map(built).collect();
        context.console.log(
            Level::Info,
            &format!("running {} flake checks...", wanted.len()),
        );
        for result in store.build_paths_with_results(&wanted, BuildMode::Normal)? {
            if result.status.is_success() || result.status == BuildStatus::Cancelled {
                continue;
            }
            let shown = result.path.print(store.store_dir());
            let names = found.checks.get(result.path.base_path());
            let message = match names.and_then(|it| it.first()) {
                Some(name) => format!(
                    "failed to build attribute '{name}', build of '{shown}' failed: {}",
                    result.error
                ),
                None => format!("build of '{shown}' failed: {}", result.error),
            };
            if !context.settings.build.keep_going {
                return Err(Failure::message(message));
            }
            context.console.say(Level::Error, &message);
            has_errors = true;
        }
    }
    if has_errors {
        return Err(Failure::message(
            "some errors were encountered during the evaluation",
        ));
    }
    context
        .console
        .log(Level::Info, "\x1b[32;1mall checks passed!\x1b[0m");
    if !found.omitted.is_empty() {
        let systems: Vec<_> = found.omitted.into_iter().collect();
        context.console.warn(&format!(
            "The check omitted these incompatible systems: {}\nUse '--all-systems' to check all.",
            systems.join(", ")
        ));
    }
    Ok(0)
}

fn built(drv: &StorePath) -> DerivedPath {
    DerivedPath::Built {
        drv: SingleDerivedPath::Opaque(drv.clone()).into(),
        outputs: OutputsSpec::All,
    }
}

/// What checking found.
#[derive(Default)]
struct Found {
    has_errors: bool,
    omitted: BTreeSet<String>,
    /// Derivations to build, with the attributes that they are.
    checks: BTreeMap<StorePath, Vec<String>>,
}

impl Found {
    fn to_json(&self) -> Value {
        let checks = self.checks.iter();
        let checks: BTreeMap<&str, _> = checks.map(|it| (it.0.as_str(), it.1)).collect();
        json!({"has_errors": self.has_errors, "omitted": self.omitted, "checks": checks})
    }

    fn from_json(value: &Value) -> Self {
        let texts = |value: &Value| -> Vec<String> {
            let texts = value.as_array().into_iter().flatten();
            texts
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect()
        };
        let checks = value["checks"].as_object().into_iter().flatten();
        let checks = checks.filter_map(|(path, names)| {
            let path = StorePath::parse(path).ok()?;
            Some((path, texts(names)))
        });
        Self {
            has_errors: value["has_errors"] == true,
            omitted: texts(&value["omitted"]).into_iter().collect(),
            checks: checks.collect(),
        }
    }
}

struct Checker<'a, 'e, 'h> {
    transcript: Transcript,
    evaluation: &'a mut Evaluation<'e, 'h>,
    all_systems: bool,
    found: Found,
}

/// A member of a set, and where it was written.
type Member<'h> = (String, Val<'h>, Option<Place>);

impl<'h> Checker<'_, '_, 'h> {
    fn error(&mut self, message: impl Into<String>) -> Stop {
        self.evaluation.ctx.error(ErrorKind::Eval, message).into()
    }

    fn trace(&mut self, stop: Stop, place: Option<Place>, text: String) -> Stop {
        match stop {
            Stop::Evaluation(fail) => self.evaluation.ctx.trace(fail, place, text).into(),
            other @ Stop::Failed(_) => other,
        }
    }

    /// Goes on after an error where that is wanted.
    fn report(&mut self, result: Result<(), Stop>) -> Result<(), Stop> {
        let Err(stop) = result else {
            return Ok(());
        };
        if !self.evaluation.context.settings.build.keep_going {
            return Err(stop);
        }
        let context = self.evaluation.context;
        let failure = match stop {
            Stop::Evaluation(fail) => {
                let error = self.evaluation.ctx.take_error(fail);
                let show_trace = context.settings.interface.show_trace;
                crate::evaluation::failure_of(&error, self.evaluation.ctx, show_trace)
            }
            Stop::Failed(failure) => *failure,
        };
        failure.show(&context.console, &context.called_as);
        self.found.has_errors = true;
        Ok(())
    }

    fn members(&mut self, value: Val<'h>) -> Result<Vec<Member<'h>>, Fail> {
        let ctx = &mut *self.evaluation.ctx;
        let set = ctx.attrs(value, "")?;
        let members = ctx.attrs_by_name(set).into_iter().map(|(symbol, value)| {
            let place = set.position(symbol).get().map(|(file, offset)| Place {
                file: FileId(file),
                offset,
            });
            (
                String::from_utf8_lossy(symbol.as_bytes()).into_owned(),
                value,
                place,
            )
        });
        Ok(members.collect())
    }

    fn outputs(&mut self, outputs: Val<'h>) -> Result<(), Stop> {
        let mut members = self.members(outputs)?;
        // What is built elsewhere goes first: it must not import from derivations.
        members.sort_by_key(|it| it.0 != "hydraJobs");
        for (name, value, _) in members {
            let checked = self.output(&name, value);
            let checked = checked.map_err(|it| {
                let text = format!("while checking flake output '{name}'");
                self.trace(it, None, text)
            });
            self.report(checked)?;
        }
        Ok(())
    }

    fn output(&mut self, name: &str, value: Val<'h>) -> Result<(), Stop> {
        let value = self.evaluation.ctx.force(value)?;
        let replacement = match name {
            "defaultPackage" => "packages.<system>.default",
            "defaultApp" => "apps.<system>.default",
            "defaultTemplate" => "templates.default",
            "defaultBundler" => "bundlers.<system>.default",
            "overlay" => "overlays.default",
            "devShell" => "devShells.<system>.default",
            "nixosModule" => "nixosModules.default",
            _ => "",
        };
        if !replacement.is_empty() {
            self.transcript.warn(&format!(
                "flake output attribute '{name}' is deprecated; use '{replacement}' instead"
            ));
        }
        match name {
            "checks" | "packages" | "devShells" | "apps" | "bundlers" => {
                for (system, value, place) in self.members(value)? {
                    if !self.is_checked(&system, place)? {
                        continue;
                    }
                    for (inner, value, place) in self.members(value)? {
                        let path = format!("{name}.{system}.{inner}");
                        self.by_kind(name, &path, value, place, &system)?;
                    }
                }
            }
            "formatter" | "defaultPackage" | "devShell" | "defaultApp" | "defaultBundler"
            | "legacyPackages" => {
                for (system, value, place) in self.members(value)? {
                    if self.is_checked(&system, place)? && name != "legacyPackages" {
                        let path = format!("{name}.{system}");
                        self.by_kind(name, &path, value, place, &system)?;
                    }
                }
            }
            "overlays" | "nixosModules" | "nixosConfigurations" | "templates" => {
                for (inner, value, place) in self.members(value)? {
                    let path = format!("{name}.{inner}");
                    self.by_kind(name, &path, value, place, "")?;
                }
            }
            "overlay" | "nixosModule" | "hydraJobs" | "defaultTemplate" => {
                self.by_kind(name, name, value, None, "")?;
            }
            known if KNOWN.contains(&known) => {}
            _ => self
                .transcript
                .warn(&format!("unknown flake output '{name}'")),
        }
        Ok(())
    }

    /// Whether outputs for a system are looked at.
    fn is_checked(&mut self, system: &str, place: Option<Place>) -> Result<bool, Stop> {
        if !system.contains('-') {
            let at = place.map_or_else(
                || "«none»:0".to_owned(),
                |it| self.evaluation.ctx.place_text(it),
            );
            let stop = self.error(format!("'{system}' is not a valid system type, at {at}"));
            self.report(Err(stop))?;
        }
        if self.all_systems || system == self.evaluation.context.settings.build.system {
            return Ok(true);
        }
        self.found.omitted.insert(system.to_owned());
        Ok(false)
    }

    fn by_kind(
        &mut self,
        output: &str,
        path: &str,
        value: Val<'h>,
        place: Option<Place>,
        system: &str,
    ) -> Result<(), Stop> {
        let (checked, what) = match output {
            "apps" | "defaultApp" => (self.app(path, value), "app definition"),
            "overlay" | "overlays" => (self.overlay(value), "overlay"),
            "nixosModule" | "nixosModules" => {
                let forced = self.evaluation.ctx.force(value);
                (forced.map(drop).map_err(Stop::from), "NixOS module")
            }
            "nixosConfigurations" => (self.configuration(value), "NixOS configuration"),
            "templates" | "defaultTemplate" => (self.template(path, value), "template"),
            "bundlers" | "defaultBundler" => (self.bundler(value), "template"),
            "hydraJobs" => (self.jobs(path, value), "Hydra jobset"),
            _ => (self.derivation(output, path, value, system), "derivation"),
        };
        let checked = checked.map_err(|it| {
            let text = format!("while checking the {what} '{path}'");
            self.trace(it, place, text)
        });
        self.report(checked)
    }

    fn derivation(
        &mut self,
        output: &str,
        path: &str,
        value: Val<'h>,
        system: &str,
    ) -> Result<(), Stop> {
        self.transcript
            .progress(&format!("checking derivation {path}..."));
        let value = self.evaluation.ctx.force(value)?;
        if !self.evaluation.ctx.is_derivation(value)? {
            return Err(self.error(format!("flake attribute '{path}' is not a derivation")));
        }
        let args = self.evaluation.auto_args()?;
        let packages = derivations_in(self.evaluation.ctx, value, args)?;
        let Some(package) = packages.into_iter().next() else {
            return Err(self.error(format!("flake attribute '{path}' is not a derivation")));
        };
        let drv = package.required_drv_path(self.evaluation.ctx)?;
        self.transcript
            .progress(&format!("derivation evaluated to {drv}"));
        if output == "checks" && system == self.evaluation.context.settings.build.system {
            let store_dir = self.evaluation.host.store().store_dir();
            let drv = store_dir
                .parse(&drv)
                .map_err(|it| Failure::message(it.to_string()))?;
            self.found
                .checks
                .entry(drv)
                .or_default()
                .push(path.to_owned());
        }
        Ok(())
    }

    fn app(&mut self, path: &str, value: Val<'h>) -> Result<(), Stop> {
        let members = self.members(value)?;
        let get = |name: &str| members.iter().find(|it| it.0 == name).map(|it| it.1);
        let Some(kind) = get("type") else {
            return Err(self.error(format!("app '{path}' lacks attribute 'type'")));
        };
        self.evaluation.ctx.str_no_context(kind, "")?;
        let Some(program) = get("program") else {
            return Err(self.error(format!("app '{path}' lacks attribute 'program'")));
        };
        self.evaluation.ctx.str(program, "")?;
        match get("meta") {
            None => self
                .transcript
                .warn(&format!("app '{path}' lacks attribute 'meta'")),
            Some(meta) => {
                let meta = self.evaluation.ctx.attrs(meta, "")?;
                match meta.get(Symbol::intern(b"description")) {
                    Some(description) => {
                        self.evaluation.ctx.str_no_context(description, "")?;
                    }
                    None => {
                        self.transcript
                            .warn(&format!("app '{path}' lacks attribute 'meta.description'"));
                    }
                }
            }
        }
        let odd = members
            .iter()
            .find(|it| !["type", "program", "meta"].contains(&it.0.as_str()));
        match odd {
            Some((name, ..)) => {
                Err(self.error(format!("app '{path}' has unsupported attribute '{name}'")))
            }
            None => Ok(()),
        }
    }

    fn overlay(&mut self, value: Val<'h>) -> Result<(), Stop> {
        let value = self.evaluation.ctx.force(value)?;
        let Some(view) = self.evaluation.ctx.lambda_view(value) else {
            let found = self.evaluation.ctx.type_name(value);
            return Err(self.error(format!("overlay is not a function, but {found} instead")));
        };
        let name = view
            .param
            .map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        let fits = name.is_some_and(|it| matches!(it.as_str(), "final" | "_" | "_final"));
        if view.formals.is_some() || !fits {
            return Err(self.error("overlay does not take an argument named 'final'"));
        }
        Ok(())
    }

    fn configuration(&mut self, value: Val<'h>) -> Result<(), Stop> {
        let ctx = &mut *self.evaluation.ctx;
        let empty = ctx.new_empty_set().as_set().expect("a set was made");
        let (top, _) = ctx.find_along_path(b"config.system.build.toplevel", empty, value)?;
        let top = ctx.force(top)?;
        if ctx.is_derivation(top)? {
            return Ok(());
        }
        Err(self.error("attribute 'config.system.build.toplevel' is not a derivation"))
    }

    fn template(&mut self, path: &str, value: Val<'h>) -> Result<(), Stop> {
        let members = self.members(value)?;
        let get = |name: &str| members.iter().find(|it| it.0 == name).map(|it| it.1);
        let Some(place) = get("path") else {
            return Err(self.error(format!("template '{path}' lacks attribute 'path'")));
        };
        let (place, _) = self.evaluation.ctx.coerce_path(place, "")?;
        if self
            .evaluation
            .ctx
            .host_result(|host| host.file_type(&place))?
            .is_none()
        {
            let message = format!(
                "template '{path}' refers to a non-existent path '{}'",
                place.path
            );
            return Err(self.error(message));
        }
        let Some(description) = get("description") else {
            return Err(self.error(format!("template '{path}' lacks attribute 'description'")));
        };
        self.evaluation.ctx.str_no_context(description, "")?;
        let known = ["path", "description", "welcomeText"];
        match members.iter().find(|it| !known.contains(&it.0.as_str())) {
            Some((name, ..)) => Err(self.error(format!(
                "template '{path}' has unsupported attribute '{name}'"
            ))),
            None => Ok(()),
        }
    }

    fn bundler(&mut self, value: Val<'h>) -> Result<(), Stop> {
        let value = self.evaluation.ctx.force(value)?;
        if value.kind() != Kind::Function {
            return Err(self.error("bundler must be a function"));
        }
        Ok(())
    }

    fn jobs(&mut self, path: &str, value: Val<'h>) -> Result<(), Stop> {
        let value = self.evaluation.ctx.force(value)?;
        self.evaluation.ctx.attrs(value, "")?;
        if self.evaluation.ctx.is_derivation(value)? {
            return Err(self.error("jobset should not be a derivation at top-level"));
        }
        for (name, value, place) in self.members(value)? {
            let path = format!("{path}.{name}");
            let value = self.evaluation.ctx.force(value)?;
            self.evaluation.ctx.attrs(value, "")?;
            let kind = if self.evaluation.ctx.is_derivation(value)? {
                "packages"
            } else {
                "hydraJobs"
            };
            self.by_kind(kind, &path, value, place, "")?;
        }
        Ok(())
    }
}
