//! From what a builder left to valid store paths.
//!
//! Each output is checked for plausibility, made canonical, and read once: hashed and scanned for
//! references in the same pass. Outputs are then finished in the order of their references to each
//! other, because the final path of a content-addressed one follows from those it refers to. Where
//! a scratch path is not the final one its digest is replaced in the contents, which takes a
//! second pass; so does copying a fixed output, which breaks descriptors that a builder with
//! network access may have handed to somebody outside.
//!
//! Content-addressed outputs become valid at once, even when they are not what was asked for: what
//! was fetched need not be fetched again. All others become valid together, after all checks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use firn_hash::{Algorithm, Hash, Hasher};
use firn_store::fault;
use firn_store::hash_tree::hash_tree;
use firn_store::tree::{Canonical, Listing, LocalTree, canonicalise, stream, unpack};
use firn_store::{AddOptions, BuildMode, BuildStatus, LocalStore, Store as _, StoreError};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, DerivationOutput, OutputName, PathInfo, ReferenceScanner,
    RewritingWriter, SelfReferenceHasher, StorePath, StoreReferences, ValidPathInfo,
    output_path_name,
};
use firn_sys::file::{remove_tree, set_mode};
use firn_sys::file_lock::PathLock;

use crate::checks::CheckedOutputs;
use crate::prepare::PreparedBuild;
use crate::users::IDS_PER_SLOT;
use crate::{BuildError, BuildSettings};

/// What one pass over an output found.
struct Scanned {
    references: BTreeSet<StorePath>,
    nar_hash: Hash,
    nar_size: u64,
}

/// Makes the outputs of a finished build valid. In check mode compares them with those that are.
pub(crate) fn register(
    store: &LocalStore,
    settings: &BuildSettings,
    build: &PreparedBuild,
) -> Result<BTreeMap<OutputName, ValidPathInfo>, BuildError> {
    let mut registrar = Registrar {
        store,
        settings,
        build,
        canonical: Canonical {
            owners: build.owner.map(|uid| {
                let is_range = build.range.is_some();
                (uid, uid + if is_range { IDS_PER_SLOT - 1 } else { 0 })
            }),
            ignored_attributes: store.options().ignored_attributes.clone(),
            ..Canonical::default()
        },
        rewrites: BTreeMap::new(),
        infos: BTreeMap::new(),
    };
    registrar.run()?;
    Ok(registrar.infos)
}

struct Registrar<'a> {
    store: &'a LocalStore,
    settings: &'a BuildSettings,
    build: &'a PreparedBuild,
    canonical: Canonical,
    /// Digests of scratch paths and of the final ones, as far as they differ.
    rewrites: BTreeMap<String, String>,
    infos: BTreeMap<OutputName, ValidPathInfo>,
}

impl Registrar<'_> {
    fn run(&mut self) -> Result<(), BuildError> {
        let inputs = &self.build.inputs;
        let mut scanned = BTreeMap::new();
        for (name, output) in &inputs.outputs {
            if output.valid && inputs.mode == BuildMode::Normal {
                continue;
            }
            scanned.insert(name.clone(), self.scan_output(name)?);
        }
        for (name, output) in &inputs.outputs {
            if let (false, Some(path)) = (scanned.contains_key(name), &output.path) {
                self.note_final(name, path);
            }
        }
        for name in self.sorted(&scanned)? {
            let found = scanned.remove(&name).expect("sorted from the same map");
            self.finish_output(&name, found)?;
        }
        CheckedOutputs {
            store: self.store,
            drv_path: &inputs.drv_path,
            derivation: &inputs.derivation,
            infos: &self.infos,
        }
        .check(&inputs.options.output_checks)?;
        if inputs.mode == BuildMode::Check {
            return Ok(());
        }
        let unregistered: Vec<_> = self
            .infos
            .values()
            .filter(|info| info.content_address.is_none())
            .cloned()
            .collect();
        fault::point("register the outputs");
        if !unregistered.is_empty() {
            self.store.register_valid_paths(unregistered)?;
        }
        Ok(())
    }

    fn print(&self, path: &StorePath) -> String {
        self.store.store_dir().print(path)
    }

    fn actual(&self, name: &OutputName) -> &Path {
        &self.build.actual[name]
    }

    fn scratch(&self, name: &OutputName) -> &StorePath {
        &self.build.scratch[name]
    }

    /// Later outputs that refer to this one get its final digest.
    fn note_final(&mut self, name: &OutputName, path: &StorePath) {
        let scratch = self.scratch(name).hash_part().to_owned();
        if scratch != path.hash_part() {
            self.rewrites.insert(scratch, path.hash_part().to_owned());
        }
    }

    /// Checks, canonicalises and reads an output.
    fn scan_output(&mut self, name: &OutputName) -> Result<Scanned, BuildError> {
        let rejected = |message| BuildError::new(BuildStatus::OutputRejected, message);
        let path = self.actual(name).to_owned();
        let metadata = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(rejected(format!(
                    "builder for '{}' failed to produce output path for output '{name}' at '{}'",
                    self.print(&self.build.inputs.drv_path),
                    path.display()
                )));
            }
            Err(error) => return Err(BuildError::io("getting status of", &path)(error)),
        };
        let foreign = self
            .build
            .owner
            .is_some_and(|owner| metadata.uid() != owner);
        if foreign || (!metadata.is_symlink() && metadata.mode() & 0o022 != 0) {
            return Err(rejected(format!(
                "suspicious ownership or permission on '{}' for output '{name}'; rejecting this build output",
                path.display()
            )));
        }
        fault::point("canonicalise an output");
        canonicalise(&path, &mut self.canonical).map_err(|error| rejected(error.to_string()))?;
        let inputs = &self.build.inputs;
        let candidates: Vec<StorePath> =
            if inputs.options.discard_references.contains(name.as_str()) {
                Vec::new()
            } else {
                let scratch = self.build.scratch.values();
                inputs.input_paths.iter().chain(scratch).cloned().collect()
            };
        scan(&path, candidates)
    }

    /// The outputs, each after those it refers to.
    fn sorted(
        &self,
        scanned: &BTreeMap<OutputName, Scanned>,
    ) -> Result<Vec<OutputName>, BuildError> {
        let mut sorted: Vec<OutputName> = Vec::new();
        let mut left: Vec<&OutputName> = scanned.keys().collect();
        while !left.is_empty() {
            let waits_for = |name: &OutputName| {
                left.iter().copied().find(|other| {
                    *other != name && scanned[name].references.contains(self.scratch(other))
                })
            };
            let Some(at) = left.iter().position(|name| waits_for(name).is_none()) else {
                let name = left[0];
                let other = waits_for(name).expect("nothing is free to go");
                return Err(BuildError::new(
                    BuildStatus::OutputRejected,
                    format!(
                        "cycle detected in build of '{}' in the references of output '{other}' from output '{name}'",
                        self.print(&self.build.inputs.drv_path)
                    ),
                ));
            };
            sorted.push(left.remove(at).clone());
        }
        Ok(sorted)
    }

    fn finish_output(&mut self, name: &OutputName, found: Scanned) -> Result<(), BuildError> {
        let output = self.build.inputs.derivation.outputs[name].clone();
        let mut place = Place {
            path: self.actual(name).to_owned(),
            temporary: None,
        };
        let info = match output {
            DerivationOutput::InputAddressed(path) => {
                self.finish_input_addressed(name, &path, found, &mut place)?
            }
            DerivationOutput::Fixed(address) => {
                self.copy_aside(&mut place)?;
                let algorithm = address.hash.algorithm();
                self.finish_content_addressed(name, address.method, algorithm, found, &mut place)?
            }
            DerivationOutput::Impure { method, algorithm } => {
                self.copy_aside(&mut place)?;
                self.finish_content_addressed(name, method, algorithm, found, &mut place)?
            }
            DerivationOutput::Floating { method, algorithm } => {
                self.finish_content_addressed(name, method, algorithm, found, &mut place)?
            }
            DerivationOutput::Deferred => {
                return Err(BuildError::misc(format!(
                    "derivation '{}' cannot be built before its inputs are resolved",
                    self.print(&self.build.inputs.drv_path)
                )));
            }
        };
        self.publish(name, info, &place)
    }

    fn finish_input_addressed(
        &mut self,
        name: &OutputName,
        path: &StorePath,
        mut found: Scanned,
        place: &mut Place,
    ) -> Result<ValidPathInfo, BuildError> {
        self.note_final(name, path);
        if self.needs_rewriting(name, &found) {
            self.rewrite(&place.path, &self.rewrites.clone())?;
            let again = scan(&place.path, [])?;
            (found.nar_hash, found.nar_size) = (again.nar_hash, again.nar_size);
        }
        let mut info = PathInfo::new(found.nar_hash, found.nar_size);
        info.references = found
            .references
            .iter()
            .map(|reference| self.final_reference(reference))
            .collect::<Result<_, _>>()?;
        Ok(ValidPathInfo {
            path: path.clone(),
            info,
        })
    }

    /// Whether contents may hold a digest that has to be replaced.
    fn needs_rewriting(&self, name: &OutputName, found: &Scanned) -> bool {
        let blind = self
            .build
            .inputs
            .options
            .discard_references
            .contains(name.as_str());
        !self.rewrites.is_empty()
            && (blind
                || found
                    .references
                    .iter()
                    .any(|path| self.rewrites.contains_key(path.hash_part())))
    }

    fn final_reference(&self, reference: &StorePath) -> Result<StorePath, BuildError> {
        match self.rewrites.get(reference.hash_part()) {
            None => Ok(reference.clone()),
            Some(hash_part) => StorePath::parse(format!("{hash_part}-{}", reference.name()))
                .map_err(|error| BuildError::misc(error.to_string())),
        }
    }

    fn finish_content_addressed(
        &mut self,
        name: &OutputName,
        method: ContentAddressMethod,
        algorithm: Algorithm,
        mut found: Scanned,
        place: &mut Place,
    ) -> Result<ValidPathInfo, BuildError> {
        let is_flat = matches!(
            method,
            ContentAddressMethod::Flat | ContentAddressMethod::Text
        );
        if is_flat {
            let metadata = std::fs::symlink_metadata(&place.path)
                .map_err(BuildError::io("getting status of", &place.path))?;
            if !metadata.is_file() || metadata.mode() & 0o100 != 0 {
                return Err(BuildError::new(
                    BuildStatus::OutputRejected,
                    format!(
                        "output path '{}' should be a non-executable regular file since recursive \
                         hashing is not enabled (one of outputHashMode={{flat,text}} is true)",
                        self.actual(name).display()
                    ),
                ));
            }
        }
        if self.needs_rewriting(name, &found) {
            self.rewrite(&place.path, &self.rewrites.clone())?;
            let again = scan(&place.path, [])?;
            (found.nar_hash, found.nar_size) = (again.nar_hash, again.nar_size);
        }
        let scratch = self.scratch(name).clone();
        let mut references = StoreReferences::default();
        for reference in &found.references {
            if *reference == scratch {
                references.itself = true;
            } else {
                references.others.insert(self.final_reference(reference)?);
            }
        }
        let hash = self.content_hash(
            &place.path,
            method,
            algorithm,
            &scratch,
            &references,
            &found,
        )?;
        let address = ContentAddress { method, hash };
        let path_name = output_path_name(&self.build.inputs.derivation.name, name);
        let path = self
            .store
            .store_dir()
            .make_content_addressed_path(&path_name, &address, &references)
            .map_err(|error| BuildError::new(BuildStatus::OutputRejected, error.to_string()))?;
        if path != scratch && references.itself {
            let own =
                BTreeMap::from([(scratch.hash_part().to_owned(), path.hash_part().to_owned())]);
            self.rewrite(&place.path, &own)?;
            let again = scan(&place.path, [])?;
            (found.nar_hash, found.nar_size) = (again.nar_hash, again.nar_size);
        }
        let mut info = PathInfo::new(found.nar_hash, found.nar_size);
        info.references = references.others;
        if references.itself {
            info.references.insert(path.clone());
        }
        info.content_address = Some(address);
        self.note_final(name, &path);
        Ok(ValidPathInfo { path, info })
    }

    fn content_hash(
        &self,
        path: &Path,
        method: ContentAddressMethod,
        algorithm: Algorithm,
        scratch: &StorePath,
        references: &StoreReferences,
        found: &Scanned,
    ) -> Result<Hash, BuildError> {
        let tree = LocalTree::new(path);
        if method == ContentAddressMethod::Nar {
            if !references.itself && algorithm == Algorithm::Sha256 {
                return Ok(found.nar_hash);
            }
            let listing = Listing::walk(&tree, None)?;
            let mut hasher = SelfReferenceHasher::new(algorithm, scratch.hash_part());
            stream(&tree, &listing, None, &mut |bytes| {
                hasher
                    .write_all(bytes)
                    .map_err(|error| StoreError::other(error.to_string()))
            })?;
            return Ok(hasher.finish().0);
        }
        let options = AddOptions {
            method,
            algorithm,
            ..AddOptions::default()
        };
        let (address, _) = hash_tree(self.store.store_dir(), "x", &tree, None, &options)?;
        Ok(address.hash)
    }

    /// Replaces digests in a tree.
    fn rewrite(
        &mut self,
        path: &Path,
        rewrites: &BTreeMap<String, String>,
    ) -> Result<(), BuildError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        let rewritten = PathBuf::from(name);
        copy_tree(path, &rewritten, rewrites)?;
        remove_tree(path).map_err(BuildError::io("deleting", path))?;
        move_tree(&rewritten, path)?;
        self.canonical.owners = None;
        canonicalise(path, &mut self.canonical)?;
        Ok(())
    }

    /// Gives an output a fresh copy that no descriptor of the builder leads to.
    fn copy_aside(&self, place: &mut Place) -> Result<(), BuildError> {
        let parent = &self.store.location().physical_dir;
        let directory = firn_sys::file::sibling_name(&parent.join("tmp"), "-");
        std::fs::create_dir(&directory)
            .map_err(BuildError::io("creating directory", &directory))?;
        set_mode(&directory, 0o700).map_err(BuildError::io("changing mode of", &directory))?;
        let copy = directory.join("x");
        place.temporary = Some(Temporary(directory));
        copy_tree(&place.path, &copy, &BTreeMap::new())?;
        place.path = copy;
        Ok(())
    }

    /// Moves an output to its final place and, if it is content-addressed, registers it.
    fn publish(
        &mut self,
        name: &OutputName,
        mut info: ValidPathInfo,
        place: &Place,
    ) -> Result<(), BuildError> {
        let inputs = &self.build.inputs;
        let real_path = self.store.location().physical_path(&info.path);
        let known = inputs.outputs[name].path.as_ref() == Some(&info.path);
        let lock = if known {
            None
        } else {
            self.store
                .add_temp_roots(std::slice::from_ref(&info.path))?;
            let mut lock = PathLock::acquire(&[&real_path], |_| {})
                .map_err(BuildError::io("locking", &real_path))?;
            lock.remove_on_release();
            Some(lock)
        };
        if inputs.mode == BuildMode::Check {
            self.compare(&info, &real_path, &place.path)?;
            self.infos.insert(name.clone(), info);
            return Ok(());
        }
        let is_valid = self.store.is_valid_path(&info.path)?;
        fault::point("move an output");
        if real_path != place.path {
            if inputs.mode == BuildMode::Repair && is_valid {
                replace_tree(&place.path, &real_path)?;
            } else if is_valid {
                remove_tree(&place.path).map_err(BuildError::io("deleting", &place.path))?;
            } else {
                remove_tree(&real_path).map_err(BuildError::io("deleting", &real_path))?;
                move_tree(&place.path, &real_path)?;
            }
        }
        fault::point("finish an output");
        if !is_valid {
            self.store.finish_placed(&info.path)?;
        }
        info.info.deriver = Some(inputs.drv_path.clone());
        info.info.ultimate = true;
        self.note_final(name, &info.path);
        if info.content_address.is_some() {
            self.store.register_valid_paths(vec![info.clone()])?;
        }
        drop(lock);
        self.infos.insert(name.clone(), info);
        Ok(())
    }

    /// Compares an output with the valid path of the same name.
    fn compare(
        &self,
        info: &ValidPathInfo,
        real_path: &Path,
        actual: &Path,
    ) -> Result<(), BuildError> {
        let Some(old) = self.store.query_path_info(&info.path)? else {
            return Ok(());
        };
        if old.nar_hash == info.nar_hash {
            return Ok(());
        }
        let drv_path = self.print(&self.build.inputs.drv_path);
        let differs = |suffix: &str| {
            let difference = crate::difference::describe(real_path, actual);
            BuildError::new(
                BuildStatus::NotDeterministic,
                format!(
                    "derivation '{drv_path}' may not be deterministic: output '{}' differs{suffix}{difference}",
                    real_path.display()
                ),
            )
        };
        if self.settings.diff_hook.is_none() && !self.settings.keep_failed {
            return Err(differs(""));
        }
        let mut kept = real_path.as_os_str().to_owned();
        kept.push(".check");
        let kept = PathBuf::from(kept);
        let error = differs(&format!(" from '{}'", kept.display()));
        remove_tree(&kept).map_err(BuildError::io("deleting", &kept))?;
        move_tree(actual, &kept)?;
        if let Some(hook) = &self.settings.diff_hook {
            crate::hooks::run_diff_hook(
                hook,
                &crate::hooks::Difference {
                    before: real_path,
                    after: &kept,
                    drv_path: &drv_path,
                    build_dir: &self.build.build_dir,
                },
                self.store.events(),
            );
        }
        Err(error)
    }
}

/// Where an output is while it is finished.
struct Place {
    path: PathBuf,
    temporary: Option<Temporary>,
}

/// A directory that goes when it is no longer needed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(remove_tree(&self.0));
    }
}

/// Reads a tree once: hash, size, and which of the candidates it refers to.
fn scan(
    path: &Path,
    candidates: impl IntoIterator<Item = StorePath>,
) -> Result<Scanned, BuildError> {
    let tree = LocalTree::new(path);
    let listing = Listing::walk(&tree, None)?;
    let mut scanner = ReferenceScanner::new(candidates);
    let mut hasher = Hasher::new(Algorithm::Sha256);
    stream(&tree, &listing, None, &mut |bytes| {
        hasher.update(bytes);
        scanner.update(bytes);
        Ok(())
    })?;
    Ok(Scanned {
        references: scanner.finish(),
        nar_size: hasher.n_bytes(),
        nar_hash: hasher.finish(),
    })
}

/// Copies a tree, replacing digests on the way.
fn copy_tree(
    from: &Path,
    to: &Path,
    rewrites: &BTreeMap<String, String>,
) -> Result<(), BuildError> {
    remove_tree(to).map_err(BuildError::io("deleting", to))?;
    let (mut reader, writer) = std::io::pipe().map_err(BuildError::io("copying", from))?;
    std::thread::scope(|scope| {
        let producer = scope.spawn(move || -> Result<(), StoreError> {
            let tree = LocalTree::new(from);
            let listing = Listing::walk(&tree, None)?;
            let pairs = rewrites
                .iter()
                .map(|(from, to)| (from.as_bytes(), to.as_bytes()));
            let mut writer =
                RewritingWriter::new(pairs, std::io::BufWriter::with_capacity(1 << 16, writer));
            let failed = |error: std::io::Error| StoreError::other(error.to_string());
            stream(&tree, &listing, None, &mut |bytes| {
                writer.write_all(bytes).map_err(failed)
            })?;
            writer
                .finish()
                .and_then(|mut writer| writer.flush())
                .map_err(failed)
        });
        let unpacked = unpack(&mut reader, to, false);
        // Ends the producer if the consumer gave up.
        drop(reader);
        let produced = producer.join().expect("the producer does not panic");
        unpacked?;
        produced?;
        Ok(())
    })
}

/// Renames a tree. A directory that its owner may not write to cannot be moved to another parent
/// without lifting that for the moment.
fn move_tree(from: &Path, to: &Path) -> Result<(), BuildError> {
    let failed = || BuildError::io("moving", from);
    let metadata = std::fs::symlink_metadata(from).map_err(failed())?;
    let lifted =
        metadata.is_dir() && metadata.mode() & 0o200 == 0 && !firn_sys::support::is_privileged();
    if lifted {
        set_mode(from, 0o755).map_err(failed())?;
    }
    std::fs::rename(from, to).map_err(failed())?;
    fault::point("close a moved output");
    if lifted {
        set_mode(to, metadata.mode() & 0o7777).map_err(failed())?;
        firn_sys::file::set_mtime(to, 1).map_err(failed())?;
    }
    Ok(())
}

/// Puts a tree in the place of another, which is gone only once that has happened.
fn replace_tree(from: &Path, to: &Path) -> Result<(), BuildError> {
    let old = firn_sys::file::sibling_name(to, ".old-");
    if std::fs::symlink_metadata(to).is_ok() {
        move_tree(to, &old)?;
    }
    if let Err(error) = move_tree(from, to) {
        drop(move_tree(&old, to));
        return Err(error);
    }
    remove_tree(&old)
        .map(drop)
        .map_err(BuildError::io("deleting", &old))
}
