//! `derivationStrict`: coerces the attributes of a derivation to texts, collects what they refer to,
//! and makes the derivation ([`Recipe`]). The rules and the words of its errors are the reference's.

use std::collections::BTreeMap;

use firn_eval::{
    Ahead, Builtin, Coercion, ContextElement, ContextId, Ctx, Errand, ErrorKind, Fail, Res,
    SetBuilder, Symbol, Val, name_text,
};
use firn_hash::Algorithm;
use firn_store_model::{ContentAddressMethod, STRUCTURED_ATTRS_VARIABLE, check_name};

use crate::host::StoreHost;
use crate::recipe::{Instantiated, Recipe};

pub(super) const BUILTINS: &[Builtin] = &[Builtin::new(
    "derivationStrict",
    &["attrs"],
    DOC,
    derivation_strict,
)];

const DOC: &str = "\
What `derivation` is made of: instantiates a derivation and gives its `drvPath` and the path of each output.";

/// Attributes that have no effect next to structured ones, where `outputChecks` takes their place.
const WITHOUT_EFFECT: &[&str] = &[
    "allowedReferences",
    "allowedRequisites",
    "disallowedReferences",
    "disallowedRequisites",
    "maxSize",
    "maxClosureSize",
];

fn derivation_strict<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let attrs = ctx.attrs(
        args[0],
        "while evaluating the argument passed to builtins.derivationStrict",
    )?;
    let name_symbol = ctx.names().name;
    let name = ctx.attr(
        attrs,
        name_symbol,
        "in the attrset passed as argument to builtins.derivationStrict",
    )?;
    let name_place = Ctx::attr_place(attrs, name_symbol);
    let doing = "while evaluating the `name` attribute passed to builtins.derivationStrict";
    let name = match ctx.str_no_context(name, doing) {
        Ok(name) => String::from_utf8_lossy(name.bytes()).into_owned(),
        Err(fail) => {
            let text = "while evaluating the derivation attribute 'name'";
            return Err(ctx.trace(fail, name_place, text));
        }
    };
    let instantiated = instantiate(ctx, &name, args[0]);
    instantiated.map_err(|fail| {
        let place = name_place.map_or_else(|| "«none»".to_owned(), |place| ctx.place_text(place));
        let text = format!(
            "while evaluating derivation '{name}'\n  whose name attribute is located at {place}"
        );
        ctx.trace(fail, None, text)
    })
}

fn instantiate<'h>(ctx: &mut Ctx<'h>, name: &str, attrs: Val<'h>) -> Res<'h> {
    if let Err(error) = check_name(name.as_bytes()) {
        let message = format!("invalid derivation name: {error}. Please pass a different 'name'.");
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let host = StoreHost::of(ctx);
    let recipe = Reader::new(ctx, &host, name, attrs)?.read()?;
    // A text that refers to a whole derivation needs that in the store.
    let deep = |element: &ContextElement| matches!(element, ContextElement::DrvDeep(_));
    if recipe.context.iter().any(deep) {
        ctx.in_order()?;
        ctx.host_result(|_| {
            host.flush()
                .map_err(|error| crate::host::store_error(&error))
        })?;
    }
    let made = recipe.instantiate(host.store().as_ref(), &host.modulos);
    let made = made.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))?;
    if made.hash_was_empty {
        let message = format!("found empty hash, assuming '{}'", zero_hash());
        ctx.emit(firn_eval::Message::Remark(message.into_bytes()))?;
    }
    let result = result_value(ctx, &host, &made);
    host.pending.derivation(made.text);
    Ok(result)
}

fn zero_hash() -> String {
    firn_hash::Hash::zero(Algorithm::Sha256).to_sri()
}

/// `drvPath` and one attribute per output.
fn result_value<'h>(ctx: &mut Ctx<'h>, host: &StoreHost, made: &Instantiated) -> Val<'h> {
    let drv_path = host.store().store_dir().print(&made.text.path).into_bytes();
    let mut result = SetBuilder::with_capacity(made.outputs.len() + 1);
    let contexts = ctx.heap().contexts();
    let deep = contexts.single(&ContextElement::DrvDeep(drv_path[..].into()));
    result.push(ctx.names().drv_path, ctx.new_str_with(&drv_path, deep));
    for (output, text) in &made.outputs {
        let element = ContextElement::Built {
            drv: drv_path[..].into(),
            output: output.as_str().as_bytes().into(),
        };
        let context = ctx.heap().contexts().single(&element);
        let symbol = Symbol::intern(output.as_str().as_bytes());
        result.push(symbol, ctx.new_str_with(text, context));
    }
    ctx.new_set(result)
}

/// Reads the attributes one by one, in the order of their names.
struct Reader<'c, 'h> {
    ctx: &'c mut Ctx<'h>,
    host: &'c StoreHost,
    attrs: Val<'h>,
    recipe: Recipe,
    context: ContextId,
    /// The structured attributes by name, each as JSON.
    structured: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    ignore_nulls: bool,
}

impl<'c, 'h> Reader<'c, 'h> {
    fn new(
        ctx: &'c mut Ctx<'h>,
        host: &'c StoreHost,
        name: &str,
        attrs: Val<'h>,
    ) -> Result<Self, Fail> {
        let set = ctx.attrs(attrs, "")?;
        let mut flag = |name: &str, doing: &'static str| match Symbol::find(name.as_bytes())
            .and_then(|symbol| set.get(symbol))
        {
            Some(value) => ctx.bool(value, doing),
            None => Ok(false),
        };
        let structured = flag(
            "__structuredAttrs",
            "while evaluating the `__structuredAttrs` attribute passed to builtins.derivationStrict",
        )?;
        let ignore_nulls = flag(
            "__ignoreNulls",
            "while evaluating the `__ignoreNulls` attribute passed to builtins.derivationStrict",
        )?;
        let recipe = Recipe {
            name: name.to_owned(),
            outputs: vec!["out".to_owned()],
            ..Recipe::default()
        };
        Ok(Self {
            ctx,
            host,
            attrs,
            recipe,
            context: ContextId::EMPTY,
            structured: structured.then(BTreeMap::new),
            ignore_nulls,
        })
    }

    fn read(mut self) -> Result<Recipe, Fail> {
        let set = self.ctx.attrs(self.attrs, "")?;
        let attrs = self.ctx.attrs_by_name(set);
        let errand = match self.structured {
            Some(_) => Errand::Json,
            None => Errand::Text,
        };
        let mut ahead = Ahead::new(errand);
        for (idx, &(symbol, value)) in attrs.iter().enumerate() {
            ahead.reach(self.ctx, idx, attrs.len(), |from| {
                attrs[from..].iter().map(|attr| attr.1).collect()
            });
            let key = symbol.as_bytes();
            if key == b"__ignoreNulls" {
                continue;
            }
            if let Err(fail) = self.attribute(key, value) {
                let text = format!(
                    "while evaluating attribute '{}' of derivation '{}'",
                    name_text(symbol),
                    self.recipe.name
                );
                let place = Ctx::attr_place(set, symbol);
                return Err(self.ctx.trace(fail, place, text));
            }
        }
        if let Some(structured) = self.structured.take() {
            let exports = structured.get(&b"exportReferencesGraph"[..]);
            if exports.is_some_and(|json| !json.starts_with(b"{")) {
                self.warn(
                    "'exportReferencesGraph' in structured attrs is not a JSON object, ignoring"
                        .to_owned(),
                )?;
            }
            let json = structured_json(&structured);
            self.recipe
                .env
                .insert(STRUCTURED_ATTRS_VARIABLE.into(), json);
        }
        let elements = self.ctx.heap().contexts().elements(self.context);
        self.recipe.context = elements.into_iter().collect();
        Ok(self.recipe)
    }

    fn attribute(&mut self, key: &[u8], value: Val<'h>) -> Result<(), Fail> {
        if self.ignore_nulls && self.ctx.force(value)?.is_null() {
            return Ok(());
        }
        match key {
            b"__contentAddressed" => {
                if self.ctx.bool(value, "")? {
                    self.recipe.content_addressed = true;
                    self.require("ca-derivations")?;
                }
                Ok(())
            }
            b"__impure" => {
                if self.ctx.bool(value, "")? {
                    self.recipe.impure = true;
                    self.require("impure-derivations")?;
                }
                Ok(())
            }
            b"args" => {
                for &item in self.ctx.list(value, "")? {
                    let doing = "while evaluating an element of the argument list";
                    let text = self.text(item, doing)?;
                    self.recipe.args.push(text);
                }
                Ok(())
            }
            _ if self.structured.is_some() => self.structured_attribute(key, value),
            _ => self.variable(key, value),
        }
    }

    /// An attribute that becomes a variable of the builder's environment.
    fn variable(&mut self, key: &[u8], value: Val<'h>) -> Result<(), Fail> {
        let text = self.text(value, "")?;
        match key {
            b"builder" => self.recipe.builder.clone_from(&text),
            b"system" => self.recipe.system.clone_from(&text),
            b"outputHash" => self.recipe.output_hash = Some(lossy(&text)),
            b"outputHashAlgo" => self.recipe.output_hash_algorithm = algorithm(&text),
            b"outputHashMode" => self.method(&lossy(&text))?,
            b"outputs" => {
                let text = lossy(&text);
                let names = text.split([' ', '\t', '\n', '\r']);
                let names = names.filter(|name| !name.is_empty()).map(ToOwned::to_owned);
                self.outputs(names.collect())?;
            }
            _ if key == STRUCTURED_ATTRS_VARIABLE.as_bytes() => {
                let message = format!(
                    "In derivation '{}': setting structured attributes via '__json' is deprecated, and may be disallowed in future versions of Nix. Set '__structuredAttrs = true' instead.",
                    self.recipe.name
                );
                self.warn(message)?;
            }
            _ => {}
        }
        self.recipe.env.insert(key.to_vec(), text);
        Ok(())
    }

    /// An attribute that is handed over as JSON.
    fn structured_attribute(&mut self, key: &[u8], value: Val<'h>) -> Result<(), Fail> {
        if key == b"__structuredAttrs" {
            return Ok(());
        }
        let mut writer = firn_builtins::JsonWriter::new(true);
        writer.write(self.ctx, value)?;
        let (json, context) = writer.finish(self.ctx)?;
        self.context = self.ctx.heap().contexts().union(self.context, context);
        if let Some(structured) = &mut self.structured {
            structured.insert(key.to_vec(), json);
        }
        match key {
            b"builder" => {
                let builder = self.ctx.str(value, "")?;
                let contexts = self.ctx.heap().contexts();
                self.context = contexts.union(self.context, builder.context());
                self.recipe.builder = builder.bytes().to_vec();
            }
            b"system" => self.recipe.system = self.plain(value)?.into_bytes(),
            b"outputHash" => self.recipe.output_hash = Some(self.plain(value)?),
            b"outputHashAlgo" => {
                self.recipe.output_hash_algorithm = algorithm(self.plain(value)?.as_bytes());
            }
            b"outputHashMode" => {
                let method = self.plain(value)?;
                self.method(&method)?;
            }
            b"outputs" => {
                let items = self.ctx.list(value, "")?;
                let names = items.iter().map(|&item| self.plain(item));
                let names = names.collect::<Result<Vec<_>, _>>()?;
                self.outputs(names)?;
            }
            _ => {
                if let Some(name) = WITHOUT_EFFECT.iter().find(|name| name.as_bytes() == key) {
                    self.warn(format!(
                        "In a derivation named '{}', 'structuredAttrs' disables the effect of the derivation attribute '{name}'; use 'outputChecks.<output>.{name}' instead",
                        self.recipe.name
                    ))?;
                }
            }
        }
        Ok(())
    }

    /// A value as the builder gets it, its context collected.
    fn text(&mut self, value: Val<'h>, doing: &'static str) -> Result<Vec<u8>, Fail> {
        let coercion = Coercion {
            more: true,
            copy_to_store: true,
        };
        let mut text = Vec::new();
        self.ctx
            .coerce_into(value, coercion, None, doing, &mut text, &mut self.context)?;
        Ok(text)
    }

    /// A string that refers to nothing.
    fn plain(&mut self, value: Val<'h>) -> Result<String, Fail> {
        Ok(lossy(self.ctx.str_no_context(value, "")?.bytes()))
    }

    fn method(&mut self, word: &str) -> Result<(), Fail> {
        let method = if word == "recursive" {
            ContentAddressMethod::Nar
        } else {
            ContentAddressMethod::parse(word).map_err(|_| {
                let message = format!("invalid value '{word}' for 'outputHashMode' attribute");
                self.ctx.error(ErrorKind::Eval, message)
            })?
        };
        match method {
            ContentAddressMethod::Text => self.require("dynamic-derivations")?,
            ContentAddressMethod::Git => self.require("git-hashing")?,
            _ => {}
        }
        self.recipe.output_method = Some(method);
        Ok(())
    }

    fn outputs(&mut self, names: Vec<String>) -> Result<(), Fail> {
        for (idx, name) in names.iter().enumerate() {
            let problem = if names[..idx].contains(name) {
                format!("duplicate derivation output '{name}'")
            } else if name == "drvPath" {
                "invalid derivation output name 'drvPath'".to_owned()
            } else {
                continue;
            };
            return Err(self.ctx.error(ErrorKind::Eval, problem));
        }
        if names.is_empty() {
            let problem = "derivation cannot have an empty set of outputs";
            return Err(self.ctx.error(ErrorKind::Eval, problem));
        }
        self.recipe.outputs = names;
        Ok(())
    }

    fn require(&mut self, feature: &str) -> Result<(), Fail> {
        if self.host.has_feature(feature) {
            return Ok(());
        }
        let message = format!(
            "experimental Nix feature '{feature}' is disabled; add '--extra-experimental-features {feature}' to enable it"
        );
        Err(self.ctx.error(ErrorKind::Host, message))
    }

    fn warn(&mut self, message: String) -> Result<(), Fail> {
        let remark = firn_eval::Message::Remark(message.into_bytes());
        self.ctx.emit(remark)
    }
}

/// One JSON object of values that are JSON already.
fn structured_json(attrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut json = vec![b'{'];
    for (name, value) in attrs {
        if json.len() > 1 {
            json.push(b',');
        }
        // Names of attributes that are not UTF-8 have failed before, as values.
        let name = serde_json::to_vec(&lossy(name)).expect("a text is always JSON");
        json.extend_from_slice(&name);
        json.push(b':');
        json.extend_from_slice(value);
    }
    json.push(b'}');
    json
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// An unknown algorithm counts as none: the hash itself may name one.
fn algorithm(name: &[u8]) -> Option<Algorithm> {
    Algorithm::parse(std::str::from_utf8(name).ok()?).ok()
}
