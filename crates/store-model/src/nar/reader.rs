//! Reading archives, one event at a time, from any buffered reader.

use std::io::BufRead;

use super::{
    MAGIC, MAX_NAME_LEN, MAX_TARGET_LEN, NAR_MAX_DEPTH, NarError, check_entry_name, check_target,
    padding,
};

/// Longer than any tag of the format, so that messages can show what stood in its place.
const MAX_TAG_LEN: usize = 32;

/// A piece of a tree. The name of the root is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NarEvent {
    /// A directory begins; its entries follow.
    Directory {
        /// The name in the directory around it.
        name: Vec<u8>,
    },
    /// The innermost directory ends.
    EndDirectory,
    /// A regular file; its contents can be read before the next event is asked for.
    File {
        /// The name in the directory around it.
        name: Vec<u8>,
        /// Whether it may be executed.
        executable: bool,
        /// Its size in bytes.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// The name in the directory around it.
        name: Vec<u8>,
        /// Where it points.
        target: Vec<u8>,
    },
}

enum State {
    Start,
    /// Inside a file of which so many bytes are left.
    InFile {
        left: u64,
        padding: usize,
    },
    InDirectory,
    Done,
}

/// Reads an archive; consumes exactly its bytes.
pub struct NarReader<R> {
    input: R,
    offset: u64,
    state: State,
    /// The last name seen in each open directory.
    stack: Vec<Vec<u8>>,
}

impl<R: BufRead> NarReader<R> {
    /// Reads an archive from `input`.
    pub fn new(input: R) -> NarReader<R> {
        NarReader {
            input,
            offset: 0,
            state: State::Start,
            stack: Vec::new(),
        }
    }

    /// Number of bytes consumed so far; right after a file's event, where its contents begin.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Gives the input back.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Reads the next event; `None` after the whole archive. Contents of a file that were not
    /// read are skipped.
    pub fn next_event(&mut self) -> Result<Option<NarEvent>, NarError> {
        match self.state {
            State::Start => {
                self.read_magic()?;
                self.node(Vec::new()).map(Some)
            }
            State::InFile { .. } => {
                self.end_file()?;
                self.next_event()
            }
            State::InDirectory => {
                let mut buffer = [0; MAX_TAG_LEN];
                match self.tag(&mut buffer)? {
                    b")" => {
                        self.stack.pop();
                        self.end_node()?;
                        Ok(Some(NarEvent::EndDirectory))
                    }
                    b"entry" => {
                        self.expect("(", "'('")?;
                        self.expect("name", "'name'")?;
                        let name = self.string(MAX_NAME_LEN)?;
                        let last = self.stack.last_mut().expect("inside a directory");
                        check_entry_name(&name, (!last.is_empty()).then_some(last))?;
                        last.clone_from(&name);
                        self.expect("node", "'node'")?;
                        self.node(name).map(Some)
                    }
                    found => Err(NarError::UnexpectedTag {
                        expected: "'entry' or ')'",
                        found: found.into(),
                    }),
                }
            }
            State::Done => Ok(None),
        }
    }

    /// The next bytes of the current file, empty at its end. To be followed by
    /// [`NarReader::consume_contents`].
    pub fn fill_contents(&mut self) -> Result<&[u8], NarError> {
        let State::InFile { left, .. } = self.state else {
            return Ok(&[]);
        };
        if left == 0 {
            return Ok(&[]);
        }
        let available = fill(&mut self.input)?;
        if available.is_empty() {
            return Err(NarError::Truncated);
        }
        let n_bytes = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(available.len());
        Ok(&available[..n_bytes])
    }

    /// Marks bytes of the current file as read.
    pub fn consume_contents(&mut self, n_bytes: usize) {
        if let State::InFile { left, .. } = &mut self.state {
            assert!(
                n_bytes as u64 <= *left,
                "no more than was shown can be consumed"
            );
            *left -= n_bytes as u64;
            self.offset += n_bytes as u64;
            self.input.consume(n_bytes);
        }
    }

    fn end_file(&mut self) -> Result<(), NarError> {
        loop {
            let n_bytes = self.fill_contents()?.len();
            if n_bytes == 0 {
                break;
            }
            self.consume_contents(n_bytes);
        }
        if let State::InFile { padding, .. } = self.state {
            self.padding(padding)?;
        }
        self.expect(")", "')'")?;
        self.end_node()
    }

    /// Reads a node up to the point where its event can be told.
    fn node(&mut self, name: Vec<u8>) -> Result<NarEvent, NarError> {
        if self.stack.len() >= NAR_MAX_DEPTH {
            return Err(NarError::TooDeep);
        }
        self.expect("(", "'('")?;
        self.expect("type", "'type'")?;
        let mut buffer = [0; MAX_TAG_LEN];
        match self.tag(&mut buffer)? {
            b"regular" => {
                let mut tag = self.tag(&mut buffer)?;
                let executable = tag == b"executable";
                if executable {
                    if self.number()? != 0 {
                        return Err(NarError::ExecutableMarker);
                    }
                    tag = self.tag(&mut buffer)?;
                }
                if tag != b"contents" {
                    return Err(NarError::UnexpectedTag {
                        expected: "'contents'",
                        found: tag.into(),
                    });
                }
                let size = self.number()?;
                self.state = State::InFile {
                    left: size,
                    padding: padding(size),
                };
                Ok(NarEvent::File {
                    name,
                    executable,
                    size,
                })
            }
            b"directory" => {
                self.stack.push(Vec::new());
                self.state = State::InDirectory;
                Ok(NarEvent::Directory { name })
            }
            b"symlink" => {
                self.expect("target", "'target'")?;
                let target = self.string(MAX_TARGET_LEN)?;
                check_target(&target)?;
                self.expect(")", "')'")?;
                self.end_node()?;
                Ok(NarEvent::Symlink { name, target })
            }
            found => Err(NarError::UnknownType(found.into())),
        }
    }

    /// After the parenthesis of a node: closes the directory entry it is in, if any.
    fn end_node(&mut self) -> Result<(), NarError> {
        if self.stack.is_empty() {
            self.state = State::Done;
        } else {
            self.expect(")", "')'")?;
            self.state = State::InDirectory;
        }
        Ok(())
    }

    fn read_magic(&mut self) -> Result<(), NarError> {
        let mut buffer = [0; MAX_TAG_LEN];
        match self.tag(&mut buffer) {
            Ok(found) if found == MAGIC => Ok(()),
            Err(NarError::Io(error)) => Err(NarError::Io(error)),
            _ => Err(NarError::NotAnArchive),
        }
    }

    fn expect(&mut self, tag: &'static str, quoted: &'static str) -> Result<(), NarError> {
        let mut buffer = [0; MAX_TAG_LEN];
        let found = self.tag(&mut buffer)?;
        if found == tag.as_bytes() {
            Ok(())
        } else {
            Err(NarError::UnexpectedTag {
                expected: quoted,
                found: found.into(),
            })
        }
    }

    fn tag<'b>(&mut self, buffer: &'b mut [u8; MAX_TAG_LEN]) -> Result<&'b [u8], NarError> {
        let size = self.string_size(MAX_TAG_LEN)?;
        self.exact(&mut buffer[..size])?;
        self.padding(padding(size as u64))?;
        Ok(&buffer[..size])
    }

    fn string(&mut self, max_size: usize) -> Result<Vec<u8>, NarError> {
        let size = self.string_size(max_size)?;
        let mut bytes = vec![0; size];
        self.exact(&mut bytes)?;
        self.padding(padding(size as u64))?;
        Ok(bytes)
    }

    fn string_size(&mut self, max_size: usize) -> Result<usize, NarError> {
        usize::try_from(self.number()?)
            .ok()
            .filter(|&size| size <= max_size)
            .ok_or(NarError::StringTooLong)
    }

    fn number(&mut self) -> Result<u64, NarError> {
        let mut bytes = [0; 8];
        self.exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn padding(&mut self, n_bytes: usize) -> Result<(), NarError> {
        let mut bytes = [0; 8];
        self.exact(&mut bytes[..n_bytes])?;
        if bytes == [0; 8] {
            Ok(())
        } else {
            Err(NarError::NonZeroPadding)
        }
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), NarError> {
        self.input.read_exact(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// Fills the input's buffer, through interruptions.
fn fill(input: &mut impl BufRead) -> Result<&[u8], NarError> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    // The buffer is not empty now unless the input has ended, so this does not read again.
    Ok(input.fill_buf()?)
}
