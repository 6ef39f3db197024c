//! Writing a lock file that has changed where it belongs: into the tree of the flake, as a commit if
//! that is wanted, or elsewhere; or saying why it cannot be written.

use std::path::Path;

use firn_eval::{Ctx, ErrorKind, Fail};
use firn_fetch::{UseRegistries, put_file};
use firn_instantiate::{StoreHost, fetch_failed};

use super::{LockFlags, LockedFlake};
use crate::definition::get_flake;
use crate::lock_file::{LockFile, without_colours};
use crate::reference::FlakeRef;

/// A lock file that is another one than it was.
pub(super) struct Change<'a> {
    pub(super) host: &'a StoreHost,
    /// The flake, as it was asked for.
    pub(super) top: &'a FlakeRef,
    /// The file as it was.
    pub(super) old: &'a LockFile,
    pub(super) flags: &'a LockFlags,
}

impl Change<'_> {
    /// Writes the file, or says why not; then the flake is looked at anew.
    pub(super) fn write(
        &self,
        ctx: &mut Ctx<'_>,
        locked: &mut LockedFlake,
        registries: UseRegistries,
    ) -> Result<(), Fail> {
        let (top, flags, fetcher) = (self.top, self.flags, self.host.fetcher());
        self.host.loses_track("the lock file had to change");
        let diff = LockFile::diff(self.old, &locked.lock_file);
        let shown = diff.trim_end();
        if !flags.write {
            fetcher.warn(&format!(
                "not writing modified lock file of flake '{top}':\n{shown}"
            ));
            locked.flake.is_dirty = true;
            return Ok(());
        }
        let root = top.input.source_path(fetcher);
        let root = root.map_err(|error| fetch_failed(ctx, error))?;
        if root.is_none() && flags.output_file.is_none() {
            let message = format!(
                "cannot write modified lock file of flake '{top}' (use '--no-write-lock-file' to ignore)"
            );
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        if let Some(unlocked) = locked.lock_file.unlocked(fetcher) {
            return self.leave_unlocked(ctx, &unlocked.to_string());
        }
        if !flags.update {
            let message = format!(
                "flake '{top}' requires lock file changes but they're not allowed due to '--no-update-lock-file'"
            );
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        let text = format!("{}\n", locked.lock_file.to_text());
        if let Some(path) = &flags.output_file {
            self.write_elsewhere(ctx, path, &text)?;
        } else if let Some(root) = root {
            self.write_into_tree(ctx, &root, &text, &diff)?;
        }
        // The tree is another one now.
        fetcher.forget(&top.input);
        let before = locked.flake.locked.input.rev_text();
        locked.flake = get_flake(ctx, self.host, top, registries, &[])?;
        locked.node_paths.insert(0, locked.flake.directory());
        if let Some(rev) = locked.flake.locked.input.rev_text()
            && flags.commit
            && before.as_ref() != Some(&rev)
        {
            fetcher.warn(&format!("committed new revision '{rev}'"));
        }
        Ok(())
    }

    /// A file with an input that means something else tomorrow is worth nothing.
    fn leave_unlocked(&self, ctx: &mut Ctx<'_>, unlocked: &str) -> Result<(), Fail> {
        let (top, fetcher) = (self.top, self.host.fetcher());
        if self.flags.fail_on_unlocked {
            let message = format!(
                "Not writing lock file of flake '{top}' because it has an unlocked input ('{unlocked}'). Use '--allow-dirty-locks' to allow this anyway."
            );
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        if fetcher.settings().warn_dirty {
            fetcher.warn(&format!(
                "not writing lock file of flake '{top}' because it has an unlocked input ('{unlocked}')"
            ));
        }
        Ok(())
    }

    fn write_elsewhere(&self, ctx: &mut Ctx<'_>, path: &Path, text: &str) -> Result<(), Fail> {
        if self.flags.commit {
            let message = "'--commit-lock-file' and '--output-lock-file' are incompatible";
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        std::fs::write(path, text).map_err(|it| {
            ctx.error(
                ErrorKind::Host,
                format!("writing \"{}\": {it}", path.display()),
            )
        })
    }

    fn write_into_tree(
        &self,
        ctx: &mut Ctx<'_>,
        root: &Path,
        text: &str,
        diff: &str,
    ) -> Result<(), Fail> {
        let (top, fetcher) = (self.top, self.host.fetcher());
        let name = if top.subdir.is_empty() {
            "flake.lock".to_owned()
        } else {
            format!("{}/flake.lock", top.subdir)
        };
        let place = root.join(&name);
        let exists = place.exists();
        let place = place.display();
        let shown = diff.trim_end();
        if !exists {
            fetcher.warn(&format!("creating lock file \"{place}\": \n{shown}"));
        } else if shown.is_empty() {
            fetcher.warn(&format!("updating lock file \"{place}\""));
        } else {
            fetcher.warn(&format!("updating lock file \"{place}\":\n{shown}"));
        }
        let message = self.flags.commit.then(|| {
            let mut summary = fetcher.settings().commit_lock_file_summary.clone();
            if summary.is_empty() {
                summary = format!("{name}: {}", if exists { "Update" } else { "Add" });
            }
            format!(
                "{summary}\n\nFlake lock file updates:\n\n{}",
                without_colours(diff)
            )
        });
        let put = put_file(
            fetcher,
            &top.input,
            &name,
            text.as_bytes(),
            message.as_deref(),
        );
        put.map_err(|error| fetch_failed(ctx, error))
    }
}
