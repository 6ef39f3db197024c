//! Deciding what each input is: what was locked for it before, or what is fetched now.
//!
//! The walk goes from the flake to its inputs and theirs. What takes the place of an input is noted on
//! the way down, and the first to say so wins: the command line, then the outermost flake.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use firn_eval::{Ctx, ErrorKind, Fail};
use firn_fetch::UseRegistries;
use firn_instantiate::{StoreHost, fetch_failed};
use firn_source::SourcePath;

use super::{LockFlags, read_lock_file};
use crate::definition::{Flake, FlakeInput, FlakeInputs, get_flake, read_flake};
use crate::lock_file::{Edge, InputPath, LockFile, Locked, show_path};
use crate::reference::FlakeRef;

/// What takes the place of an input.
#[derive(Clone)]
struct Override {
    input: FlakeInput,
    /// The `flake.nix` that says so, which relative paths are meant from.
    source: SourcePath,
    parent: Option<InputPath>,
}

/// A node of an older lock file.
type OldNode = Option<(Rc<LockFile>, usize)>;

/// The flake whose inputs are being locked.
struct Owner {
    node: usize,
    path: InputPath,
    old: OldNode,
    /// What ways in an old lock file are meant from.
    follows_prefix: InputPath,
    source: SourcePath,
    /// Whether what an old lock file says of followed inputs is believed.
    trust_lock: bool,
}

/// What is known while inputs are locked.
pub(super) struct Locker<'a, 'h> {
    ctx: &'a mut Ctx<'h>,
    host: &'a StoreHost,
    flags: &'a LockFlags,
    /// Those that are asked for flakes of the command line, and for inputs.
    registries: (UseRegistries, UseRegistries),
    overrides: BTreeMap<InputPath, Override>,
    overrides_used: BTreeSet<InputPath>,
    updates_used: BTreeSet<InputPath>,
    node_paths: BTreeMap<usize, SourcePath>,
    parents: Vec<FlakeRef>,
    new: LockFile,
}

impl<'a, 'h> Locker<'a, 'h> {
    /// For a flake of which nothing is locked yet.
    pub(super) fn new(
        ctx: &'a mut Ctx<'h>,
        host: &'a StoreHost,
        flake: &Flake,
        flags: &'a LockFlags,
        registries: (UseRegistries, UseRegistries),
    ) -> Self {
        let by_flag = flags.overrides.iter().map(|(path, reference)| {
            let input = FlakeInput {
                reference: Some(reference.clone()),
                ..FlakeInput::default()
            };
            let replaced = Override {
                input,
                source: flake.path.clone(),
                parent: None,
            };
            (path.clone(), replaced)
        });
        Self {
            ctx,
            host,
            flags,
            registries,
            overrides: by_flag.collect(),
            overrides_used: BTreeSet::new(),
            updates_used: BTreeSet::new(),
            node_paths: BTreeMap::from([(0, flake.directory())]),
            parents: Vec::new(),
            new: LockFile::default(),
        }
    }

    /// Locks all inputs of the flake, beginning with what `old` says of them. Gives the lock file, and
    /// where nodes lie that were looked at.
    pub(super) fn lock(
        mut self,
        flake: &Flake,
        old: Option<LockFile>,
    ) -> Result<(LockFile, BTreeMap<usize, SourcePath>), Fail> {
        let owner = Owner {
            node: 0,
            path: Vec::new(),
            old: old.map(|it| (Rc::new(it), 0)),
            follows_prefix: Vec::new(),
            source: flake.path.clone(),
            trust_lock: false,
        };
        self.inputs(&flake.inputs, &owner)?;
        self.warn_of_unused();
        Ok((self.new, self.node_paths))
    }

    fn inputs(&mut self, inputs: &FlakeInputs, owner: &Owner) -> Result<(), Fail> {
        for (name, input) in inputs {
            let path = [owner.path.clone(), vec![name.clone()]].concat();
            self.add_overrides(input, &path, owner);
        }
        for path in self.overrides.keys() {
            if let Some((name, parent)) = path.split_last()
                && parent == owner.path
                && !inputs.contains_key(name)
            {
                self.host.fetcher().warn(&format!(
                    "input '{}' has an override for a non-existent input '{name}'",
                    show_path(&owner.path)
                ));
            }
        }
        for (name, input) in inputs {
            let path = [owner.path.clone(), vec![name.clone()]].concat();
            if let Err(fail) = self.input(name, input, &path, owner) {
                let text = format!("while updating the flake input '{}'", show_path(&path));
                return Err(self.ctx.trace(fail, None, text));
            }
        }
        Ok(())
    }

    /// Notes what a flake says of inputs of its inputs; what was said before stays.
    fn add_overrides(&mut self, input: &FlakeInput, prefix: &InputPath, owner: &Owner) {
        for (name, inner) in &input.overrides {
            let path = [prefix.clone(), vec![name.clone()]].concat();
            if inner.reference.is_some() || inner.follows.is_some() {
                self.overrides
                    .entry(path.clone())
                    .or_insert_with(|| Override {
                        input: inner.clone(),
                        source: owner.source.clone(),
                        parent: Some(owner.path.clone()),
                    });
            }
            self.add_overrides(inner, &path, owner);
        }
    }

    fn input(
        &mut self,
        name: &str,
        stated: &FlakeInput,
        path: &InputPath,
        owner: &Owner,
    ) -> Result<(), Fail> {
        let replaced = self.overrides.get(path).cloned();
        let by_flag = self.flags.overrides.contains_key(path);
        if replaced.is_some() {
            self.overrides_used.insert(path.clone());
        }
        let mut input = replaced
            .as_ref()
            .map_or_else(|| stated.clone(), |it| it.input.clone());
        input.is_source = stated.is_source;
        let source = replaced.as_ref().map_or(&owner.source, |it| &it.source);
        if let Some(target) = &input.follows {
            let edge = Edge::Follows(target.clone());
            self.new.nodes[owner.node]
                .inputs
                .insert(name.to_owned(), edge);
            return Ok(());
        }
        let reference = match input.reference.clone() {
            Some(reference) => reference,
            None => FlakeRef::named(self.host.fetcher(), name)
                .map_err(|error| fetch_failed(self.ctx, error))?,
        };
        let relative = reference.input.relative_path().map(|it| {
            let directory = source.parent().unwrap_or_else(|| source.clone());
            directory.join(it.as_bytes())
        });
        let parent = match (&relative, &replaced) {
            (None, _) => None,
            (Some(_), Some(replaced)) => replaced.parent.clone(),
            (Some(_), None) => Some(owner.path.clone()),
        };
        self.updates_used.insert(path.clone());
        let is_update = self.flags.updates.contains(path);
        let old = owner
            .old
            .as_ref()
            .filter(|_| !is_update)
            .and_then(|(file, node)| match file.nodes[*node].inputs.get(name)? {
                Edge::Node(child) => Some((Rc::clone(file), *child)),
                Edge::Follows(_) => None,
            });
        let kept = old.filter(|(file, node)| {
            file.nodes[*node].locked.as_ref().is_some_and(|locked| {
                locked.original.canonical() == reference.canonical()
                    && locked.parent == parent
                    && !by_flag
            })
        });
        let new = NewInput {
            name,
            path,
            reference: &reference,
            relative: relative.as_ref(),
            parent,
        };
        match kept {
            Some(old) => self.keep(&new, &old, owner),
            None => self.create(&new, stated, owner),
        }
    }

    /// Takes over what was locked, looking into it only where something may have changed.
    fn keep(
        &mut self,
        new: &NewInput<'_>,
        old: &(Rc<LockFile>, usize),
        owner: &Owner,
    ) -> Result<(), Fail> {
        let (file, number) = old;
        let Some(locked) = file.nodes[*number].locked.clone() else {
            return Ok(());
        };
        let node = self.new.add(locked.clone());
        let edge = Edge::Node(node);
        self.new.nodes[owner.node]
            .inputs
            .insert(new.name.to_owned(), edge);
        let next = self.flags.updates.range(new.path.clone()..).next();
        let mut refetch =
            next.is_some_and(|it| it.len() > new.path.len() && it.starts_with(new.path));
        let mut inputs = FlakeInputs::new();
        if !refetch {
            for (name, edge) in &file.nodes[*number].inputs {
                let input = match edge {
                    Edge::Node(child) => {
                        let child = file.nodes[*child].locked.as_ref();
                        FlakeInput {
                            reference: child.map(|it| it.original.clone()),
                            is_source: child.is_some_and(|it| !it.is_flake),
                            ..FlakeInput::default()
                        }
                    }
                    Edge::Follows(target) => {
                        let path = [new.path.clone(), vec![name.clone()]].concat();
                        if !owner.trust_lock && !self.overrides.contains_key(&path) {
                            // Whoever said so may have stopped: only the flake itself knows.
                            refetch = true;
                            break;
                        }
                        FlakeInput {
                            follows: Some([owner.follows_prefix.clone(), target.clone()].concat()),
                            ..FlakeInput::default()
                        }
                    }
                };
                inputs.insert(name.clone(), input);
            }
        }
        let mut child = Owner {
            node,
            path: new.path.clone(),
            old: Some(old.clone()),
            follows_prefix: owner.follows_prefix.clone(),
            source: owner.source.clone(),
            trust_lock: true,
        };
        if !refetch {
            return self.inputs(&inputs, &child);
        }
        let flake = self.flake(&locked.locked, new, self.registries.1)?;
        self.node_paths.insert(node, flake.directory());
        child.source = flake.path.clone();
        child.trust_lock = false;
        self.inputs(&flake.inputs, &child)
    }

    /// Locks what was not locked before.
    fn create(
        &mut self,
        new: &NewInput<'_>,
        stated: &FlakeInput,
        owner: &Owner,
    ) -> Result<(), Fail> {
        let fetcher = self.host.fetcher();
        if !self.flags.allow_unlocked
            && !new.reference.input.is_locked(fetcher)
            && new.relative.is_none()
        {
            let message = format!(
                "cannot update unlocked flake input '{}' in pure mode",
                show_path(new.path)
            );
            return Err(self.ctx.error(ErrorKind::Eval, message));
        }
        let by_flag = self.flags.overrides.contains_key(new.path);
        // A flag does not change what is asked for, so that it holds until the next update.
        let original = match &stated.reference {
            Some(reference) if by_flag => reference.clone(),
            _ => new.reference.clone(),
        };
        if stated.is_source {
            let (path, locked) = self.source(new)?;
            let node = self.new.add(Locked {
                locked,
                original,
                is_flake: false,
                parent: new.parent.clone(),
            });
            self.node_paths.insert(node, path);
            let edge = Edge::Node(node);
            self.new.nodes[owner.node]
                .inputs
                .insert(new.name.to_owned(), edge);
            return Ok(());
        }
        let registries = if by_flag {
            UseRegistries::All
        } else {
            self.registries.1
        };
        let flake = self.flake(new.reference, new, registries)?;
        let node = self.new.add(Locked {
            locked: flake.locked.clone(),
            original,
            is_flake: true,
            parent: new.parent.clone(),
        });
        let edge = Edge::Node(node);
        self.new.nodes[owner.node]
            .inputs
            .insert(new.name.to_owned(), edge);
        if self.parents.contains(new.reference) {
            let message = format!("found circular import of flake '{}'", new.reference);
            return Err(self.ctx.error(ErrorKind::Eval, message));
        }
        self.parents.push(new.reference.clone());
        self.node_paths.insert(node, flake.directory());
        let own = read_lock_file(self.ctx, self.host, &flake.lock_file_path())?;
        let child = Owner {
            node,
            path: new.path.clone(),
            old: Some((Rc::new(own), 0)),
            follows_prefix: new.path.clone(),
            source: flake.path.clone(),
            trust_lock: false,
        };
        let done = self.inputs(&flake.inputs, &child);
        self.parents.pop();
        done
    }

    fn flake(
        &mut self,
        reference: &FlakeRef,
        new: &NewInput<'_>,
        registries: UseRegistries,
    ) -> Result<Flake, Fail> {
        match new.relative {
            Some(directory) => {
                // Out of its tree a relative path leads nowhere; pure evaluation says that itself.
                let is_pure = self.ctx.purity().pure_eval;
                let place = self
                    .host
                    .store()
                    .store_dir()
                    .split(directory.path.as_bytes());
                if let Some(error) = place.err().filter(|_| !is_pure) {
                    return Err(self.ctx.error(ErrorKind::Eval, error.to_string()));
                }
                let refs = [reference.clone(), reference.clone(), reference.clone()];
                read_flake(self.ctx, self.host, refs, directory, new.path)
            }
            None => get_flake(self.ctx, self.host, reference, registries, new.path),
        }
    }

    /// The tree of an input that is no flake.
    fn source(&mut self, new: &NewInput<'_>) -> Result<(SourcePath, FlakeRef), Fail> {
        if let Some(path) = new.relative {
            return Ok((path.clone(), new.reference.clone()));
        }
        let fetched = self
            .host
            .fetcher()
            .fetch(&new.reference.input, self.registries.1);
        let fetched = fetched.map_err(|error| fetch_failed(self.ctx, error))?;
        self.host.mount(&fetched);
        let text = self.host.store().store_dir().print(&fetched.path);
        let locked = FlakeRef {
            input: fetched.input,
            subdir: new.reference.subdir.clone(),
        };
        Ok((SourcePath::host(text.as_bytes()), locked))
    }

    fn warn_of_unused(&self) {
        for (path, reference) in &self.flags.overrides {
            if !self.overrides_used.contains(path) {
                self.host.fetcher().warn(&format!(
                    "the flag '--override-input {} {reference}' does not match any input",
                    show_path(path)
                ));
            }
        }
        for path in &self.flags.updates {
            if !self.updates_used.contains(path) {
                self.host.fetcher().warn(&format!(
                    "'{}' does not match any input of this flake",
                    show_path(path)
                ));
            }
        }
    }
}

/// An input that is being locked.
struct NewInput<'a> {
    name: &'a str,
    path: &'a InputPath,
    reference: &'a FlakeRef,
    /// Where it is, if it is in the tree of the flake that names it.
    relative: Option<&'a SourcePath>,
    parent: Option<InputPath>,
}
