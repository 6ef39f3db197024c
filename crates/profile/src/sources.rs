//! Where packages come from that can be installed: a file, a directory with a `default.nix`, or a
//! directory of such, as `~/.nix-defexpr` is.
//!
//! A directory of expressions becomes one flat set, each expression under its file's name without
//! `.nix` and imported when it is needed; folders among them are entered.

use std::collections::BTreeSet;

use firn_eval::{Code, Ctx, ErrorKind, Fail, FileType, Res, SetBuilder, Symbol, Val};
use firn_events::{EventSink, Level};
use firn_source::SourcePath;

/// How many expressions a directory may hold.
const MAX_EXPRESSIONS: usize = 1024;

/// What packages are looked for in, and the flags that say what of it counts.
#[derive(Clone, Debug)]
pub struct Expressions {
    /// The file or directory.
    pub path: SourcePath,
    /// The system whose packages count; all if it is `*`.
    pub system: String,
}

/// The value of the expressions at a path.
pub fn load_expressions<'h>(
    ctx: &mut Ctx<'h>,
    path: &SourcePath,
    events: &dyn EventSink,
) -> Res<'h> {
    let real = ctx.host_result(|host| host.resolve_symlinks(path, true))?;
    let kind = ctx.host_result(|host| host.file_type(&real))?;
    if is_expression(ctx, &real, kind)? {
        let value = ctx.eval_file(path)?;
        ctx.pin(value);
        return Ok(value);
    }
    match kind {
        Some(FileType::Directory) => {}
        Some(_) => {
            let message = format!(
                "path '{}' is not a directory or a Nix expression",
                path.path
            );
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        None => {
            let message = format!("path '{}' does not exist", path.path);
            return Err(ctx.error(ErrorKind::Host, message));
        }
    }
    let combine = ctx.new_list(&[]);
    let mut attributes = SetBuilder::default();
    attributes.push(Symbol::intern(b"_combineChannels"), combine);
    let mut gathering = Gathering {
        ctx,
        events,
        attributes,
        seen: BTreeSet::new(),
    };
    gathering.enter(path)?;
    let set = gathering.attributes;
    let set = ctx.new_set(set);
    ctx.pin(set);
    Ok(set)
}

fn is_expression(
    ctx: &mut Ctx<'_>,
    path: &SourcePath,
    kind: Option<FileType>,
) -> Result<bool, Fail> {
    match kind {
        Some(FileType::Regular) => Ok(true),
        Some(FileType::Directory) => {
            let default = path.join(b"default.nix");
            let default = ctx.host_result(|host| host.resolve_symlinks(&default, true))?;
            let kind = ctx.host_result(|host| host.file_type(&default))?;
            Ok(kind.is_some())
        }
        _ => Ok(false),
    }
}

struct Gathering<'a, 'h> {
    ctx: &'a mut Ctx<'h>,
    events: &'a dyn EventSink,
    attributes: SetBuilder<'h, Code<'h>>,
    seen: BTreeSet<String>,
}

impl<'h> Gathering<'_, 'h> {
    fn enter(&mut self, directory: &SourcePath) -> Result<(), Fail> {
        let real = self
            .ctx
            .host_result(|host| host.resolve_symlinks(directory, true))?;
        let entries = self.ctx.host_result(|host| host.read_dir(&real))?;
        for (name, _) in entries {
            // Profiles have one, and channels are profiles.
            if name == b"manifest.nix" {
                continue;
            }
            let place = directory.join(&name);
            let place = self
                .ctx
                .host_result(|host| host.resolve_symlinks(&place, true))?;
            let Some(kind) = self.ctx.host_result(|host| host.file_type(&place))? else {
                continue;
            };
            let is_file = kind == FileType::Regular;
            let has_suffix = place.path.as_bytes().ends_with(b".nix");
            if (!is_file || has_suffix) && is_expression(self.ctx, &place, Some(kind))? {
                self.add(directory, &name, &place)?;
            } else if kind == FileType::Directory {
                self.enter(&place)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, directory: &SourcePath, name: &[u8], place: &SourcePath) -> Result<(), Fail> {
        let name = name.strip_suffix(b".nix").unwrap_or(name);
        let shown = String::from_utf8_lossy(name).into_owned();
        if !self.seen.insert(shown.clone()) {
            let mut text = format!(
                "warning: name collision in input Nix expressions, skipping '{}'",
                place.path
            );
            let is_channel = |it: &SourcePath| it.path.to_string().contains("channels");
            if is_channel(place) && is_channel(directory) {
                text = format!(
                    "{text}\nsuggestion: remove '{shown}' from either the root channels or the user channels"
                );
            }
            self.events.message(Level::Error, &text);
            return Ok(());
        }
        if self.seen.len() == MAX_EXPRESSIONS {
            let message = format!("too many Nix expressions in directory '{}'", directory.path);
            return Err(self.ctx.error(ErrorKind::Eval, message));
        }
        let import = self.ctx.builtin("import").expect("the language has it");
        let path = self.ctx.new_path(place);
        let imported: Val<'h> = self.ctx.lazy_apply(import, &[path]);
        self.ctx.pin(imported);
        self.attributes.push(Symbol::intern(name), imported);
        Ok(())
    }
}
