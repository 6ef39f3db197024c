//! Texts and files: parsing, loading, importing.

use std::sync::Arc;

use firn_heap::{Set, Slot, Unit};
use firn_ir::{
    Entry, NameError, ParseOptions, ResolvePath, Text, lower, lower_for_debugger, parse_text,
};
use firn_source::{CanonicalPath, Diagnostic, FileId, FileOrigin, SourcePath};
use firn_symbol::Symbol;

use crate::code::Code;
use crate::ctx::{Ctx, Res, Val, lock};
use crate::error::{ErrorKind, EvalError, Fail, Place};
use crate::host::{FileType, HostError, Message};
use crate::machine::Env;

/// Names that a text may use besides those of the base environment, with their values.
#[derive(Clone, Default)]
pub struct Scope<'h> {
    names: Vec<Symbol>,
    values: Vec<Val<'h>>,
}

impl<'h> Scope<'h> {
    /// No names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name; it hides an earlier one.
    pub fn add(&mut self, name: Symbol, value: Val<'h>) {
        if let Some(idx) = self.names.iter().position(|known| *known == name) {
            self.values[idx] = value;
        } else {
            self.names.push(name);
            self.values.push(value);
        }
    }

    /// The value of a name.
    pub fn find(&self, name: Symbol) -> Option<Val<'h>> {
        let idx = self.names.iter().position(|known| *known == name)?;
        Some(self.values[idx])
    }

    /// All values.
    pub(crate) fn values(&self) -> impl Iterator<Item = Val<'h>> {
        self.values.iter().copied()
    }

    /// All names, in the order in which they were added.
    pub fn names(&self) -> &[Symbol] {
        &self.names
    }
}

impl<'h> Ctx<'h> {
    /// Parses a text that was registered.
    pub(crate) fn parse(&mut self, file: FileId) -> Result<Text, Fail> {
        let options = self.shared.options.parse.clone();
        self.parse_with(file, &options)
    }

    fn parse_with(&mut self, file: FileId, options: &ParseOptions) -> Result<Text, Fail> {
        let source = self.shared.files.file(file);
        let locate = |offset: u32| self.place_text(Place { file, offset });
        match parse_text(source.bytes(), file, options, &locate) {
            Ok(text) => {
                if !text.warnings.is_empty() {
                    self.in_order()?;
                }
                for warning in &text.warnings {
                    self.shared
                        .host
                        .emit(Message::Remark(self.remark_text(warning)));
                }
                Ok(text)
            }
            Err(diagnostics) => Err(self.syntax_error(file, diagnostics)),
        }
    }

    /// A remark of the parser in the reference's plain layout: the message, and where, with the
    /// lines around.
    fn remark_text(&self, remark: &Diagnostic) -> Vec<u8> {
        let Some(span) = remark.primary_span() else {
            return remark.message.clone().into_bytes();
        };
        let place = Place {
            file: span.file,
            offset: span.start,
        };
        let shown = self.place_text(place);
        if remark.code == "syntax::or-as-identifier" {
            return format!("at {shown}: {}", remark.message).into_bytes();
        }
        let file = self.shared.files.file(span.file);
        let at = file.lines().line_column(span.start);
        let mut text = format!("{}\n         at {shown}:", remark.message);
        for line in [at.line - 1, at.line, at.line + 1] {
            let Some(range) = file.lines().line_range(line) else {
                continue;
            };
            let content = String::from_utf8_lossy(&file.bytes()[range]);
            let content = content.trim_end_matches(['\n', '\r']);
            let line_text = format!("\n          {line:>5}| {content}");
            text.push_str(line_text.trim_end_matches(' '));
            if line == at.line {
                let indent = " ".repeat(at.column as usize - 1);
                text.push_str("\n               | ");
                text.push_str(&indent);
                text.push('^');
            }
        }
        text.into_bytes()
    }

    fn syntax_error(&mut self, file: FileId, diagnostics: Vec<Diagnostic>) -> Fail {
        let mut diagnostics = diagnostics.into_iter();
        let Some(first) = diagnostics.next() else {
            return self.error(ErrorKind::Syntax, "syntax error");
        };
        let mut error = EvalError::new(ErrorKind::Syntax, first.message.clone());
        error.place = first.primary_span().map(|span| Place {
            file,
            offset: span.start,
        });
        error.diagnostic = Some(Box::new(first));
        error.further = diagnostics.collect();
        self.fail(error)
    }

    /// Registers a text.
    pub fn add_source(&self, origin: FileOrigin, bytes: Arc<[u8]>) -> FileId {
        self.shared.files.add(origin, bytes)
    }

    /// The expression of a registered text in the reference's normal form.
    pub fn show_source(&mut self, file: FileId, dir: &SourcePath) -> Result<Vec<u8>, Fail> {
        let text = self.parse(file)?;
        let resolve = |literal: &[u8]| crate::code::resolve_literal(literal, dir).1;
        // Names are checked as if the text were to be evaluated.
        if let Err(error) = lower(&text.ast, text.root, &self.shared.globals, &[], &resolve) {
            return Err(self.name_error(file, error));
        }
        Ok(text.ast.show(text.root, &resolve))
    }

    pub(crate) fn name_error(&mut self, file: FileId, error: NameError) -> Fail {
        let NameError::Undefined {
            name,
            pos,
            in_scope,
        } = error
        else {
            return self.error(ErrorKind::UndefinedVariable, error.to_string());
        };
        let place = pos.get().map(|offset| Place { file, offset });
        let message = format!("undefined variable '{}'", crate::print::name_text(name));
        let mut error = EvalError::new(ErrorKind::UndefinedVariable, message);
        error.place = place;
        error.help = crate::suggest::help_for_variable(name, &in_scope);
        self.fail(error)
    }

    /// Evaluates a registered text.
    pub fn eval_source(&mut self, file: FileId, dir: &SourcePath, scope: &Scope<'h>) -> Res<'h> {
        let text = self.parse(file)?;
        let value = self.eval_text(&text, file, dir, scope)?;
        self.keep_for_front_end(value);
        Ok(value)
    }

    /// Evaluates registered bindings (`x = 1; inherit (y) z;`), as typed at a prompt: the set of
    /// them. They do not see each other.
    pub fn eval_bindings(&mut self, file: FileId, dir: &SourcePath, scope: &Scope<'h>) -> Res<'h> {
        let options = ParseOptions {
            entry: Entry::Bindings,
            ..self.shared.options.parse.clone()
        };
        let text = self.parse_with(file, &options)?;
        let value = self.eval_text(&text, file, dir, scope)?;
        self.keep_for_front_end(value);
        Ok(value)
    }

    /// A registered text as a thunk: it is parsed and its names are resolved now, and it is
    /// evaluated when it is needed.
    pub fn delay_source(&mut self, file: FileId, dir: &SourcePath, scope: &Scope<'h>) -> Res<'h> {
        let text = self.parse(file)?;
        let (unit, values) = self.load_text(&text, file, dir, scope)?;
        let (thunk, caps) = Val::thunk(&self.alloc, unit);
        for (slot, value) in caps.iter().zip(values) {
            slot.set(value.get());
        }
        self.keep_for_front_end(thunk);
        Ok(thunk)
    }

    /// Resolves the names of a text.
    pub(crate) fn lower(
        &self,
        text: &Text,
        names: &[Symbol],
        resolve: ResolvePath<'_>,
    ) -> Result<firn_ir::Code, NameError> {
        let lower = if self.shared.options.debug.is_some() {
            lower_for_debugger
        } else {
            lower
        };
        lower(&text.ast, text.root, &self.shared.globals, names, resolve)
    }

    /// Resolves the names of a text and makes it ready to run, with what it captures.
    fn load_text(
        &mut self,
        text: &Text,
        file: FileId,
        dir: &SourcePath,
        scope: &Scope<'h>,
    ) -> Result<(&'h Unit<'h, Code<'h>>, &'h [Slot<'h, Code<'h>>]), Fail> {
        let resolve = |literal: &[u8]| crate::code::resolve_literal(literal, dir).1;
        let code = match self.lower(text, &scope.names, &resolve) {
            Ok(code) => code,
            Err(error) => return Err(self.name_error(file, error)),
        };
        let unit = self.load(&code, Some(file), dir)?;
        if unit.n_caps == 0 {
            return Ok((unit, &[]));
        }
        let frame = Val::frame(&self.alloc, scope.values.len());
        if let Some(slots) = frame.as_frame() {
            for (slot, value) in slots.iter().zip(&scope.values) {
                slot.set(*value);
            }
        }
        let holder = Val::frame(&self.alloc, 1);
        let caps = holder.as_frame().expect("just made");
        caps[0].set(frame);
        Ok((unit, caps))
    }

    fn eval_text(
        &mut self,
        text: &Text,
        file: FileId,
        dir: &SourcePath,
        scope: &Scope<'h>,
    ) -> Res<'h> {
        let (unit, caps) = self.load_text(text, file, dir, scope)?;
        self.run_unit(unit, caps)
    }

    /// Runs the unit of a whole text.
    pub(crate) fn run_unit(
        &mut self,
        unit: &'h Unit<'h, Code<'h>>,
        caps: &'h [Slot<'h, Code<'h>>],
    ) -> Res<'h> {
        let base = self.stack.top();
        if !self.stack.extend_to(base, unit.n_slots as usize) {
            return Err(self.stack_overflow(None));
        }
        let env = Env {
            code: unit.code(),
            caps,
            base,
        };
        let result = self.eval(&env, unit.entry);
        self.stack.truncate(base);
        result
    }

    /// Evaluates a text given on the command line; its relative paths are meant from `dir`.
    pub fn eval_str(&mut self, text: &[u8], dir: &SourcePath) -> Res<'h> {
        let file = self.add_source(FileOrigin::String, text.into());
        self.eval_source(file, dir, &Scope::new())
    }

    /// The file that importing a path reads: a link is followed, so that relative paths in the file
    /// are meant from where it really is, and `default.nix` is added to a directory. Links among
    /// the directories above stay.
    pub fn resolve_import(&mut self, path: &SourcePath) -> Result<SourcePath, Fail> {
        const MAX_LINKS: usize = 1024;
        if let Some(known) = lock(&self.shared.resolved).get(path) {
            return Ok(known.clone());
        }
        let resolved = self.host_result(|host| {
            host.check_access(path)?;
            let mut at = path.clone();
            for n_links in 0.. {
                let (Some(parent), Some(name)) = (at.parent(), at.path.file_name()) else {
                    break;
                };
                if n_links == MAX_LINKS {
                    let shown = host.display_path(path);
                    return Err(HostError::new(format!(
                        "too many symbolic links encountered while traversing the path '{}'",
                        String::from_utf8_lossy(&shown)
                    )));
                }
                let real = host.resolve_symlinks(&parent, true)?.join(name);
                if host.file_type(&real)? != Some(FileType::Symlink) {
                    break;
                }
                at = parent.join(&host.read_link(&real)?);
            }
            let target = host.resolve_symlinks(&at, true)?;
            if host.file_type(&target)? == Some(FileType::Directory) {
                return Ok(at.join(b"default.nix"));
            }
            Ok(at)
        })?;
        lock(&self.shared.resolved).insert(path.clone(), resolved.clone());
        Ok(resolved)
    }

    /// Reads and registers a file.
    fn read_source(&mut self, path: &SourcePath) -> Result<(FileId, SourcePath), Fail> {
        let bytes = self.host_result(|host| host.read_file(path))?;
        let shown = self.shared.host.display_path(path);
        let shown =
            (shown != path.path.as_bytes()).then(|| String::from_utf8_lossy(&shown).into_owned());
        let origin = FileOrigin::Path(path.clone());
        let file = self.files().add_shown(origin, shown, bytes);
        let dir = path.parent().unwrap_or_else(|| SourcePath {
            root: path.root,
            path: CanonicalPath::root(),
        });
        Ok((file, dir))
    }

    /// The value of a file; each file is evaluated once.
    pub fn eval_file(&mut self, path: &SourcePath) -> Res<'h> {
        let resolved = self.resolve_import(path)?;
        let thunk = {
            let mut imports = lock(&self.shared.imports);
            let known = imports.get(&resolved).copied();
            known.unwrap_or_else(|| {
                let (thunk, caps) = Val::thunk(&self.alloc, self.internal.import);
                caps[0].set(self.new_path(&resolved));
                imports.insert(resolved, thunk);
                thunk
            })
        };
        self.force(thunk)
    }

    /// Reads and evaluates a file.
    pub(crate) fn import_now(&mut self, resolved: &SourcePath) -> Res<'h> {
        let (file, dir) = self.read_source(resolved)?;
        self.eval_imported(file, &dir).map_err(|fail| {
            let shown = self.shared.host.display_path(resolved);
            let text = format!(
                "while evaluating the file '{}':",
                String::from_utf8_lossy(&shown)
            );
            self.trace(fail, None, text)
        })
    }

    /// The value of a file whose text has to be a set literal.
    pub fn eval_set_file(&mut self, path: &SourcePath) -> Res<'h> {
        let resolved = self.resolve_import(path)?;
        let (file, dir) = self.read_source(&resolved)?;
        let text = self.parse(file)?;
        if !text.ast.is_set(text.root) {
            let shown = self.shared.host.display_path(&resolved);
            let message = format!(
                "file '{}' must be an attribute set",
                String::from_utf8_lossy(&shown)
            );
            return Err(self.error(ErrorKind::Eval, message));
        }
        self.eval_text(&text, file, &dir, &Scope::new())
    }

    /// The value of a file in whose text the attributes of a set are variables.
    pub fn eval_file_in(&mut self, path: &SourcePath, attrs: Set<'h, Code<'h>>) -> Res<'h> {
        let resolved = self.resolve_import(path)?;
        let (file, dir) = self.read_source(&resolved)?;
        let mut scope = Scope::new();
        for (name, value) in self.attrs_by_name(attrs) {
            scope.names.push(name);
            scope.values.push(value);
        }
        self.eval_source(file, &dir, &scope)
    }

    /// Forgets what was imported, so that changed files are read again.
    pub fn reset_imports(&mut self) {
        lock(&self.shared.imports).clear();
        lock(&self.shared.resolved).clear();
    }
}
