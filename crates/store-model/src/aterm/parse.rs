//! Reading derivations from ATerms. Strings without escapes are borrowed from the text until
//! they reach their place.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use firn_hash::{Algorithm, Hash, HashError};

use crate::{
    ContentAddress, ContentAddressMethod, Derivation, DerivationOutput, InputNode, NameError,
    OutputName, StoreDir, StorePathError,
};

/// How deep inputs may be nested; bounds the stack against hostile texts.
const MAX_DEPTH: usize = 128;

/// What is wrong with the text of a derivation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ATermError {
    /// Something else was expected.
    Expected(&'static str),
    /// The text begins with neither of the two known words.
    NotADerivation,
    /// A version that is not known.
    UnknownVersion(String),
    /// A string has no end.
    UnterminatedString,
    /// A path that is not absolute.
    BadPath(String),
    /// An input that is neither a list of outputs nor a nested form.
    BadInput,
    /// Inputs nested deeper than anything real.
    TooDeep,
    /// A text that must be UTF-8 is not.
    NotText(String),
    /// An output with neither a fixed hash nor a path known beforehand states a path.
    UnexpectedPath(&'static str),
    /// A store path is wrong.
    Path(StorePathError),
    /// An output's name is wrong.
    Name(NameError),
    /// A hash is wrong.
    Hash(HashError),
}

impl fmt::Display for ATermError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ATermError::Expected(text) => write!(f, "expected string '{text}'"),
            ATermError::NotADerivation => {
                f.write_str("derivation does not start with 'Derive' or 'DrvWithVersion'")
            }
            ATermError::UnknownVersion(version) => {
                write!(f, "Unknown derivation ATerm format version '{version}'")
            }
            ATermError::UnterminatedString => f.write_str("unterminated string in derivation"),
            ATermError::BadPath(path) => write!(f, "bad path '{path}' in derivation"),
            ATermError::BadInput => f.write_str("invalid inputDrvs entry in derivation"),
            ATermError::TooDeep => write!(
                f,
                "inputs of a derivation are nested deeper than {MAX_DEPTH} levels"
            ),
            ATermError::NotText(text) => write!(f, "'{text}' in derivation is not UTF-8"),
            ATermError::UnexpectedPath(kind) => {
                write!(f, "{kind} derivation output should not specify output path")
            }
            ATermError::Path(error) => error.fmt(f),
            ATermError::Name(error) => error.fmt(f),
            ATermError::Hash(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ATermError {}

impl From<StorePathError> for ATermError {
    fn from(error: StorePathError) -> ATermError {
        ATermError::Path(error)
    }
}

impl From<NameError> for ATermError {
    fn from(error: NameError) -> ATermError {
        ATermError::Name(error)
    }
}

impl From<HashError> for ATermError {
    fn from(error: HashError) -> ATermError {
        ATermError::Hash(error)
    }
}

pub(super) fn parse(
    store_dir: &StoreDir,
    text: &[u8],
    name: &str,
) -> Result<Derivation, ATermError> {
    let mut cursor = Cursor { rest: text };
    let has_version = cursor.begin()?;
    let mut drv = Derivation {
        name: name.into(),
        ..Derivation::default()
    };

    cursor.expect("[")?;
    while !cursor.end_of_list() {
        cursor.expect("(")?;
        let output_name = OutputName::parse(&*cursor.string()?)?;
        cursor.expect(",")?;
        let path = cursor.string()?;
        cursor.expect(",")?;
        let algorithm = cursor.string()?;
        cursor.expect(",")?;
        let hash = cursor.string()?;
        cursor.expect(")")?;
        let output = output_from_fields(store_dir, &path, &algorithm, &hash)?;
        drv.outputs.entry(output_name).or_insert(output);
    }

    cursor.expect(",[")?;
    while !cursor.end_of_list() {
        cursor.expect("(")?;
        let path = store_dir.parse(&*cursor.path()?)?;
        cursor.expect(",")?;
        let node = if has_version {
            cursor.node(0)?
        } else {
            InputNode::of(cursor.names()?)
        };
        drv.input_drvs.insert(path, node);
        cursor.expect(")")?;
    }

    cursor.expect(",[")?;
    while !cursor.end_of_list() {
        drv.input_srcs.insert(store_dir.parse(&*cursor.path()?)?);
    }
    cursor.expect(",")?;
    drv.platform = cursor.string()?.into_owned();
    cursor.expect(",")?;
    drv.builder = cursor.string()?.into_owned();
    cursor.expect(",[")?;
    while !cursor.end_of_list() {
        drv.args.push(cursor.string()?.into_owned());
    }
    cursor.expect(",[")?;
    while !cursor.end_of_list() {
        cursor.expect("(")?;
        let variable = cursor.string()?.into_owned();
        cursor.expect(",")?;
        let value = cursor.string()?.into_owned();
        cursor.expect(")")?;
        drv.env.insert(variable, value);
    }
    cursor.expect(")")?;
    Ok(drv)
}

/// Reads an output from the three strings by which derivations and the protocols write it.
pub(crate) fn output_from_fields(
    store_dir: &StoreDir,
    path: &[u8],
    method_and_algorithm: &[u8],
    hash: &[u8],
) -> Result<DerivationOutput, ATermError> {
    if method_and_algorithm.is_empty() {
        if path.is_empty() {
            return Ok(DerivationOutput::Deferred);
        }
        check_path(path)?;
        return Ok(DerivationOutput::InputAddressed(store_dir.parse(path)?));
    }
    let (method, algorithm) = ContentAddressMethod::split_prefix(as_text(method_and_algorithm)?);
    let algorithm = Algorithm::parse(algorithm)?;
    match hash {
        b"impure" if !path.is_empty() => Err(ATermError::UnexpectedPath("impure")),
        b"impure" => Ok(DerivationOutput::Impure { method, algorithm }),
        b"" if !path.is_empty() => Err(ATermError::UnexpectedPath("content-addressing")),
        b"" => Ok(DerivationOutput::Floating { method, algorithm }),
        _ => {
            check_path(path)?;
            let hash = Hash::parse_digest(as_text(hash)?, algorithm)?;
            Ok(DerivationOutput::Fixed(ContentAddress { method, hash }))
        }
    }
}

fn as_text(bytes: &[u8]) -> Result<&str, ATermError> {
    std::str::from_utf8(bytes)
        .map_err(|_| ATermError::NotText(String::from_utf8_lossy(bytes).into_owned()))
}

fn check_path(path: &[u8]) -> Result<(), ATermError> {
    if path.first() == Some(&b'/') {
        Ok(())
    } else {
        Err(ATermError::BadPath(
            String::from_utf8_lossy(path).into_owned(),
        ))
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Reads up to the first list; tells whether the text is of the versioned form.
    fn begin(&mut self) -> Result<bool, ATermError> {
        self.expect("D")?;
        match self.rest.first() {
            Some(b'e') => {
                self.expect("erive(")?;
                Ok(false)
            }
            Some(b'r') => {
                self.expect("rvWithVersion(")?;
                let version = self.string()?;
                if &*version != b"xp-dyn-drv" {
                    return Err(ATermError::UnknownVersion(
                        String::from_utf8_lossy(&version).into_owned(),
                    ));
                }
                self.expect(",")?;
                Ok(true)
            }
            _ => Err(ATermError::NotADerivation),
        }
    }

    fn expect(&mut self, text: &'static str) -> Result<(), ATermError> {
        self.rest = self
            .rest
            .strip_prefix(text.as_bytes())
            .ok_or(ATermError::Expected(text))?;
        Ok(())
    }

    /// Takes a comma or closing bracket, and tells whether it was the bracket.
    fn end_of_list(&mut self) -> bool {
        match self.rest {
            [b',', rest @ ..] => {
                self.rest = rest;
                false
            }
            [b']', rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn string(&mut self) -> Result<Cow<'a, [u8]>, ATermError> {
        self.expect("\"")?;
        let text = self.rest;
        let first = memchr::memchr2(b'"', b'\\', text).ok_or(ATermError::UnterminatedString)?;
        if text[first] == b'"' {
            self.rest = &text[first + 1..];
            return Ok(Cow::Borrowed(&text[..first]));
        }
        let mut owned = Vec::with_capacity(first * 2 + 16);
        let mut start = 0;
        let mut special = first;
        loop {
            owned.extend_from_slice(&text[start..special]);
            if text[special] == b'"' {
                self.rest = &text[special + 1..];
                return Ok(Cow::Owned(owned));
            }
            owned.push(
                match text
                    .get(special + 1)
                    .ok_or(ATermError::UnterminatedString)?
                {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    &byte => byte,
                },
            );
            start = special + 2;
            special = start
                + memchr::memchr2(b'"', b'\\', &text[start..])
                    .ok_or(ATermError::UnterminatedString)?;
        }
    }

    fn path(&mut self) -> Result<Cow<'a, [u8]>, ATermError> {
        let path = self.string()?;
        check_path(&path)?;
        Ok(path)
    }

    fn names(&mut self) -> Result<BTreeSet<OutputName>, ATermError> {
        let mut names = BTreeSet::new();
        self.expect("[")?;
        while !self.end_of_list() {
            names.insert(OutputName::parse(&*self.string()?)?);
        }
        Ok(names)
    }

    fn node(&mut self, depth: usize) -> Result<InputNode, ATermError> {
        if depth > MAX_DEPTH {
            return Err(ATermError::TooDeep);
        }
        match self.rest.first() {
            Some(b'[') => Ok(InputNode::of(self.names()?)),
            Some(b'(') => {
                self.expect("(")?;
                let mut node = InputNode::of(self.names()?);
                self.expect(",[")?;
                while !self.end_of_list() {
                    self.expect("(")?;
                    let output = OutputName::parse(&*self.string()?)?;
                    self.expect(",")?;
                    let child = self.node(depth + 1)?;
                    node.dynamic.insert(output, child);
                    self.expect(")")?;
                }
                self.expect(")")?;
                Ok(node)
            }
            _ => Err(ATermError::BadInput),
        }
    }
}
