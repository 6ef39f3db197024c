//! Configuration files: lines `name = value`, `include FILE`, `!include FILE`, comments after `#`.
//!
//! A file that cannot be read counts as empty, as in the reference; a line that is no assignment is
//! an error. Words of a value are joined by single blanks, so that a value never holds more.

use std::path::{Path, PathBuf};

use crate::{Error, Settings, Sources};

impl Settings {
    /// Reads all files, and the text of the environment, in their order.
    pub fn load(&mut self, sources: &Sources) -> Result<(), Error> {
        self.load_file(&sources.system_file)?;
        self.overridden.clear();
        for file in &sources.user_files {
            self.load_file(file)?;
        }
        if let Some(text) = &sources.text {
            self.load_text(text, Path::new("NIX_CONFIG"))?;
        }
        Ok(())
    }

    fn load_file(&mut self, file: &Path) -> Result<(), Error> {
        match std::fs::read(file) {
            Ok(bytes) => self.load_text(&String::from_utf8_lossy(&bytes), file),
            Err(_) => Ok(()),
        }
    }

    /// Applies configuration text; `origin` names it in messages and anchors its includes.
    pub fn load_text(&mut self, text: &str, origin: &Path) -> Result<(), Error> {
        let mut assignments = Vec::new();
        read_assignments(text, origin, &mut assignments, 0)?;
        self.apply(&assignments)
    }
}

/// Includes nest at most this deep; deeper is a circle.
const MAX_INCLUDES: u32 = 64;

fn read_assignments(
    text: &str,
    origin: &Path,
    assignments: &mut Vec<(String, String)>,
    depth: u32,
) -> Result<(), Error> {
    for line in text.split('\n') {
        let line = line.split_once('#').map_or(line, |it| it.0);
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let bad = || Error::Syntax {
            line: line.to_owned(),
            file: origin.to_owned(),
        };
        match words.as_slice() {
            [] => {}
            [word @ ("include" | "!include"), file] => {
                let file = beside(origin, file);
                if !file.exists() {
                    if *word == "!include" {
                        continue;
                    }
                    return Err(Error::MissingInclude {
                        file,
                        included_from: origin.to_owned(),
                    });
                }
                if depth < MAX_INCLUDES
                    && let Ok(bytes) = std::fs::read(&file)
                {
                    let text = String::from_utf8_lossy(&bytes);
                    read_assignments(&text, &file, assignments, depth + 1)?;
                }
            }
            ["include" | "!include", ..] => return Err(bad()),
            [name, "=", value @ ..] => {
                assignments.push(((*name).to_owned(), value.join(" ")));
            }
            _ => return Err(bad()),
        }
    }
    Ok(())
}

/// `file` seen from the directory of `origin`, without dots.
fn beside(origin: &Path, file: &str) -> PathBuf {
    use std::path::Component;
    let joined = origin.parent().unwrap_or(Path::new("")).join(file);
    let mut plain = PathBuf::new();
    for part in joined.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
