//! What `flake.nix` says of itself: description, inputs, the function of its outputs, settings.
//!
//! The file must state all this outright (literals, sets, lists, functions), so that reading it
//! evaluates nothing. The rules and messages are the reference's.

use std::collections::BTreeMap;

use firn_eval::{AttrPos, Code, Ctx, ErrorKind, Fail, Kind, Place, Set, Symbol, Val, name_text};
use firn_fetch::{Attr, Attrs, Fetched, UseRegistries};
use firn_instantiate::{StoreHost, fetch_failed, public_keys};
use firn_source::{CanonicalPath, FileId, SourcePath};
use firn_store_model::StorePath;

use crate::lock_file::{InputPath, parse_path};
use crate::reference::{FlakeRef, RefOptions};

/// An input as a flake states it.
#[derive(Clone, Debug, Default)]
pub struct FlakeInput {
    /// Where it comes from, if that is said.
    pub reference: Option<FlakeRef>,
    /// Whether it is no flake, but just a source.
    pub is_source: bool,
    /// The input that it is the same as.
    pub follows: Option<InputPath>,
    /// What is said about its own inputs.
    pub overrides: FlakeInputs,
}

/// Inputs by name.
pub type FlakeInputs = BTreeMap<String, FlakeInput>;

/// A flake whose `flake.nix` has been read.
#[derive(Clone, Debug)]
pub struct Flake {
    /// What was asked for.
    pub original: FlakeRef,
    /// What registries made of it.
    pub resolved: FlakeRef,
    /// What it was found to be.
    pub locked: FlakeRef,
    /// The tree, if it was fetched for this flake.
    pub tree: Option<StorePath>,
    /// `flake.nix`.
    pub path: SourcePath,
    /// What it says it is.
    pub description: Option<String>,
    /// Its inputs.
    pub inputs: FlakeInputs,
    /// `inputs.self`: how the flake itself wants to be fetched.
    pub self_attrs: Attrs,
    /// `nixConfig`: settings and their values.
    pub config: BTreeMap<String, String>,
    /// Whether its tree differs from what a revision says because a lock file was not written.
    pub is_dirty: bool,
}

impl Flake {
    /// The directory of `flake.nix`.
    pub fn directory(&self) -> SourcePath {
        self.path.parent().unwrap_or_else(|| self.path.clone())
    }

    /// The lock file.
    pub fn lock_file_path(&self) -> SourcePath {
        self.directory().join(b"flake.lock")
    }
}

/// Fetches a flake and reads it.
pub fn get_flake(
    ctx: &mut Ctx<'_>,
    host: &StoreHost,
    original: &FlakeRef,
    registries: UseRegistries,
    lock_root: &[String],
) -> Result<Flake, Fail> {
    let fetcher = host.fetcher();
    let fetched = fetcher.fetch(&original.input, registries);
    let fetched = fetched.map_err(|error| fetch_failed(ctx, error))?;
    let subdir = match fetched.extra.get("dir") {
        Some(Attr::Str(dir)) => dir.clone(),
        _ => original.subdir.clone(),
    };
    let at = |input: &firn_fetch::Input| FlakeRef {
        input: input.clone(),
        subdir: subdir.clone(),
    };
    let resolved = at(&fetched.resolved);
    let read = |ctx: &mut Ctx<'_>, fetched: &Fetched| {
        host.mount(fetched);
        let root = SourcePath::host(host.store().store_dir().print(&fetched.path).as_bytes());
        let refs = [original.clone(), resolved.clone(), at(&fetched.input)];
        let mut flake = read_flake(ctx, host, refs, &root.join(subdir.as_bytes()), lock_root)?;
        flake.tree = Some(fetched.path.clone());
        Ok(flake)
    };
    let flake = read(ctx, &fetched)?;
    let mut wanted = fetched.input.clone();
    for (name, value) in &flake.self_attrs {
        if name != "submodules" && name != "lfs" {
            let message = format!("flake 'self' attribute '{name}' is not supported");
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        wanted.set(name, value.clone());
    }
    if wanted == fetched.input {
        return Ok(flake);
    }
    fetcher.debug(&format!(
        "refetching input '{}' due to self attribute",
        wanted.show()
    ));
    wanted.attrs.remove("narHash");
    let fetched = fetcher.fetch(&wanted, UseRegistries::No);
    let fetched = fetched.map_err(|error| fetch_failed(ctx, error))?;
    read(ctx, &fetched)
}

/// Reads the flake in a directory.
pub fn read_flake(
    ctx: &mut Ctx<'_>,
    host: &StoreHost,
    [original, resolved, locked]: [FlakeRef; 3],
    directory: &SourcePath,
    lock_root: &[String],
) -> Result<Flake, Fail> {
    let path = directory.join(b"flake.nix");
    let value = ctx.eval_set_file(&path)?;
    let set = value.as_set().expect("the text is a set literal");
    let mut reader = Reader {
        ctx,
        host,
        directory,
        lock_root,
    };
    let mut flake = Flake {
        original,
        resolved,
        locked,
        tree: None,
        path,
        description: None,
        inputs: FlakeInputs::new(),
        self_attrs: Attrs::new(),
        config: BTreeMap::new(),
        is_dirty: false,
    };
    if let Some((value, place)) = member(set, "description") {
        flake.description = Some(reader.string(value, place)?);
    }
    if let Some((value, place)) = member(set, "inputs") {
        (flake.inputs, flake.self_attrs) = reader.inputs(value, place, true)?;
    }
    let Some((outputs, place)) = member(set, "outputs") else {
        let message = format!("flake '{}' lacks attribute 'outputs'", flake.resolved);
        return Err(reader.ctx.error(ErrorKind::Eval, message));
    };
    let outputs = reader.expect(Kind::Function, outputs, place)?;
    let formals = reader.ctx.lambda_view(outputs).and_then(|it| it.formals);
    for formal in formals.into_iter().flatten() {
        let name = name_of(formal.name);
        if name != "self" && !flake.inputs.contains_key(&name) {
            let found = FlakeRef::parse(host.fetcher(), &name, RefOptions::default());
            let input = FlakeInput {
                reference: Some(found.map_err(|error| fetch_failed(reader.ctx, error))?),
                ..FlakeInput::default()
            };
            flake.inputs.insert(name, input);
        }
    }
    if let Some((value, place)) = member(set, "nixConfig") {
        flake.config = reader.config(value, place)?;
    }
    for (name, _) in reader.ctx.attrs_by_name(set) {
        let known: [&[u8]; 4] = [b"description", b"inputs", b"outputs", b"nixConfig"];
        if !known.contains(&name.as_bytes()) {
            let at = reader.show(place_of(set.position(name)));
            let message = format!(
                "flake '{}' has an unsupported attribute '{}', at {at}",
                flake.resolved,
                name_of(name)
            );
            return Err(reader.ctx.error(ErrorKind::Eval, message));
        }
    }
    Ok(flake)
}

fn name_of(name: Symbol) -> String {
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}

fn place_of(position: AttrPos) -> Option<Place> {
    position.get().map(|(file, offset)| Place {
        file: FileId(file),
        offset,
    })
}

/// An attribute and where it was written.
fn member<'h>(set: Set<'h, Code<'h>>, name: &str) -> Option<(Val<'h>, Option<Place>)> {
    let name = Symbol::intern(name.as_bytes());
    Some((set.get(name)?, place_of(set.position(name))))
}

struct Reader<'a, 'h> {
    ctx: &'a mut Ctx<'h>,
    host: &'a StoreHost,
    directory: &'a SourcePath,
    lock_root: &'a [String],
}

impl<'h> Reader<'_, 'h> {
    fn show(&self, place: Option<Place>) -> String {
        place.map_or_else(|| "«none»:0".to_owned(), |it| self.ctx.place_text(it))
    }

    fn unexpected(&mut self, what: &str, value: Option<Val<'h>>, place: Option<Place>) -> Fail {
        let found = value.map_or_else(|| "a thunk".to_owned(), |it| self.ctx.type_name(it));
        let at = self.show(place);
        self.ctx.error(
            ErrorKind::Type,
            format!("expected {what} but got {found} at {at}"),
        )
    }

    /// A value of a kind that the text states outright.
    fn expect(&mut self, kind: Kind, word: Val<'h>, place: Option<Place>) -> Result<Val<'h>, Fail> {
        let value = self.ctx.force_trivial(word)?;
        if let Some(value) = value.filter(|it| it.kind() == kind) {
            return Ok(value);
        }
        let what = match kind {
            Kind::String => "a string",
            Kind::Bool => "a Boolean",
            Kind::Function => "a function",
            _ => "a set",
        };
        Err(self.unexpected(what, value, place))
    }

    fn string(&mut self, word: Val<'h>, place: Option<Place>) -> Result<String, Fail> {
        let value = self.expect(Kind::String, word, place)?;
        let bytes = value.as_str().map(|it| it.bytes().to_vec());
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }

    fn set(&mut self, word: Val<'h>, place: Option<Place>) -> Result<Set<'h, Code<'h>>, Fail> {
        let value = self.expect(Kind::Set, word, place)?;
        Ok(value.as_set().expect("a set was expected and found"))
    }

    fn inputs(
        &mut self,
        word: Val<'h>,
        place: Option<Place>,
        allow_self: bool,
    ) -> Result<(FlakeInputs, Attrs), Fail> {
        let set = self.set(word, place)?;
        let (mut inputs, mut self_attrs) = (FlakeInputs::new(), Attrs::new());
        for (symbol, value) in self.ctx.attrs_by_name(set) {
            let place = place_of(set.position(symbol));
            if symbol.as_bytes() != b"self" {
                inputs.insert(name_of(symbol), self.input(value, place)?);
                continue;
            }
            if !allow_self {
                let message = format!("'self' input attribute not allowed at {}", self.show(place));
                return Err(self.ctx.error(ErrorKind::Eval, message));
            }
            let set = self.set(value, place)?;
            for (symbol, value) in self.ctx.attrs_by_name(set) {
                let name = name_of(symbol);
                let attr = self.attr(&name, value)?;
                self_attrs.insert(name, attr);
            }
        }
        Ok((inputs, self_attrs))
    }

    fn input(&mut self, word: Val<'h>, place: Option<Place>) -> Result<FlakeInput, Fail> {
        let set = self.set(word, place)?;
        let mut input = FlakeInput::default();
        let mut attrs = Attrs::new();
        let mut url = None;
        for (symbol, value) in self.ctx.attrs_by_name(set) {
            let at = place_of(set.position(symbol));
            let taken = self.input_attr(symbol, value, at, &mut input, &mut attrs, &mut url);
            if let Err(fail) = taken {
                let text = format!("while evaluating flake attribute '{}'", name_text(symbol));
                return Err(self.ctx.trace(fail, at, text));
            }
        }
        let fetcher = self.host.fetcher();
        if attrs.contains_key("type") {
            let found = FlakeRef::of_attrs(fetcher, attrs);
            let found = found.map_err(|error| fetch_failed(self.ctx, error));
            input.reference = match found {
                Ok(found) => Some(found),
                Err(fail) => {
                    return Err(self.ctx.trace(fail, place, "while evaluating flake input"));
                }
            };
        } else {
            attrs.remove("url");
            if let Some(name) = attrs.keys().next() {
                let message = format!(
                    "unexpected flake input attribute '{name}', at {}",
                    self.show(place)
                );
                return Err(self.ctx.error(ErrorKind::Eval, message));
            }
            if let Some(url) = url {
                let options = RefOptions {
                    allow_missing: true,
                    is_flake: !input.is_source,
                    keep_relative: true,
                    base: None,
                };
                let found = FlakeRef::parse(fetcher, &url, options);
                input.reference = Some(found.map_err(|error| fetch_failed(self.ctx, error))?);
            }
        }
        if input.reference.is_some() && input.follows.is_some() {
            let message = format!(
                "flake input has both a flake reference and a follows attribute, at {}",
                self.show(place)
            );
            return Err(self.ctx.error(ErrorKind::Eval, message));
        }
        Ok(input)
    }

    fn input_attr(
        &mut self,
        symbol: Symbol,
        value: Val<'h>,
        place: Option<Place>,
        input: &mut FlakeInput,
        attrs: &mut Attrs,
        url: &mut Option<String>,
    ) -> Result<(), Fail> {
        match symbol.as_bytes() {
            b"url" => {
                let text = self.url(value, place)?;
                attrs.insert("url".to_owned(), text.as_str().into());
                *url = Some(text);
            }
            b"flake" => {
                let value = self.expect(Kind::Bool, value, place)?;
                input.is_source = value.as_bool() == Some(false);
            }
            b"inputs" => input.overrides = self.inputs(value, place, false)?.0,
            b"follows" => {
                let text = self.string(value, place)?;
                let path = parse_path(&text).map_err(|error| fetch_failed(self.ctx, error))?;
                input.follows = Some([self.lock_root.to_vec(), path].concat());
            }
            _ => {
                let name = name_of(symbol);
                let attr = self.attr(&name, value)?;
                attrs.insert(name, attr);
            }
        }
        Ok(())
    }

    /// A URL, or a path in the flake's own tree.
    fn url(&mut self, word: Val<'h>, place: Option<Place>) -> Result<String, Fail> {
        let value = self.ctx.force_trivial(word)?;
        match value {
            Some(value) if value.kind() == Kind::String => self.string(value, place),
            Some(value) if value.kind() == Kind::Path => {
                let path = value
                    .as_path()
                    .map(|it| it.bytes.to_vec())
                    .unwrap_or_default();
                let path = CanonicalPath::new(&path);
                let store_dir = self.host.store().store_dir().clone();
                let tree =
                    |path: &CanonicalPath| store_dir.split(path.as_bytes()).ok().map(|it| it.0);
                if tree(&path) != tree(&self.directory.path) {
                    let message = format!(
                        "input attribute path '{path}' at {} must be in the same source tree as {}",
                        self.show(place),
                        self.directory.path
                    );
                    return Err(self.ctx.error(ErrorKind::Eval, message));
                }
                Ok(format!("path:{}", relative(&self.directory.path, &path)))
            }
            other => Err(self.unexpected("a string or a path", other, place)),
        }
    }

    fn attr(&mut self, name: &str, word: Val<'h>) -> Result<Attr, Fail> {
        let value = self.ctx.force_trivial(word)?;
        let kind = value.map(Val::kind);
        match (value, kind) {
            (Some(value), Some(Kind::String)) => self.string(value, None).map(Attr::Str),
            (Some(value), Some(Kind::Bool)) => Ok(Attr::Bool(value.as_bool() == Some(true))),
            (Some(value), Some(Kind::Int)) => {
                let number = value.as_int().unwrap_or_default();
                u64::try_from(number).map(Attr::Int).map_err(|_| {
                    let message =
                        format!("negative value given for flake input attribute {name}: {number}");
                    self.ctx.error(ErrorKind::Eval, message)
                })
            }
            (Some(value), Some(Kind::List)) if name == "publicKeys" => {
                let required = self
                    .host
                    .fetcher()
                    .require(firn_settings::Feature::VerifiedFetches);
                required.map_err(|error| fetch_failed(self.ctx, error))?;
                public_keys(self.ctx, value)
            }
            _ => {
                let found = value.map_or_else(|| "a thunk".to_owned(), |it| self.ctx.type_name(it));
                let message = format!(
                    "flake input attribute '{name}' is {found} while a string, Boolean, or integer is expected"
                );
                Err(self.ctx.error(ErrorKind::Type, message))
            }
        }
    }

    fn config(
        &mut self,
        word: Val<'h>,
        place: Option<Place>,
    ) -> Result<BTreeMap<String, String>, Fail> {
        let set = self.set(word, place)?;
        let mut config = BTreeMap::new();
        for (symbol, value) in self.ctx.attrs_by_name(set) {
            let name = name_of(symbol);
            let value = self.ctx.force_trivial(value)?;
            let text = match value.map(|it| (it, it.kind())) {
                Some((value, Kind::String)) => self.string(value, None)?,
                Some((value, Kind::Path)) => {
                    let (path, _) = self.ctx.coerce_path(value, "")?;
                    let stored = self.ctx.copy_to_store(&path)?;
                    String::from_utf8_lossy(&stored).into_owned()
                }
                Some((value, Kind::Int)) => value.as_int().unwrap_or_default().to_string(),
                Some((value, Kind::Bool)) => (value.as_bool() == Some(true)).to_string(),
                Some((value, Kind::List)) => self.config_list(&name, value)?,
                other => {
                    let found =
                        other.map_or_else(|| "a thunk".to_owned(), |it| self.ctx.type_name(it.0));
                    let message = format!("flake configuration setting '{name}' is {found}");
                    return Err(self.ctx.error(ErrorKind::Type, message));
                }
            };
            config.insert(name, text);
        }
        Ok(config)
    }

    fn config_list(&mut self, name: &str, value: Val<'h>) -> Result<String, Fail> {
        let mut words = Vec::new();
        for &item in value.as_list().unwrap_or_default() {
            let item = self.ctx.force_trivial(item)?;
            let Some(item) = item.filter(|it| it.kind() == Kind::String) else {
                let found = self.ctx.type_name(value);
                let message = format!(
                    "list element in flake configuration setting '{name}' is {found} while a string is expected"
                );
                return Err(self.ctx.error(ErrorKind::Type, message));
            };
            words.push(self.string(item, None)?);
        }
        Ok(words.join(" "))
    }
}

/// The way from one directory of a tree to a path in it.
fn relative(from: &CanonicalPath, to: &CanonicalPath) -> String {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|it| it.0 == it.1).count();
    let ups = from[common..].iter().map(|_| &b".."[..]);
    let parts: Vec<_> = ups.chain(to[common..].iter().copied()).collect();
    if parts.is_empty() {
        return ".".to_owned();
    }
    String::from_utf8_lossy(&parts.join(&b'/')).into_owned()
}
