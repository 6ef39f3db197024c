//! Places as text and as values.

use firn_heap::{AttrPos, SetBuilder};
use firn_ir::set_literal_around;
use firn_source::{FileId, FileOrigin, SourcePath};

use crate::ctx::{Ctx, Val};
use crate::error::{Fail, Place};

/// The name of the source that holds the evaluator's own expressions; its attributes are left out
/// of traces.
pub const DERIVATION_INTERNAL: &str = "«nix-internal»/derivation-internal.nix";

impl<'h> Ctx<'h> {
    /// A place as messages show it: `/file.nix:1:2`.
    pub fn place_text(&self, place: Place) -> String {
        let file = self.shared.files.file(place.file);
        let at = file.lines().line_column(place.offset);
        let name = self.file_text(&file.origin);
        format!("{name}:{}:{}", at.line, at.column)
    }

    /// A source as messages name it.
    pub(crate) fn file_text(&self, origin: &FileOrigin) -> String {
        match origin {
            FileOrigin::Path(path) => {
                String::from_utf8_lossy(&self.shared.host.display_path(path)).into_owned()
            }
            FileOrigin::String => "«string»".to_owned(),
            FileOrigin::Stdin => "«stdin»".to_owned(),
            FileOrigin::Internal(name) => (*name).to_owned(),
        }
    }

    pub(crate) fn attr_pos_text(&self, pos: AttrPos) -> String {
        match pos.get() {
            Some((file, offset)) => self.place_text(Place {
                file: FileId(file),
                offset,
            }),
            None => "«none»:0:0".to_owned(),
        }
    }

    /// Gives the error of a failure the place where a set was written, if it has none.
    #[cold]
    pub fn at_literal(&mut self, fail: Fail, value: Val<'h>) -> Fail {
        let place = self.literal_place(value);
        if let Some(error) = &mut self.error {
            error.place = error.place.or(place);
        }
        fail
    }

    /// Where the literal was written that an attribute of a set stands in.
    fn literal_place(&self, value: Val<'h>) -> Option<Place> {
        let set = value.resolved()?.as_set()?;
        let (name, _) = *self.attrs_by_name(set).first()?;
        let attr = Self::attr_place(set, name)?;
        let file = self.shared.files.file(attr.file);
        let offset = set_literal_around(file.bytes(), attr.offset)?;
        Some(Place {
            file: attr.file,
            offset,
        })
    }

    pub(crate) fn is_internal_place(&self, place: Option<Place>) -> bool {
        place.is_some_and(|place| {
            matches!(
                self.shared.files.file(place.file).origin,
                FileOrigin::Internal(DERIVATION_INTERNAL)
            )
        })
    }

    /// A place as a set of file, line and column; `null` if it is not in a file.
    pub fn place_value(&mut self, place: Option<Place>) -> Val<'h> {
        let Some(place) = place else {
            return Val::null();
        };
        let file = self.shared.files.file(place.file);
        let FileOrigin::Path(path) = &file.origin else {
            return Val::null();
        };
        let at = file.lines().line_column(place.offset);
        let mut attrs = SetBuilder::default();
        attrs.push(self.names.file, self.new_str(path.path.as_bytes()));
        attrs.push(self.names.line, self.new_int(i64::from(at.line)));
        attrs.push(self.names.column, self.new_int(i64::from(at.column)));
        self.new_set(attrs)
    }

    /// Where an attribute was written, as a value.
    pub fn attr_pos_value(&mut self, pos: AttrPos) -> Val<'h> {
        let place = pos.get().map(|(file, offset)| Place {
            file: FileId(file),
            offset,
        });
        self.place_value(place)
    }

    /// The file that a place is in.
    pub fn place_path(&self, place: Place) -> Option<SourcePath> {
        match &self.shared.files.file(place.file).origin {
            FileOrigin::Path(path) => Some(path.clone()),
            _ => None,
        }
    }
}
