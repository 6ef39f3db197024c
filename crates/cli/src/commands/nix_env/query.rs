//! `nix-env --query`: lists packages that are installed or available, in columns, JSON or XML.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use firn_eval::{EvalError, Symbol};
use firn_events::Level;
use firn_profile::xml::{Attributes, Writer};
use firn_profile::{
    Compared, Element, MetaKind, Outputs, PackageName, VersionDifference, compare_with, compared,
    kind_of_meta, sort_by_name, table,
};
use firn_store_model::StorePath;
use serde_json::{Map, Value};

use super::{Request, Work, flag_value, unknown_flag};
use crate::evaluation::Stop;
use crate::{Failure, output};

/// The flags of the operation.
#[derive(Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct Wanted {
    is_available: bool,
    attr_path: String,
    status: bool,
    no_name: bool,
    with_attr_path: bool,
    system: bool,
    drv_path: bool,
    out_path: bool,
    description: bool,
    meta: bool,
    compare: bool,
    as_xml: bool,
    as_json: bool,
}

impl Wanted {
    pub(super) fn read(request: &mut Request) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        let flags = &mut request.flags;
        while let Some(flag) = flags.pop_front() {
            match flag.as_str() {
                "--status" | "-s" => wanted.status = true,
                "--no-name" => wanted.no_name = true,
                "--system" => wanted.system = true,
                "--description" => wanted.description = true,
                "--compare-versions" | "-c" => wanted.compare = true,
                "--drv-path" => wanted.drv_path = true,
                "--out-path" => wanted.out_path = true,
                "--meta" => wanted.meta = true,
                "--installed" => wanted.is_available = false,
                "--available" | "-a" => wanted.is_available = true,
                "--xml" => wanted.as_xml = true,
                "--json" => wanted.as_json = true,
                "--attr-path" | "-P" => wanted.with_attr_path = true,
                "--attr" | "-A" => wanted.attr_path = flag_value(flags, &flag)?,
                _ => return Err(unknown_flag(&flag)),
            }
        }
        if wanted.with_attr_path && !wanted.is_available {
            return Err(Failure::usage(
                "--attr-path(-P) only works with --available",
            ));
        }
        Ok(wanted)
    }
}

/// What is known of paths before packages are listed.
#[derive(Default)]
struct Paths {
    installed: BTreeSet<StorePath>,
    valid: BTreeSet<StorePath>,
    substitutable: BTreeSet<StorePath>,
}

/// Runs the operation.
pub(super) fn run(work: &mut Work<'_, '_, '_>, wanted: &Wanted) -> Result<(), Stop> {
    let needs_installed = !wanted.is_available || wanted.compare || wanted.status;
    let installed = if needs_installed {
        work.installed()?
    } else {
        Vec::new()
    };
    let available = if wanted.is_available || wanted.compare {
        work.available(&wanted.attr_path)?
    } else {
        Vec::new()
    };
    let (all, others) = if wanted.is_available {
        (available, &installed)
    } else {
        (installed.clone(), &available)
    };
    let words = &work.request.words;
    let mut elements = work.select(&all, words, false)?;
    sort_by_name(&mut elements);
    let mut listing = Listing {
        paths: Paths::default(),
        others: compared(others),
        is_terminal: std::io::stdout().is_terminal(),
        wanted,
        work,
    };
    listing.find_paths(&mut elements, &installed)?;
    if wanted.as_json {
        listing.json(&elements)
    } else if wanted.as_xml {
        listing.xml(&elements)
    } else {
        listing.table(&elements)
    }
}

struct Listing<'a, 'w, 'e, 'h> {
    work: &'a mut Work<'w, 'e, 'h>,
    wanted: &'a Wanted,
    paths: Paths,
    others: Compared,
    is_terminal: bool,
}

impl<'h> Listing<'_, '_, '_, 'h> {
    /// Finds out which paths are installed, there, and to be had, where that is asked for.
    fn find_paths(
        &mut self,
        elements: &mut [Element<'h>],
        installed: &[Element<'h>],
    ) -> Result<(), Stop> {
        let store_dir = self.work.store.store_dir().clone();
        if self.wanted.status {
            for element in installed {
                let path = element.out_path(self.work.evaluation.ctx, &store_dir)?;
                self.paths.installed.insert(path);
            }
        }
        if !self.wanted.status && !self.work.request.only_prebuilt {
            return Ok(());
        }
        let mut all = BTreeSet::new();
        for element in elements {
            let ctx = &mut *self.work.evaluation.ctx;
            match ctx.catch(|ctx| element.out_path(ctx, &store_dir)) {
                Ok(path) => drop(all.insert(path)),
                Err(error) => {
                    self.pass_over(element, error)?;
                    element.has_failed = true;
                }
            }
        }
        self.paths.valid = self.work.store.query_valid_paths(&all)?;
        self.paths.substitutable = self.work.store.query_many_substitutable(&all)?;
        Ok(())
    }

    /// Says that a package is left out, if a failed assertion is all that is wrong with it.
    fn pass_over(&mut self, element: &Element<'h>, error: Box<EvalError>) -> Result<(), Stop> {
        let name = &element.name;
        if error.kind.is_catchable() {
            let text =
                format!("skipping derivation named '{name}' which gives an assertion failure");
            self.work.events.message(Level::Talkative, &text);
            return Ok(());
        }
        let ctx = &mut *self.work.evaluation.ctx;
        let fail = ctx.rethrow(error);
        let doing = format!("while querying the derivation named '{name}'");
        Err(ctx.trace(fail, None, doing).into())
    }

    /// Does something for every package, leaving out those that fail with an assertion.
    fn for_each(
        &mut self,
        elements: &[Element<'h>],
        mut show: impl FnMut(&mut Self, &Element<'h>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        for element in elements {
            if element.has_failed {
                continue;
            }
            match show(self, element) {
                Ok(()) => {}
                Err(Stop::Evaluation(fail)) => {
                    let error = self.work.evaluation.ctx.take_error(fail);
                    self.pass_over(element, error)?;
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Whether a package is to be listed, where only those count that need not be built.
    fn counts(&mut self, element: &Element<'h>) -> Result<bool, Stop> {
        if !self.work.request.only_prebuilt {
            return Ok(true);
        }
        let path = self.out_path(element)?;
        Ok(self.paths.valid.contains(&path) || self.paths.substitutable.contains(&path))
    }

    fn out_path(&mut self, element: &Element<'h>) -> Result<StorePath, Stop> {
        let store_dir = self.work.store.store_dir();
        Ok(element.out_path(self.work.evaluation.ctx, store_dir)?)
    }

    fn drv_path(&mut self, element: &Element<'h>) -> Result<Option<String>, Stop> {
        let store_dir = self.work.store.store_dir();
        let path = element.drv_path(self.work.evaluation.ctx, store_dir)?;
        Ok(path.map(|it| store_dir.print(&it)))
    }

    fn outputs(&mut self, element: &Element<'h>, with_paths: bool) -> Result<Outputs, Stop> {
        let store_dir = self.work.store.store_dir();
        Ok(element.outputs(self.work.evaluation.ctx, store_dir, with_paths)?)
    }

    fn print_path(&self, path: &StorePath) -> String {
        self.work.store.store_dir().print(path)
    }

    fn table(&mut self, elements: &[Element<'h>]) -> Result<(), Stop> {
        let mut rows = Vec::new();
        self.for_each(elements, |listing, element| {
            if listing.counts(element)? {
                rows.push(listing.row(element)?);
            }
            Ok(())
        })?;
        let mut text = String::new();
        table::write_table(&rows, &mut text);
        self.work.evaluation.context.console.print(text)?;
        Ok(())
    }

    fn row(&mut self, element: &Element<'h>) -> Result<Vec<String>, Stop> {
        let wanted = self.wanted;
        let mut row = Vec::new();
        if wanted.status {
            let path = self.out_path(element)?;
            let mark = |set: &BTreeSet<StorePath>, letter| {
                if set.contains(&path) { letter } else { '-' }
            };
            let marks = [
                mark(&self.paths.installed, 'I'),
                mark(&self.paths.valid, 'P'),
                mark(&self.paths.substitutable, 'S'),
            ];
            row.push(marks.iter().collect());
        }
        if wanted.with_attr_path {
            row.push(element.attr_path.clone());
        }
        if !wanted.no_name {
            row.push(element.name.clone());
        }
        if wanted.compare {
            let (difference, version) = compare_with(element, &self.others);
            let text = format!("{} {version}", sign(difference));
            let stands_out = difference == VersionDifference::Greater && self.is_terminal;
            row.push(if stands_out {
                format!("\x1b[31;1m{text}\x1b[0m")
            } else {
                text
            });
        }
        if wanted.system {
            row.push(element.system(self.work.evaluation.ctx)?);
        }
        if wanted.drv_path {
            row.push(self.drv_path(element)?.unwrap_or_else(|| "-".to_owned()));
        }
        if wanted.out_path {
            let outputs = self.outputs(element, true)?;
            let shown = outputs.iter().filter_map(|(name, path)| {
                let path = self.print_path(path.as_ref()?);
                Some(match name.as_str() {
                    "out" => path,
                    other => format!("{other}={path}"),
                })
            });
            row.push(shown.collect::<Vec<_>>().join(";"));
        }
        if wanted.description {
            row.push(element.meta_text(self.work.evaluation.ctx, "description")?);
        }
        Ok(row)
    }

    fn json(&mut self, elements: &[Element<'h>]) -> Result<(), Stop> {
        let mut all = Map::new();
        self.for_each(elements, |listing, element| {
            let shown = listing.json_of(element)?;
            all.insert(element.attr_path.clone(), shown);
            Ok(())
        })?;
        let mut all = Value::Object(all);
        all.sort_all_objects();
        let text = serde_json::to_string_pretty(&all);
        let text = text.map_err(|it| Failure::message(it.to_string()))?;
        self.work.evaluation.context.console.print_line(text)?;
        Ok(())
    }

    fn json_of(&mut self, element: &Element<'h>) -> Result<Value, Stop> {
        let name = PackageName::parse(&element.name);
        let mut shown = Map::new();
        shown.insert("name".to_owned(), name.full.into());
        shown.insert("pname".to_owned(), name.name.into());
        shown.insert("version".to_owned(), name.version.into());
        let system = element.system(self.work.evaluation.ctx)?;
        shown.insert("system".to_owned(), system.into());
        let output = element.output_name(self.work.evaluation.ctx)?;
        shown.insert("outputName".to_owned(), output.into());
        let outputs = self.outputs(element, self.wanted.out_path)?;
        let outputs = outputs.into_iter().map(|(name, path)| {
            let path = path.map_or(Value::Null, |it| self.print_path(&it).into());
            (name, path)
        });
        shown.insert("outputs".to_owned(), Value::Object(outputs.collect()));
        if self.wanted.drv_path
            && let Some(path) = self.drv_path(element)?
        {
            shown.insert("drvPath".to_owned(), path.into());
        }
        if self.wanted.meta {
            let mut meta = Map::new();
            for name in element.meta_names(self.work.evaluation.ctx)? {
                let ctx = &mut *self.work.evaluation.ctx;
                let value = if let Some(value) = element.meta(ctx, name)? {
                    let text = output::json(ctx, value, true)?;
                    let value = serde_json::from_slice(&text);
                    value.map_err(|it| Failure::message(it.to_string()))?
                } else {
                    self.say_invalid(element, name);
                    Value::Null
                };
                meta.insert(shown_name(name), value);
            }
            shown.insert("meta".to_owned(), Value::Object(meta));
        }
        Ok(Value::Object(shown))
    }

    fn say_invalid(&self, element: &Element<'h>, name: Symbol) {
        let name = shown_name(name);
        let text = format!(
            "derivation '{}' has invalid meta attribute '{name}'",
            element.name
        );
        self.work.evaluation.context.console.line(&text);
    }

    fn xml(&mut self, elements: &[Element<'h>]) -> Result<(), Stop> {
        let console = self.work.evaluation.context.console;
        let mut writer = Writer::default();
        writer.open("items", &Attributes::new());
        self.for_each(elements, |listing, element| {
            if listing.counts(element)? {
                listing.xml_of(element, &mut writer)?;
                console.print(writer.take())?;
            }
            Ok(())
        })?;
        console.print(writer.finish())?;
        Ok(())
    }

    fn xml_of(&mut self, element: &Element<'h>, writer: &mut Writer) -> Result<(), Stop> {
        let attributes = self.xml_attributes(element)?;
        let outputs = self.outputs(element, self.wanted.out_path)?;
        writer.open("item", &attributes);
        for (name, path) in outputs {
            let mut attributes = Attributes::from([("name", name)]);
            if let Some(path) = path {
                attributes.insert("path", self.print_path(&path));
            }
            writer.empty("output", &attributes);
        }
        if self.wanted.meta {
            for name in element.meta_names(self.work.evaluation.ctx)? {
                match element.meta(self.work.evaluation.ctx, name)? {
                    Some(value) => {
                        let kind = kind_of_meta(self.work.evaluation.ctx, value);
                        write_meta(writer, &shown_name(name), kind);
                    }
                    None => self.say_invalid(element, name),
                }
            }
        }
        writer.close();
        Ok(())
    }

    fn xml_attributes(&mut self, element: &Element<'h>) -> Result<Attributes, Stop> {
        let wanted = self.wanted;
        let name = PackageName::parse(&element.name);
        let mut attributes = Attributes::from([
            ("attrPath", element.attr_path.clone()),
            ("name", name.full),
            ("pname", name.name),
            ("version", name.version),
        ]);
        if wanted.status {
            let path = self.out_path(element)?;
            let mark = |set: &BTreeSet<StorePath>| u8::from(set.contains(&path)).to_string();
            attributes.insert("installed", mark(&self.paths.installed));
            attributes.insert("valid", mark(&self.paths.valid));
            attributes.insert("substitutable", mark(&self.paths.substitutable));
        }
        if wanted.compare {
            let (difference, version) = compare_with(element, &self.others);
            if difference != VersionDifference::Unavailable {
                attributes.insert("versionDiff", sign(difference).to_string());
                attributes.insert("maxComparedVersion", version);
            }
        }
        let system = element.system(self.work.evaluation.ctx)?;
        if !system.is_empty() {
            attributes.insert("system", system);
        }
        if wanted.drv_path
            && let Some(path) = self.drv_path(element)?
        {
            attributes.insert("drvPath", path);
        }
        let output = element.output_name(self.work.evaluation.ctx)?;
        attributes.insert("outputName", output);
        if wanted.description {
            let text = element.meta_text(self.work.evaluation.ctx, "description")?;
            if !text.is_empty() {
                attributes.insert("description", text);
            }
        }
        Ok(attributes)
    }
}

fn write_meta(writer: &mut Writer, name: &str, kind: MetaKind) {
    let named =
        |kind: &str| Attributes::from([("name", name.to_owned()), ("type", kind.to_owned())]);
    match kind {
        MetaKind::Plain(kind, value) => {
            let mut attributes = named(kind);
            attributes.insert("value", value);
            writer.empty("meta", &attributes);
        }
        MetaKind::List(items) => {
            writer.open("meta", &named("strings"));
            for item in items {
                writer.empty("string", &Attributes::from([("value", item)]));
            }
            writer.close();
        }
        MetaKind::Set(members) => {
            writer.open("meta", &named("strings"));
            for (name, value) in members {
                let attributes = Attributes::from([("type", name), ("value", value)]);
                writer.empty("string", &attributes);
            }
            writer.close();
        }
    }
}

fn sign(difference: VersionDifference) -> char {
    match difference {
        VersionDifference::Less => '>',
        VersionDifference::Equal => '=',
        VersionDifference::Greater => '<',
        VersionDifference::Unavailable => '-',
    }
}

fn shown_name(name: Symbol) -> String {
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}
