//! The parts of replies (and of requests) that are more than a number, a text or a path: what is
//! known of an object, derived paths, results of builds, realisations, derivations.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use super::ProtocolVersion;
use super::request::{decode_hash, decode_path_with_outputs};
use crate::aterm::output_from_fields;
use crate::wire::{MAX_STRING_LEN, ReadWire as _, WireError, WriteWire as _};
use crate::{
    ContentAddress, Derivation, DerivationOutput, DerivedPath, DrvOutput, OutputName, OutputsSpec,
    PathInfo, Realisation, Signature, SingleDerivedPath, StoreDir, StorePath, ValidPathInfo,
};

/// What became of a build, as the protocols tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOutcome {
    /// How it ended; the numbers are those of the protocol.
    pub status: u64,
    /// Why it failed.
    pub error: String,
    /// How often it was built.
    pub times_built: u64,
    /// Whether it was found not to be deterministic.
    pub not_deterministic: bool,
    /// When building began and ended.
    pub time: (u64, u64),
    /// Processor time, user and system, in microseconds.
    pub cpu_time: (Option<u64>, Option<u64>),
    /// What the outputs are.
    pub outputs: BTreeMap<DrvOutput, Realisation>,
}

/// What substituting a path would take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubstitutableInfo {
    /// The deriver.
    pub deriver: Option<StorePath>,
    /// The references.
    pub references: BTreeSet<StorePath>,
    /// Bytes to be downloaded; zero if not known.
    pub download_size: u64,
    /// Bytes of the archive; zero if not known.
    pub nar_size: u64,
}

pub(super) fn optional_address(address: Option<&ContentAddress>) -> String {
    address.map(ToString::to_string).unwrap_or_default()
}

/// Writes what is known of an object, without its path.
pub fn encode_path_info(
    info: &PathInfo,
    store_dir: &StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_optional_path(store_dir, info.deriver.as_ref())?;
    out.write_text(&info.nar_hash.to_base16())?;
    out.write_paths(store_dir, &info.references)?;
    out.write_number(info.registration_time)?;
    out.write_number(info.nar_size)?;
    out.write_bool(info.ultimate)?;
    encode_signatures(&info.signatures, out)?;
    out.write_text(&optional_address(info.content_address.as_ref()))
}

/// Reads what is known of an object whose path has been read.
pub fn decode_path_info(
    path: StorePath,
    store_dir: &StoreDir,
    input: &mut dyn Read,
) -> Result<ValidPathInfo, WireError> {
    let deriver = input.read_optional_path(store_dir)?;
    let mut info = PathInfo::new(decode_hash(&input.read_text()?)?, 0);
    info.deriver = deriver;
    info.references = input.read_paths(store_dir)?;
    info.registration_time = input.read_number()?;
    info.nar_size = input.read_number()?;
    info.ultimate = input.read_bool()?;
    info.signatures = decode_signatures(input)?;
    info.content_address =
        ContentAddress::parse_optional(&input.read_text()?).map_err(WireError::invalid)?;
    Ok(ValidPathInfo { path, info })
}

/// Writes a set of signatures.
pub fn encode_signatures(signatures: &BTreeSet<Signature>, out: &mut dyn Write) -> io::Result<()> {
    let texts: Vec<String> = signatures.iter().map(ToString::to_string).collect();
    out.write_texts(&texts)
}

/// Reads a set of signatures.
pub fn decode_signatures(input: &mut dyn Read) -> Result<BTreeSet<Signature>, WireError> {
    let texts = input.read_texts()?;
    let signatures = texts.iter().map(|text| Signature::parse(text));
    signatures
        .collect::<Result<_, _>>()
        .map_err(WireError::invalid)
}

/// Writes what is to be built.
pub fn encode_derived_path(
    path: &DerivedPath,
    version: ProtocolVersion,
    store_dir: &StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    if version.has(30) {
        return out.write_text(&path.print_legacy(store_dir));
    }
    let text = path_with_outputs(path, store_dir).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "the other end speaks version {version} of the protocol, which cannot ask for '{}'",
                path.print(store_dir)
            ),
        )
    })?;
    out.write_text(&text)
}

/// The text of a derived path in the way of older versions, where a derivation means all of its
/// outputs; `None` for what they cannot say.
pub(crate) fn path_with_outputs(path: &DerivedPath, store_dir: &StoreDir) -> Option<String> {
    match path {
        DerivedPath::Opaque(path) => (!path.is_derivation()).then(|| store_dir.print(path)),
        DerivedPath::Built { drv, outputs } => match (&**drv, outputs) {
            (SingleDerivedPath::Opaque(drv), OutputsSpec::All) => Some(store_dir.print(drv)),
            (SingleDerivedPath::Opaque(drv), OutputsSpec::Names(_)) => {
                Some(format!("{}!{outputs}", store_dir.print(drv)))
            }
            (SingleDerivedPath::Built { .. }, _) => None,
        },
    }
}

/// Reads what is to be built.
pub fn decode_derived_path(
    version: ProtocolVersion,
    store_dir: &StoreDir,
    input: &mut dyn Read,
) -> Result<DerivedPath, WireError> {
    let text = input.read_text()?;
    if version.has(30) {
        return DerivedPath::parse_legacy(store_dir, &text).map_err(WireError::invalid);
    }
    decode_path_with_outputs(store_dir, &text)
}

/// Writes a realisation.
pub fn encode_realisation(realisation: &Realisation, out: &mut dyn Write) -> io::Result<()> {
    out.write_text(&realisation.to_json().to_string())
}

/// Reads a realisation.
pub fn decode_realisation(input: &mut dyn Read) -> Result<Realisation, WireError> {
    Realisation::parse(&input.read_bytes(MAX_STRING_LEN)?).map_err(WireError::invalid)
}

/// Writes outputs by what they are outputs of.
pub fn encode_realisations(
    outputs: &BTreeMap<DrvOutput, Realisation>,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_number(outputs.len() as u64)?;
    for (id, realisation) in outputs {
        out.write_text(&id.to_string())?;
        encode_realisation(realisation, out)?;
    }
    Ok(())
}

/// Reads outputs by what they are outputs of.
pub fn decode_realisations(
    input: &mut dyn Read,
) -> Result<BTreeMap<DrvOutput, Realisation>, WireError> {
    let mut outputs = BTreeMap::new();
    for _ in 0..input.read_count()? {
        let id = DrvOutput::parse(&input.read_text()?).map_err(WireError::invalid)?;
        outputs.insert(id, decode_realisation(input)?);
    }
    Ok(outputs)
}

/// Writes the outputs of a derivation as far as their paths are known.
pub fn encode_output_map(
    outputs: &BTreeMap<OutputName, Option<StorePath>>,
    store_dir: &StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_number(outputs.len() as u64)?;
    for (name, path) in outputs {
        out.write_text(name)?;
        out.write_optional_path(store_dir, path.as_ref())?;
    }
    Ok(())
}

/// Reads the outputs of a derivation.
pub fn decode_output_map(
    store_dir: &StoreDir,
    input: &mut dyn Read,
) -> Result<BTreeMap<OutputName, Option<StorePath>>, WireError> {
    let mut outputs = BTreeMap::new();
    for _ in 0..input.read_count()? {
        let name = OutputName::parse(&input.read_text()?).map_err(WireError::invalid)?;
        outputs.insert(name, input.read_optional_path(store_dir)?);
    }
    Ok(outputs)
}

impl BuildOutcome {
    /// Writes the outcome in the way of the worker protocol.
    pub fn encode(&self, version: ProtocolVersion, out: &mut dyn Write) -> io::Result<()> {
        out.write_number(self.status)?;
        out.write_text(&self.error)?;
        if version.has(29) {
            self.encode_times(out)?;
        }
        if version.has(37) {
            for time in [self.cpu_time.0, self.cpu_time.1] {
                out.write_bool(time.is_some())?;
                time.map_or(Ok(()), |time| out.write_number(time))?;
            }
        }
        if version.has(28) {
            encode_realisations(&self.outputs, out)?;
        }
        Ok(())
    }

    /// Reads an outcome in the way of the worker protocol.
    pub fn decode(
        version: ProtocolVersion,
        input: &mut dyn Read,
    ) -> Result<BuildOutcome, WireError> {
        let mut outcome = BuildOutcome {
            status: input.read_number()?,
            error: String::from_utf8_lossy(&input.read_bytes(MAX_STRING_LEN)?).into_owned(),
            ..BuildOutcome::default()
        };
        if version.has(29) {
            outcome.decode_times(input)?;
        }
        if version.has(37) {
            let mut time = || -> Result<Option<u64>, WireError> {
                let is_known = input.read_bool()?;
                Ok(if is_known {
                    Some(input.read_number()?)
                } else {
                    None
                })
            };
            outcome.cpu_time = (time()?, time()?);
        }
        if version.has(28) {
            outcome.outputs = decode_realisations(input)?;
        }
        Ok(outcome)
    }

    pub(crate) fn encode_times(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_number(self.times_built)?;
        out.write_bool(self.not_deterministic)?;
        out.write_number(self.time.0)?;
        out.write_number(self.time.1)
    }

    pub(crate) fn decode_times(&mut self, input: &mut dyn Read) -> Result<(), WireError> {
        self.times_built = input.read_number()?;
        self.not_deterministic = input.read_bool()?;
        self.time = (input.read_number()?, input.read_number()?);
        Ok(())
    }
}

impl SubstitutableInfo {
    /// Writes it.
    pub fn encode(&self, store_dir: &StoreDir, out: &mut dyn Write) -> io::Result<()> {
        out.write_optional_path(store_dir, self.deriver.as_ref())?;
        out.write_paths(store_dir, &self.references)?;
        out.write_number(self.download_size)?;
        out.write_number(self.nar_size)
    }

    /// Reads it.
    pub fn decode(
        store_dir: &StoreDir,
        input: &mut dyn Read,
    ) -> Result<SubstitutableInfo, WireError> {
        Ok(SubstitutableInfo {
            deriver: input.read_optional_path(store_dir)?,
            references: input.read_paths(store_dir)?,
            download_size: input.read_number()?,
            nar_size: input.read_number()?,
        })
    }
}

/// Writes a derivation whose inputs are all store paths.
pub fn encode_derivation(
    derivation: &Derivation,
    store_dir: &StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_number(derivation.outputs.len() as u64)?;
    for (name, output) in &derivation.outputs {
        let path = match output {
            DerivationOutput::Floating { .. }
            | DerivationOutput::Impure { .. }
            | DerivationOutput::Deferred => None,
            _ => output
                .path(store_dir, &derivation.name, name)
                .map_err(io::Error::other)?,
        };
        let prefixed = |method: &crate::ContentAddressMethod, algorithm: &firn_hash::Algorithm| {
            format!("{}{}", method.prefix(), algorithm.name())
        };
        let (how, hash) = match output {
            DerivationOutput::InputAddressed(_) | DerivationOutput::Deferred => {
                (String::new(), String::new())
            }
            DerivationOutput::Fixed(address) => (
                prefixed(&address.method, &address.hash.algorithm()),
                address.hash.to_base16(),
            ),
            DerivationOutput::Floating { method, algorithm } => {
                (prefixed(method, algorithm), String::new())
            }
            DerivationOutput::Impure { method, algorithm } => {
                (prefixed(method, algorithm), "impure".to_owned())
            }
        };
        out.write_text(name)?;
        out.write_optional_path(store_dir, path.as_ref())?;
        out.write_text(&how)?;
        out.write_text(&hash)?;
    }
    out.write_paths(store_dir, &derivation.input_srcs)?;
    out.write_bytes(&derivation.platform)?;
    out.write_bytes(&derivation.builder)?;
    out.write_number(derivation.args.len() as u64)?;
    for argument in &derivation.args {
        out.write_bytes(argument)?;
    }
    out.write_number(derivation.env.len() as u64)?;
    for (name, value) in &derivation.env {
        out.write_bytes(name)?;
        out.write_bytes(value)?;
    }
    Ok(())
}

/// Reads a derivation whose inputs are all store paths.
pub fn decode_derivation(
    path: &StorePath,
    store_dir: &StoreDir,
    input: &mut dyn Read,
) -> Result<Derivation, WireError> {
    let mut derivation = Derivation {
        name: path
            .derivation_name()
            .map_err(WireError::invalid)?
            .to_owned(),
        ..Derivation::default()
    };
    let text = |input: &mut dyn Read| input.read_bytes(MAX_STRING_LEN);
    for _ in 0..input.read_count()? {
        let name = OutputName::parse(&input.read_text()?).map_err(WireError::invalid)?;
        let (path, how, hash) = (text(input)?, text(input)?, text(input)?);
        let output =
            output_from_fields(store_dir, &path, &how, &hash).map_err(WireError::invalid)?;
        derivation.outputs.insert(name, output);
    }
    derivation.input_srcs = input.read_paths(store_dir)?;
    derivation.platform = text(input)?;
    derivation.builder = text(input)?;
    for _ in 0..input.read_count()? {
        derivation.args.push(text(input)?);
    }
    for _ in 0..input.read_count()? {
        let name = text(input)?;
        derivation.env.insert(name, text(input)?);
    }
    Ok(derivation)
}
