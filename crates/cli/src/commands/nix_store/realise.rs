//! `nix-store --realise`: builds or fetches paths, makes roots for them, prints them.

use std::path::PathBuf;
use std::sync::Arc;

use firn_store::closure::sort_topologically;
use firn_store::{BuildMode, MissingPaths, render_size};
use firn_store_model::{DerivedPath, OutputName, OutputsSpec, SingleDerivedPath, StorePath};

use super::Session;
use crate::Failure;

/// A path, or a derivation with the outputs that are meant (none for all).
struct Target {
    path: StorePath,
    outputs: Vec<OutputName>,
}

impl Target {
    fn derived_path(&self) -> DerivedPath {
        if !self.path.is_derivation() {
            return DerivedPath::Opaque(self.path.clone());
        }
        let outputs = if self.outputs.is_empty() {
            OutputsSpec::All
        } else {
            OutputsSpec::Names(self.outputs.iter().cloned().collect())
        };
        DerivedPath::Built {
            drv: Arc::new(SingleDerivedPath::Opaque(self.path.clone())),
            outputs,
        }
    }
}

impl Session<'_> {
    pub(super) fn build(&self, paths: &[DerivedPath]) -> Result<(), Failure> {
        Ok(self.store.build_paths(paths, BuildMode::Normal)?)
    }

    pub(super) fn realise(&self) -> Result<u8, Failure> {
        let flags = ["--dry-run", "--repair", "--check", "--ignore-unknown"];
        let [dry_run, repair, check, ignore_unknown] = self.wanted.only_flags(flags)?;
        let mode = match (repair, check) {
            (_, true) => BuildMode::Check,
            (true, _) => BuildMode::Repair,
            _ => BuildMode::Normal,
        };
        let mut targets = Vec::new();
        for word in &self.wanted.words {
            targets.push(self.target(word)?);
        }
        let derived: Vec<DerivedPath> = targets.iter().map(Target::derived_path).collect();
        let mut missing = self.store.query_missing(&derived)?;
        if ignore_unknown {
            targets.retain(|target| !missing.unknown.contains(&target.path));
            missing.unknown.clear();
        }
        if self.context.settings.interface.print_missing {
            self.print_missing(&missing)?;
        }
        if dry_run {
            return Ok(0);
        }
        let derived: Vec<DerivedPath> = targets.iter().map(Target::derived_path).collect();
        self.store.build_paths(&derived, mode)?;
        if ignore_unknown {
            return Ok(0);
        }
        let mut n_roots = 0;
        for target in &targets {
            for path in self.realised(target, &mut n_roots)? {
                if !self.wanted.no_output {
                    self.context
                        .console
                        .print_line(path.as_os_str().as_encoded_bytes())?;
                }
            }
        }
        Ok(0)
    }

    fn target(&self, word: &str) -> Result<Target, Failure> {
        let (word, outputs) = word.split_once('!').unwrap_or((word, ""));
        let outputs = outputs.split(',').filter(|output| !output.is_empty());
        Ok(Target {
            path: self.path(word)?,
            outputs: outputs
                .map(|output| {
                    OutputName::parse(output).map_err(|error| Failure::message(error.to_string()))
                })
                .collect::<Result<_, _>>()?,
        })
    }

    /// The paths of a realised target, or the roots that were made for them.
    fn realised(&self, target: &Target, n_roots: &mut usize) -> Result<Vec<PathBuf>, Failure> {
        *n_roots += 1;
        if !target.path.is_derivation() {
            return Ok(vec![self.rooted(&target.path, *n_roots, None)?]);
        }
        let known = self.store.query_derivation_output_map(&target.path)?;
        let wanted: Vec<OutputName> = if target.outputs.is_empty() {
            known.keys().cloned().collect()
        } else {
            target.outputs.clone()
        };
        let mut paths = Vec::new();
        for output in wanted {
            let Some(Some(path)) = known.get(&output) else {
                return Err(Failure::message(format!(
                    "derivation '{}' does not have an output named '{output}'",
                    self.print(&target.path)
                )));
            };
            paths.push(self.rooted(path, *n_roots, Some(&output))?);
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    fn rooted(
        &self,
        path: &StorePath,
        n_roots: usize,
        output: Option<&OutputName>,
    ) -> Result<PathBuf, Failure> {
        let Some(root) = &self.wanted.root else {
            self.warn_of_collection();
            return Ok(PathBuf::from(self.print(path)));
        };
        let mut link = root.as_os_str().to_owned();
        if n_roots > 1 {
            link.push(format!("-{n_roots}"));
        }
        if let Some(output) = output.filter(|output| !output.is_out()) {
            link.push(format!("-{output}"));
        }
        Ok(self.store.add_perm_root(path, &PathBuf::from(link))?)
    }

    /// Says once that what is printed may vanish.
    fn warn_of_collection(&self) {
        static SAID: std::sync::Once = std::sync::Once::new();
        if !self.wanted.no_gc_warning {
            SAID.call_once(|| {
                self.context.console.warn(
                    "you did not specify '--add-root'; the result might be removed by the garbage \
                     collector",
                );
            });
        }
    }

    /// Says what is going to happen.
    fn print_missing(&self, missing: &MissingPaths) -> Result<(), Failure> {
        let mut lines = Vec::new();
        if !missing.will_build.is_empty() {
            lines.push(match missing.will_build.len() {
                1 => "this derivation will be built:".to_owned(),
                n => format!("these {n} derivations will be built:"),
            });
            let sorted = sort_topologically(self.store.as_ref(), &missing.will_build)?;
            lines.extend(
                sorted
                    .iter()
                    .rev()
                    .map(|path| format!("  {}", self.print(path))),
            );
        }
        if !missing.will_substitute.is_empty() {
            let sizes = format!(
                "({} download, {} unpacked)",
                render_size(missing.download_size as i64),
                render_size(missing.nar_size as i64)
            );
            lines.push(match missing.will_substitute.len() {
                1 => format!("this path will be fetched {sizes}:"),
                n => format!("these {n} paths will be fetched {sizes}:"),
            });
            let mut sorted: Vec<&StorePath> = missing.will_substitute.iter().collect();
            sorted.sort_by(|a, b| a.name().cmp(b.name()).then_with(|| a.cmp(b)));
            lines.extend(sorted.iter().map(|path| format!("  {}", self.print(path))));
        }
        if !missing.unknown.is_empty() {
            lines.push("don't know how to build these paths:".to_owned());
            lines.extend(
                missing
                    .unknown
                    .iter()
                    .map(|path| format!("  {}", self.print(path))),
            );
        }
        for line in lines {
            self.context.console.log(firn_events::Level::Info, &line);
        }
        Ok(())
    }
}
