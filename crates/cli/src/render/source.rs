//! Names of sources and the lines around a place in them.

use firn_source::{File, FileOrigin, FileTable, LineColumn, Span};

/// A place, with the lines around it.
pub(super) struct Place {
    /// The name of the source as users see it.
    pub(super) name: String,
    /// Line and column.
    pub(super) at: LineColumn,
    /// The line before, the line itself, the line after, without line ends.
    pub(super) lines: [Option<String>; 3],
}

/// Looks a span up.
pub(super) fn place(span: Span, files: &FileTable) -> Place {
    let file = files.file(span.file);
    let at = file.lines().line_column(span.start);
    let line = |number: u32| line_of(&file, number);
    Place {
        name: name(&file),
        at,
        lines: [
            at.line.checked_sub(1).filter(|&it| it > 0).and_then(line),
            line(at.line),
            line(at.line + 1),
        ],
    }
}

/// The name of a source.
pub(super) fn name(file: &File) -> String {
    if let Some(shown) = &file.shown {
        return shown.clone();
    }
    match &file.origin {
        FileOrigin::Path(path) => path.path.to_string(),
        FileOrigin::String => "«string»".to_owned(),
        FileOrigin::Stdin => "«stdin»".to_owned(),
        FileOrigin::Internal(name) => (*name).to_owned(),
    }
}

/// A line without its end. As in the reference, a final line end is followed by an empty line.
fn line_of(file: &File, number: u32) -> Option<String> {
    let range = file.lines().line_range(number)?;
    let bytes = &file.bytes()[range];
    let text = crate::raw_bytes::carry(bytes);
    Some(text.trim_end_matches(['\n', '\r']).to_owned())
}
