//! A package that is installed or could be: a derivation found in a value, or a store path.
//!
//! What is asked of it is evaluated when it is asked, as the reference does: a listing of thousands
//! of packages needs their names only. Words kept here are pinned, since a list of elements is no
//! place that the collector looks into.

use std::collections::{BTreeMap, BTreeSet};

use firn_eval::{
    Coercion, Ctx, ErrorKind, Fail, Kind, Place, SetBuilder, Symbol, Val, float_with_six_digits,
};
use firn_store_model::{StoreDir, StorePath};

/// The outputs of a package by name, with their paths if these were asked for.
pub type Outputs = BTreeMap<String, Option<StorePath>>;

/// A package.
#[derive(Clone)]
pub struct Element<'h> {
    /// Where it was found.
    pub attr_path: String,
    /// Its name.
    pub name: String,
    /// Whether asking for its path failed with an assertion; such ones are left out of listings.
    pub has_failed: bool,
    set: Option<Val<'h>>,
    out_path: Option<StorePath>,
    drv_path: Option<StorePath>,
    /// Descriptions that were set by hand, over those of the derivation.
    flags: BTreeMap<Symbol, Val<'h>>,
}

/// What a description is, for those who show it.
pub enum MetaKind {
    /// A string, an integer, a float or a truth value: the kind's name, and the text.
    Plain(&'static str, String),
    /// The strings of a list.
    List(Vec<String>),
    /// The strings of a set, by name.
    Set(Vec<(String, String)>),
}

impl<'h> Element<'h> {
    /// A derivation.
    pub fn of_set(attr_path: String, name: String, set: Val<'h>) -> Self {
        Self {
            attr_path,
            name,
            has_failed: false,
            set: Some(set),
            out_path: None,
            drv_path: None,
            flags: BTreeMap::new(),
        }
    }

    /// A store path, made by a derivation or not.
    pub fn of_path(name: String, out_path: StorePath, drv_path: Option<StorePath>) -> Self {
        Self {
            attr_path: String::new(),
            name,
            has_failed: false,
            set: None,
            out_path: Some(out_path),
            drv_path,
            flags: BTreeMap::new(),
        }
    }

    fn attribute(&self, name: &str) -> Option<Val<'h>> {
        self.set?.as_set()?.get(Symbol::find(name.as_bytes())?)
    }

    fn text(
        &self,
        ctx: &mut Ctx<'h>,
        name: &str,
        says_where: bool,
        doing: &'static str,
    ) -> Result<Option<String>, Fail> {
        let Some(value) = self.attribute(name) else {
            return Ok(None);
        };
        let place = self.place(name).filter(|_| says_where);
        let text = ctx.str_no_context_at(value, place, doing)?;
        Ok(Some(String::from_utf8_lossy(text.bytes()).into_owned()))
    }

    /// Where an attribute was written.
    fn place(&self, name: &str) -> Option<Place> {
        Ctx::attr_place(self.set?.as_set()?, Symbol::find(name.as_bytes())?)
    }

    /// The system it is built on; `unknown` for a derivation that does not say, empty for a path.
    pub fn system(&self, ctx: &mut Ctx<'h>) -> Result<String, Fail> {
        if self.set.is_none() {
            return Ok(String::new());
        }
        let doing = "while evaluating the 'system' attribute of a derivation";
        let system = self.text(ctx, "system", true, doing)?;
        Ok(system.unwrap_or_else(|| "unknown".to_owned()))
    }

    /// The derivation, if it has one.
    pub fn drv_path(
        &self,
        ctx: &mut Ctx<'h>,
        store_dir: &StoreDir,
    ) -> Result<Option<StorePath>, Fail> {
        let Some(value) = self.attribute("drvPath") else {
            return Ok(self.drv_path.clone());
        };
        let doing = "while evaluating the 'drvPath' attribute of a derivation";
        let path = store_path(ctx, store_dir, value, doing)?;
        if !path.is_derivation() {
            let message = format!("store path '{path}' is not a valid derivation path");
            let fail = ctx.error(ErrorKind::Eval, message);
            return Err(ctx.trace(fail, self.place("drvPath"), doing));
        }
        Ok(Some(path))
    }

    /// The path of its main output.
    pub fn out_path(&self, ctx: &mut Ctx<'h>, store_dir: &StoreDir) -> Result<StorePath, Fail> {
        if let Some(path) = &self.out_path {
            return Ok(path.clone());
        }
        let Some(value) = self.attribute("outPath") else {
            let message = "derivation does not have attribute 'outPath'";
            return Err(ctx.error(ErrorKind::Eval, message));
        };
        let doing = "while evaluating the output path of a derivation";
        store_path(ctx, store_dir, value, doing)
    }

    /// Its outputs.
    pub fn outputs(
        &self,
        ctx: &mut Ctx<'h>,
        store_dir: &StoreDir,
        with_paths: bool,
    ) -> Result<Outputs, Fail> {
        let Some(list) = self.attribute("outputs") else {
            let path = if with_paths {
                Some(self.out_path(ctx, store_dir)?)
            } else {
                None
            };
            return Ok(Outputs::from([("out".to_owned(), path)]));
        };
        let doing = "while evaluating the 'outputs' attribute of a derivation";
        let mut outputs = Outputs::new();
        for &name in ctx.list(list, doing)? {
            let doing = "while evaluating the name of an output of a derivation";
            let name = ctx.str_no_context(name, doing)?;
            let name = String::from_utf8_lossy(name.bytes()).into_owned();
            if !with_paths {
                outputs.insert(name, None);
                continue;
            }
            let Some(output) = self.attribute(&name) else {
                continue;
            };
            let output = ctx.attrs(output, "while evaluating an output of a derivation")?;
            let Some(path) = output.get(Symbol::intern(b"outPath")) else {
                continue;
            };
            let doing = "while evaluating an output path of a derivation";
            let path = store_path(ctx, store_dir, path, doing)?;
            outputs.insert(name, Some(path));
        }
        Ok(outputs)
    }

    /// Those of its outputs that are wanted where nobody names any.
    pub fn outputs_to_install(
        &self,
        ctx: &mut Ctx<'h>,
        store_dir: &StoreDir,
    ) -> Result<Outputs, Fail> {
        let mut outputs = self.outputs(ctx, store_dir, true)?;
        if self.set.is_none() {
            return Ok(outputs);
        }
        let doing = "while evaluating the 'outputSpecified' attribute of a derivation";
        if let Some(chosen) = self.attribute("outputSpecified")
            && ctx.bool_at(chosen, self.place("outputSpecified"), doing)?
        {
            let name = self.output_name(ctx)?;
            let Some((name, path)) = outputs.remove_entry(&name) else {
                let message = format!("derivation does not have output '{name}'");
                return Err(ctx.error(ErrorKind::Eval, message));
            };
            return Ok(Outputs::from([(name, path)]));
        }
        let Some(wanted) = self.meta(ctx, Symbol::intern(b"outputsToInstall"))? else {
            return Ok(outputs);
        };
        let mut chosen = Outputs::new();
        let names = wanted.as_list();
        for &name in names.unwrap_or_default() {
            let name = ctx.force(name)?;
            let name = name.as_str().map(|it| String::from_utf8_lossy(it.bytes()));
            match name.and_then(|it| outputs.remove_entry(&*it)) {
                Some((name, path)) => drop(chosen.insert(name, path)),
                None => return Err(bad_outputs(ctx)),
            }
        }
        if names.is_none() {
            return Err(bad_outputs(ctx));
        }
        Ok(chosen)
    }

    /// The output that it stands for; empty if it does not say.
    pub fn output_name(&self, ctx: &mut Ctx<'h>) -> Result<String, Fail> {
        let doing = "while evaluating the output name of a derivation";
        Ok(self
            .text(ctx, "outputName", false, doing)?
            .unwrap_or_default())
    }

    fn described(&self, ctx: &mut Ctx<'h>) -> Result<BTreeMap<Symbol, Val<'h>>, Fail> {
        let mut all = BTreeMap::new();
        if let Some(meta) = self.attribute("meta") {
            let doing = "while evaluating the 'meta' attribute of a derivation";
            let meta = ctx.attrs(meta, doing)?;
            all.extend(ctx.attrs_by_name(meta));
        }
        all.extend(self.flags.iter().map(|(name, value)| (*name, *value)));
        Ok(all)
    }

    /// The names of its descriptions, in order.
    pub fn meta_names(&self, ctx: &mut Ctx<'h>) -> Result<Vec<Symbol>, Fail> {
        let names: BTreeSet<_> = self
            .described(ctx)?
            .into_keys()
            .map(|it| (it.as_bytes().to_vec(), it))
            .collect();
        Ok(names.into_iter().map(|it| it.1).collect())
    }

    /// A description, if it is there and plain data; evaluated to its end.
    pub fn meta(&self, ctx: &mut Ctx<'h>, name: Symbol) -> Result<Option<Val<'h>>, Fail> {
        let value = match self.flags.get(&name) {
            Some(value) => Some(*value),
            None => match self.attribute("meta") {
                Some(meta) => {
                    let doing = "while evaluating the 'meta' attribute of a derivation";
                    ctx.attrs(meta, doing)?.get(name)
                }
                None => None,
            },
        };
        let Some(value) = value else {
            return Ok(None);
        };
        Ok(if is_plain_data(ctx, value)? {
            Some(ctx.force(value)?)
        } else {
            None
        })
    }

    /// A description that is text; empty if it is not.
    pub fn meta_text(&self, ctx: &mut Ctx<'h>, name: &str) -> Result<String, Fail> {
        let value = self.meta(ctx, Symbol::intern(name.as_bytes()))?;
        let text = value.and_then(Val::as_str);
        Ok(text.map_or_else(String::new, |it| {
            String::from_utf8_lossy(it.bytes()).into_owned()
        }))
    }

    /// How little it gives way to others, where the lower number wins; 0 if it does not say.
    pub fn priority(&self, ctx: &mut Ctx<'h>) -> Result<i64, Fail> {
        let Some(value) = self.meta(ctx, Symbol::intern(b"priority"))? else {
            return Ok(0);
        };
        let text = value.as_str().map(|it| String::from_utf8_lossy(it.bytes()));
        let number = value.as_int().or_else(|| text?.parse().ok());
        Ok(number.unwrap_or(0))
    }

    /// Whether it stays as it is whatever else is installed.
    pub fn is_kept(&self, ctx: &mut Ctx<'h>) -> Result<bool, Fail> {
        let Some(value) = self.meta(ctx, Symbol::intern(b"keep"))? else {
            return Ok(false);
        };
        let says_so = value.as_str().is_some_and(|it| it.bytes() == b"true");
        Ok(value.as_bool().unwrap_or(says_so))
    }

    /// Sets a description.
    pub fn set_flag(&mut self, ctx: &Ctx<'h>, name: &str, value: &str) {
        let value = ctx.new_str(value.as_bytes());
        ctx.pin(value);
        self.flags.insert(Symbol::intern(name.as_bytes()), value);
    }

    /// What a manifest keeps of it: its name, system, paths and descriptions; and the paths.
    pub(crate) fn entry(
        &self,
        ctx: &mut Ctx<'h>,
        store_dir: &StoreDir,
        with_derivation: bool,
    ) -> Result<(Val<'h>, Vec<StorePath>, Option<StorePath>), Fail> {
        let drv_path = if with_derivation {
            self.drv_path(ctx, store_dir)?
        } else {
            None
        };
        let outputs = self.outputs_to_install(ctx, store_dir)?;
        let names = self.meta_names(ctx)?;
        let mut entry = Entry {
            ctx,
            attributes: SetBuilder::default(),
        };
        entry.add_text("type", "derivation");
        entry.add_text("name", &self.name);
        let system = self.system(entry.ctx)?;
        if !system.is_empty() {
            entry.add_text("system", &system);
        }
        let out_path = self.out_path(entry.ctx, store_dir)?;
        entry.add_text("outPath", &store_dir.print(&out_path));
        if let Some(path) = &drv_path {
            entry.add_text("drvPath", &store_dir.print(path));
        }
        let mut paths = Vec::new();
        let mut listed = Vec::new();
        for (name, path) in outputs {
            let text = entry.ctx.new_str(name.as_bytes());
            entry.ctx.pin(text);
            listed.push(text);
            let Some(path) = path else {
                continue;
            };
            let shown = entry.ctx.new_str(store_dir.print(&path).as_bytes());
            let mut output = SetBuilder::default();
            output.push(Symbol::intern(b"outPath"), shown);
            let output = entry.ctx.new_set(output);
            entry.add(&name, output);
            paths.push(path);
        }
        let listed = entry.ctx.new_list(&listed);
        entry.add("outputs", listed);
        let mut meta = SetBuilder::default();
        for name in names {
            if let Some(value) = self.meta(entry.ctx, name)? {
                entry.ctx.pin(value);
                meta.push(name, value);
            }
        }
        let meta = entry.ctx.new_set(meta);
        entry.add("meta", meta);
        let set = entry.ctx.new_set(entry.attributes);
        ctx.pin(set);
        Ok((set, paths, drv_path))
    }
}

/// A set in the making.
struct Entry<'a, 'h> {
    ctx: &'a mut Ctx<'h>,
    attributes: SetBuilder<'h, firn_eval::Code<'h>>,
}

impl<'h> Entry<'_, 'h> {
    fn add(&mut self, name: &str, value: Val<'h>) {
        self.ctx.pin(value);
        self.attributes.push(Symbol::intern(name.as_bytes()), value);
    }

    fn add_text(&mut self, name: &str, text: &str) {
        let value = self.ctx.new_str(text.as_bytes());
        self.add(name, value);
    }
}

fn bad_outputs(ctx: &mut Ctx<'_>) -> Fail {
    let message = "this derivation has bad 'meta.outputsToInstall'";
    ctx.error(ErrorKind::Eval, message)
}

/// The store path that a value's text is.
fn store_path<'h>(
    ctx: &mut Ctx<'h>,
    store_dir: &StoreDir,
    value: Val<'h>,
    doing: &'static str,
) -> Result<StorePath, Fail> {
    let (text, _) = ctx.coerce(value, Coercion::default(), doing)?;
    store_dir.parse(&text).map_err(|_| {
        let shown = String::from_utf8_lossy(&text).into_owned();
        let message = format!("path '{shown}' is not in the Nix store");
        let fail = ctx.error(ErrorKind::Eval, message);
        ctx.trace(fail, None, doing)
    })
}

/// Whether a value is made of numbers, strings, truth values, lists and sets alone, none of them a
/// derivation. Evaluates it as far as that is so.
fn is_plain_data<'h>(ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<bool, Fail> {
    if let Err(fail) = ctx.check_depth(1) {
        return Err(ctx.at_literal(fail, value));
    }
    ctx.nested(|ctx| {
        let value = ctx.force(value)?;
        match value.kind() {
            Kind::List => {
                for &item in value.as_list().unwrap_or_default() {
                    if !is_plain_data(ctx, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Kind::Set => {
                let Some(set) = value.as_set() else {
                    return Ok(false);
                };
                if set.get(Symbol::intern(b"outPath")).is_some() {
                    return Ok(false);
                }
                for (_, item) in ctx.attrs_by_name(set) {
                    if !is_plain_data(ctx, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Kind::Int | Kind::Bool | Kind::String | Kind::Float => Ok(true),
            _ => Ok(false),
        }
    })
}

/// A description as those show it who have no better way: plain values as text, of lists and sets
/// the strings.
pub fn kind_of_meta<'h>(ctx: &Ctx<'h>, value: Val<'h>) -> MetaKind {
    let text = |value: Val<'h>| {
        let resolved = value.resolved()?;
        let bytes = resolved.as_str()?.bytes();
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    if let Some(items) = value.as_list() {
        return MetaKind::List(items.iter().filter_map(|&it| text(it)).collect());
    }
    if let Some(set) = value.as_set() {
        let members = ctx.attrs_by_name(set).into_iter();
        let members = members.filter_map(|(name, value)| {
            let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
            Some((name, text(value)?))
        });
        return MetaKind::Set(members.collect());
    }
    match value.kind() {
        Kind::Int => MetaKind::Plain("int", value.as_int().unwrap_or_default().to_string()),
        Kind::Bool => {
            let flag = value.as_bool() == Some(true);
            MetaKind::Plain("bool", flag.to_string())
        }
        Kind::Float => {
            let float = value.as_float().unwrap_or_default();
            MetaKind::Plain("float", float_with_six_digits(float))
        }
        _ => MetaKind::Plain("string", text(value).unwrap_or_default()),
    }
}
