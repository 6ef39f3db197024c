//! Written forms of texts, so that what was parsed in one run need not be parsed in the next.
//!
//! A host may keep them ([`Forms`]); the form is that of [`firn_ir::StoredCode`], and is used where
//! the host has it. Only forms of whole files are kept, and only where nothing but the text, the
//! base environment and the parser's options went into them: of a text that the parser remarked on
//! none is kept, so that the remark is made each time, and none of one whose messages quote a path.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use firn_heap::Unit;
use firn_ir::StoredCode;
use firn_source::{FileId, SourcePath};

use crate::code::{Code, resolve_literal};
use crate::ctx::{Ctx, Res};
use crate::error::Fail;

/// What a form is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormKey(pub [u8; 32]);

/// A form, somewhere in bytes that others use as well. It begins at a multiple of 8.
pub struct Form {
    /// All bytes.
    pub bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    /// Which of them are the form.
    pub range: Range<usize>,
}

/// Keeps forms between runs.
pub trait Forms: Send + Sync {
    /// The key of a text. `environment` stands for what else went into its form.
    fn key(&self, environment: u64, text: &[u8]) -> FormKey;
    /// The form with this key, byte for byte as it was kept.
    fn find(&self, key: &FormKey) -> Option<Form>;
    /// What was found turned out to be no form.
    fn is_wrong(&self, form: &Form);
    /// Keeps a form, if that can be done.
    fn keep(&self, key: &FormKey, form: &[u8]);
}

impl<'h> Ctx<'h> {
    /// Evaluates a file that was registered: by way of its kept form if there is one.
    pub(crate) fn eval_imported(&mut self, file: FileId, dir: &SourcePath) -> Res<'h> {
        let host = Arc::clone(&self.shared.host);
        // What is made for a debugger serves nobody else.
        let forms = host.forms().filter(|_| self.shared.options.debug.is_none());
        let unit = if let Some(forms) = forms {
            self.load_by_form(forms, file, dir)?
        } else {
            let text = self.parse(file)?;
            self.load_file(&text, file, dir, &Cell::new(false))?.0
        };
        let value = self.run_unit(unit, &[])?;
        self.keep_for_front_end(value);
        Ok(value)
    }

    fn load_by_form(
        &mut self,
        forms: &dyn Forms,
        file: FileId,
        dir: &SourcePath,
    ) -> Result<&'h Unit<'h, Code<'h>>, Fail> {
        let source = self.shared.files.file(file);
        let key = forms.key(self.form_environment(), source.bytes());
        if let Some(form) = forms.find(&key) {
            let bytes: &'h [u8] = self.heap().keep_shared(Arc::clone(&form.bytes));
            if let Some(code) = bytes.get(form.range.clone()).and_then(StoredCode::read) {
                return self.load_stored(&code, Some(file), dir);
            }
            forms.is_wrong(&form);
        }
        let text = self.parse(file)?;
        let quotes_path = Cell::new(false);
        let (unit, code) = self.load_file(&text, file, dir, &quotes_path)?;
        if text.warnings.is_empty()
            && !quotes_path.get()
            && let Some(form) = code.write()
        {
            forms.keep(&key, &form);
        }
        Ok(unit)
    }

    /// Resolves the names of a whole file and makes it ready to run. `quotes_path` is set if its
    /// messages quote a path, which is shown as it is seen from `dir`.
    fn load_file(
        &mut self,
        text: &firn_ir::Text,
        file: FileId,
        dir: &SourcePath,
        quotes_path: &Cell<bool>,
    ) -> Result<(&'h Unit<'h, Code<'h>>, firn_ir::Code), Fail> {
        let resolve = |literal: &[u8]| {
            quotes_path.set(true);
            resolve_literal(literal, dir).1
        };
        match self.lower(text, &[], &resolve) {
            Ok(code) => Ok((self.load(&code, Some(file), dir)?, code)),
            Err(error) => Err(self.name_error(file, error)),
        }
    }

    /// A number for everything besides the text that its form depends on.
    fn form_environment(&self) -> u64 {
        *self.shared.form_environment.get_or_init(|| {
            let options = format!("{:?}", self.shared.options.parse);
            let globals = self.shared.globals.fingerprint();
            let text = [options.as_bytes(), &globals.to_le_bytes()].concat();
            firn_symbol::hash_bytes(&text)
        })
    }
}
