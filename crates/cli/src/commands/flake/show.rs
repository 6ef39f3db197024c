//! `flake show`: the outputs of a flake as a tree. What each output must be follows from its name;
//! what belongs to other systems is left out unless it is asked for.

use firn_eval::{Ctx, ErrorKind, Symbol, Val};
use serde_json::{Map, Value};

use super::FlakeArgs;
use crate::evaluation::{Evaluation, Stop};
use crate::transcript::{self, Transcript};
use crate::verbs::Verb;
use crate::{Args, Context, Failure};

/// `flake show [--json] [--legacy] [--all-systems] [FLAKE]`.
pub static SHOW: Verb = Verb {
    path: &["flake", "show"],
    about: "show the outputs of a flake",
    usage: "[--json] [--legacy] [--all-systems] [FLAKE]",
    only_firn: false,
    run,
};

#[derive(Clone, Copy, Debug, Default)]
struct Options {
    as_json: bool,
    legacy: bool,
    all_systems: bool,
}

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut options = Options::default();
    let wanted = FlakeArgs::parse(context, args, |flag, _, _| {
        match flag {
            "--json" => options.as_json = true,
            "--legacy" => options.legacy = true,
            "--all-systems" => options.all_systems = true,
            "--pretty" | "--no-pretty" => {}
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if !context
        .settings
        .is_overridden("allow-import-from-derivation")
    {
        context.settings.eval.allow_import_from_derivation = false;
    }
    let context = &*context;
    let store = context.open_store()?;
    let flags = format!("{options:?}");
    let (said, is_new) = wanted.ask(
        context,
        &store,
        "shown outputs",
        &flags,
        |evaluation, locked| {
            let outputs = evaluation.outputs(&locked)?;
            let mut tree = Tree {
                transcript: Transcript::new(context.console),
                evaluation,
                options,
                path: Vec::new(),
            };
            let header = format!("\x1b[1m{}\x1b[0m", locked.flake.locked);
            let shown = tree.visit(outputs, &header, "")?;
            if options.as_json {
                tree.transcript.print_line(&shown.to_string())?;
            }
            Ok(tree.transcript.into_value())
        },
    )?;
    if !is_new {
        transcript::repeat(context.console, &said)?;
    }
    Ok(0)
}

struct Tree<'a, 'e, 'h> {
    transcript: Transcript,
    evaluation: &'a mut Evaluation<'e, 'h>,
    options: Options,
    path: Vec<String>,
}

/// Outputs with a level of systems and a level of names.
const BY_SYSTEM: &[&str] = &["apps", "checks", "devShells", "packages"];
/// Outputs with one level of names or systems.
const FLAT: &[&str] = &[
    "defaultApp",
    "defaultPackage",
    "devShell",
    "formatter",
    "nixosConfigurations",
    "nixosModules",
    "overlays",
    "templates",
];

impl<'h> Tree<'_, '_, 'h> {
    fn ctx(&mut self) -> &mut Ctx<'h> {
        self.evaluation.ctx
    }

    fn print(&mut self, text: &str) -> Result<(), Stop> {
        if !self.options.as_json {
            self.transcript.print_line(text)?;
        }
        Ok(())
    }

    /// Says that something is left out: in the tree, or beside the JSON.
    fn omit(&mut self, header: &str, why: &str) -> Result<Value, Stop> {
        if self.options.as_json {
            let path = self.path.join(".");
            self.transcript.warn(&format!("{path} omitted{why}"));
        } else {
            self.print(&format!("{header} \x1b[35;1momitted\x1b[0m{why}"))?;
        }
        Ok(Value::Object(Map::new()))
    }

    fn visit(&mut self, value: Val<'h>, header: &str, prefix: &str) -> Result<Value, Stop> {
        let is_legacy = self.path.first().is_some_and(|it| it == "legacyPackages");
        match self.visit_inner(value, header, prefix) {
            Err(Stop::Evaluation(fail)) if is_legacy => {
                // Parts of large package sets do not evaluate; the rest is shown all the same.
                drop(self.ctx().take_error(fail));
                Ok(Value::Object(Map::new()))
            }
            other => other,
        }
    }

    fn visit_inner(&mut self, value: Val<'h>, header: &str, prefix: &str) -> Result<Value, Stop> {
        let depth = self.path.len();
        let first = self.path.first().map_or("", String::as_str).to_owned();
        let name = first.as_str();
        let system = self.evaluation.context.settings.build.system.clone();
        let is_other_system =
            !self.options.all_systems && self.path.get(1).is_some_and(|it| *it != system);
        let by_system = BY_SYSTEM.contains(&name);
        if depth == 0 || (depth == 1 && FLAT.contains(&name)) || (depth <= 2 && by_system) {
            return self.recurse(value, header, prefix);
        }
        let is_package = (depth == 2
            && ["defaultPackage", "devShell", "formatter"].contains(&name))
            || (depth == 3 && ["checks", "packages", "devShells"].contains(&name));
        if is_package {
            if is_other_system {
                return self.omit(header, " (use '--all-systems' to show)");
            }
            return self.package(value, header, true, prefix);
        }
        match name {
            "hydraJobs" => self.package(value, header, false, prefix),
            "legacyPackages" if depth == 1 => self.recurse(value, header, prefix),
            "legacyPackages" if !self.options.legacy => {
                self.omit(header, " (use '--legacy' to show)")
            }
            "legacyPackages" if is_other_system => {
                self.omit(header, " (use '--all-systems' to show)")
            }
            "legacyPackages" if depth == 2 => self.package(value, header, false, prefix),
            "legacyPackages" => {
                let value = self.ctx().force(value)?;
                if self.ctx().is_derivation(value)? {
                    return self.derivation(value, header);
                }
                Ok(Value::Object(Map::new()))
            }
            "defaultApp" if depth == 2 => self.app(value, header),
            "apps" if depth == 3 => self.app(value, header),
            "defaultTemplate" if depth == 1 => self.template(value, header),
            "templates" if depth == 2 => self.template(value, header),
            _ => self.other(header, name, depth),
        }
    }

    fn recurse(&mut self, value: Val<'h>, header: &str, prefix: &str) -> Result<Value, Stop> {
        self.print(header)?;
        let set = self
            .ctx()
            .attrs(value, "while evaluating the outputs of a flake")?;
        let mut members = Vec::new();
        for (symbol, member) in self.ctx().attrs_by_name(set) {
            let name = String::from_utf8_lossy(symbol.as_bytes()).into_owned();
            self.path.push(name.clone());
            let has_content = self.has_content(member)?;
            self.path.pop();
            if has_content {
                members.push((name, member));
            }
        }
        let mut shown = Map::new();
        for (number, (name, member)) in members.iter().enumerate() {
            let is_last = number + 1 == members.len();
            let (branch, rest) = if is_last {
                ("└───", "    ")
            } else {
                ("├───", "│   ")
            };
            let header = format!("\x1b[32;1m{prefix}{branch}\x1b[0m\x1b[1m{name}\x1b[0m");
            self.path.push(name.clone());
            let value = self.visit(*member, &header, &format!("{prefix}{rest}"))?;
            self.path.pop();
            shown.insert(name.clone(), value);
        }
        Ok(Value::Object(shown))
    }

    /// Whether there is anything below an output; sets that are empty for a system are not shown.
    fn has_content(&mut self, value: Val<'h>) -> Result<bool, Stop> {
        let name = self.path.first().map_or("", String::as_str);
        let nested = BY_SYSTEM.contains(&name) || name == "legacyPackages";
        let flat = [
            "formatter",
            "nixosConfigurations",
            "nixosModules",
            "overlays",
        ]
        .contains(&name);
        if !(nested && self.path.len() <= 2 || flat && self.path.len() == 1) {
            return Ok(true);
        }
        let looked = self.evaluation.ctx.catch(|ctx| ctx.attrs(value, ""));
        let Ok(set) = looked else {
            return Ok(true);
        };
        for (symbol, member) in self.ctx().attrs_by_name(set) {
            let name = String::from_utf8_lossy(symbol.as_bytes()).into_owned();
            self.path.push(name);
            let has_content = self.has_content(member)?;
            self.path.pop();
            if has_content {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A derivation, or else, where sets may be in between, what is below.
    fn package(
        &mut self,
        value: Val<'h>,
        header: &str,
        only: bool,
        prefix: &str,
    ) -> Result<Value, Stop> {
        let is_derivation = self.evaluation.ctx.catch(|ctx| {
            let value = ctx.force(value)?;
            ctx.is_derivation(value)
        });
        match is_derivation {
            Ok(true) => self.derivation(value, header),
            Ok(false) if only => {
                let path = self.path.join(".");
                let message = format!("{path}.name is not a derivation");
                self.transcript.warn(&message);
                Ok(Value::Object(Map::new()))
            }
            Ok(false) => self.recurse(value, header, prefix),
            Err(error)
                if error
                    .message
                    .contains("'allow-import-from-derivation' is disabled") =>
            {
                self.omit(header, " due to use of import from derivation")
            }
            Err(error) => Err(self.ctx().rethrow(error).into()),
        }
    }

    fn text(&mut self, value: Val<'h>, names: &[&str]) -> Result<Option<String>, Stop> {
        let mut value = value;
        for name in names {
            let set = self
                .ctx()
                .attrs(value, "while evaluating the outputs of a flake")?;
            match set.get(Symbol::intern(name.as_bytes())) {
                Some(member) => value = member,
                None => return Ok(None),
            }
        }
        let text = self
            .ctx()
            .str(value, "while evaluating the outputs of a flake")?;
        Ok(Some(String::from_utf8_lossy(text.bytes()).into_owned()))
    }

    fn derivation(&mut self, value: Val<'h>, header: &str) -> Result<Value, Stop> {
        let name = match self.text(value, &["name"]) {
            Err(Stop::Evaluation(fail)) => {
                let error = self.ctx().take_error(fail);
                if error
                    .message
                    .contains("'allow-import-from-derivation' is disabled")
                {
                    return self.omit(header, " due to use of import from derivation");
                }
                return Err(self.ctx().rethrow(error).into());
            }
            other => other?.unwrap_or_default(),
        };
        if self.options.as_json {
            let description = self
                .text(value, &["meta", "description"])?
                .unwrap_or_default();
            return Ok(object(&[
                ("description", &description),
                ("name", &name),
                ("type", "derivation"),
            ]));
        }
        let what = match (self.path[0].as_str(), self.path.len()) {
            ("devShell", 2) | ("devShells", _) => "development environment",
            ("checks", 3) | ("hydraJobs", _) => "derivation",
            _ => "package",
        };
        self.print(&format!("{header}: {what} '{name}'"))?;
        Ok(Value::Null)
    }

    fn app(&mut self, value: Val<'h>, header: &str) -> Result<Value, Stop> {
        let kind = self.text(value, &["type"])?;
        if kind.as_deref() != Some("app") {
            return Err(self
                .ctx()
                .error(ErrorKind::Eval, "not an app definition")
                .into());
        }
        let description = self.text(value, &["meta", "description"])?;
        let shown = description.as_deref().unwrap_or("no description");
        self.print(&format!("{header}: app: \x1b[1m{shown}\x1b[0m"))?;
        let mut members = vec![("type", "app")];
        if let Some(description) = &description {
            members.insert(0, ("description", description));
        }
        Ok(object(&members))
    }

    fn template(&mut self, value: Val<'h>, header: &str) -> Result<Value, Stop> {
        let description = self.text(value, &["description"])?.unwrap_or_default();
        self.print(&format!("{header}: template: \x1b[1m{description}\x1b[0m"))?;
        Ok(object(&[
            ("description", &description),
            ("type", "template"),
        ]))
    }

    fn other(&mut self, header: &str, name: &str, depth: usize) -> Result<Value, Stop> {
        let (kind, description) = match (name, depth) {
            ("overlay", 1) | ("overlays", 2) => ("nixpkgs-overlay", "Nixpkgs overlay"),
            ("nixosConfigurations", 2) => ("nixos-configuration", "NixOS configuration"),
            ("nixosModule", 1) | ("nixosModules", 2) => ("nixos-module", "NixOS module"),
            _ => ("unknown", "unknown"),
        };
        self.print(&format!("{header}: \x1b[35;1m{description}\x1b[0m"))?;
        Ok(object(&[("type", kind)]))
    }
}

fn object(members: &[(&str, &str)]) -> Value {
    let members = members
        .iter()
        .map(|it| (it.0.to_owned(), Value::from(it.1)));
    Value::Object(members.collect())
}
