//! From the attributes of a derivation, already turned into texts, to the derivation itself.
//!
//! The evaluator's side (`derivationStrict`) coerces values and collects their context into a
//! [`Recipe`]; what follows from it is a pure function of the recipe and of the derivations it
//! refers to: inputs from the context, outputs of the right kind, output paths from the hash modulo
//! fixed outputs. The rules are those of the Nix manual, chapter "Derivations".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use firn_hash::{Algorithm, Hash, HashError};
use firn_heap::ContextElement;
use firn_store::derivation::HashModulos;
use firn_store::{DerivationText, Store, StoreError};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, DERIVATION_EXTENSION, Derivation, DerivationError,
    DerivationOutput, InputNode, NameError, OutputName, SingleDerivedPath, StorePath,
    output_placeholder,
};

/// What an expression says about a derivation.
#[derive(Debug, Default)]
pub struct Recipe {
    /// The name, already checked.
    pub name: String,
    /// The program to run.
    pub builder: Vec<u8>,
    /// The kind of machine.
    pub system: Vec<u8>,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// Its environment, without outputs.
    pub env: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The names of its outputs.
    pub outputs: Vec<String>,
    /// The stated hash of its only output.
    pub output_hash: Option<String>,
    /// The algorithm of that hash.
    pub output_hash_algorithm: Option<Algorithm>,
    /// What is hashed.
    pub output_method: Option<ContentAddressMethod>,
    /// Whether outputs are named by their contents.
    pub content_addressed: bool,
    /// Whether it is built anew each time.
    pub impure: bool,
    /// What its texts refer to.
    pub context: BTreeSet<ContextElement>,
}

/// A derivation with its path, ready to be written.
#[derive(Debug)]
pub struct Instantiated {
    /// The `.drv` file.
    pub text: DerivationText,
    /// For each output, what a string that stands for it reads: its path, or a placeholder.
    pub outputs: Vec<(OutputName, Vec<u8>)>,
    /// Whether a stated hash was empty, so that the all-zero one took its place.
    pub hash_was_empty: bool,
}

/// Why a recipe makes no derivation.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecipeError {
    /// A text that has to be there is not.
    Missing(&'static str),
    /// A name that looks like a derivation file's.
    DerivationName,
    /// Several outputs, but one stated hash.
    SeveralFixedOutputs,
    /// Named by contents and built anew each time.
    ContentAddressedAndImpure,
    /// An output's name does not serve.
    OutputName(NameError),
    /// The stated hash cannot be read.
    Hash(HashError),
    /// The derivation makes no sense.
    Derivation(DerivationError),
    /// A derivation it refers to cannot be read.
    Store(Box<StoreError>),
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(attribute) => write!(f, "required attribute '{attribute}' missing"),
            Self::DerivationName => write!(
                f,
                "derivation names are allowed to end in '{DERIVATION_EXTENSION}' only if they produce a single derivation file"
            ),
            Self::SeveralFixedOutputs => {
                f.write_str("multiple outputs are not supported in fixed-output derivations")
            }
            Self::ContentAddressedAndImpure => {
                f.write_str("derivation cannot be both content-addressed and impure")
            }
            Self::OutputName(error) => error.fmt(f),
            Self::Hash(error) => error.fmt(f),
            Self::Derivation(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecipeError {}

impl From<StoreError> for RecipeError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<DerivationError> for RecipeError {
    fn from(error: DerivationError) -> Self {
        Self::Derivation(error)
    }
}

impl From<NameError> for RecipeError {
    fn from(error: NameError) -> Self {
        Self::OutputName(error)
    }
}

impl Recipe {
    /// Makes the derivation. `modulos` remembers the hash of each derivation made so far, and of
    /// this one afterwards; what it does not know is read from the store.
    ///
    /// # Errors
    /// What is wrong with the recipe, or with a derivation it refers to.
    pub fn instantiate(
        self,
        store: &dyn Store,
        modulos: &HashModulos,
    ) -> Result<Instantiated, RecipeError> {
        let store_dir = store.store_dir();
        let mut derivation = Derivation {
            name: self.name.clone(),
            ..Derivation::default()
        };
        add_inputs(&mut derivation, store, &self.context)?;
        if self.builder.is_empty() {
            return Err(RecipeError::Missing("builder"));
        }
        if self.system.is_empty() {
            return Err(RecipeError::Missing("system"));
        }
        let single = self.outputs.len() == 1 && self.outputs[0] == "out";
        let text_output = self.output_method == Some(ContentAddressMethod::Text) && single;
        if self.name.ends_with(DERIVATION_EXTENSION) && !text_output {
            return Err(RecipeError::DerivationName);
        }
        let hash_was_empty = self.add_outputs(&mut derivation, single)?;
        derivation.platform = self.system;
        derivation.builder = self.builder;
        derivation.args = self.args;
        let outputs_env = std::mem::replace(&mut derivation.env, self.env);
        derivation.env.extend(outputs_env);

        let mut look_up = |path: &StorePath| {
            modulos.known(path).map_or_else(
                || modulos.of(store, path).map_err(RecipeError::from),
                Ok::<_, RecipeError>,
            )
        };
        derivation.fill_output_paths(store_dir, &mut look_up)?;
        let contents = derivation.print(store_dir).map_err(DerivationError::from)?;
        let path = derivation
            .store_path(store_dir, &contents)
            .map_err(DerivationError::from)?;
        let modulo = derivation.hash_modulo(store_dir, false, &mut look_up)?;
        modulos.insert(path.clone(), modulo);

        let known = derivation
            .output_paths(store_dir)
            .map_err(DerivationError::from)?;
        let mut outputs = Vec::with_capacity(known.len());
        for (name, output) in &known {
            let text = match output {
                Some(output) => store_dir.print(output),
                None => firn_store_model::downstream_placeholder(
                    &firn_store_model::SingleDerivedPath::Opaque(path.clone()),
                    name.as_str(),
                )
                .map_err(|error| RecipeError::Derivation(error.into()))?,
            };
            outputs.push((name.clone(), text.into_bytes()));
        }
        let text = DerivationText {
            path,
            contents,
            references: derivation.references().into_iter().collect(),
            outputs: known.into_iter().collect(),
        };
        Ok(Instantiated {
            text,
            outputs,
            hash_was_empty,
        })
    }

    /// Decides the kind of all outputs. Says whether the stated hash was empty.
    fn add_outputs(&self, derivation: &mut Derivation, single: bool) -> Result<bool, RecipeError> {
        if let Some(stated) = &self.output_hash {
            if !single {
                return Err(RecipeError::SeveralFixedOutputs);
            }
            let (hash, empty) = Hash::parse_any_or_empty(stated, self.output_hash_algorithm)
                .map_err(RecipeError::Hash)?;
            let method = self.output_method.unwrap_or(ContentAddressMethod::Flat);
            let address = ContentAddress { method, hash };
            let output = DerivationOutput::Fixed(address);
            derivation.env.insert(b"out".to_vec(), Vec::new());
            derivation.outputs.insert(OutputName::out(), output);
            return Ok(empty);
        }
        if self.content_addressed && self.impure {
            return Err(RecipeError::ContentAddressedAndImpure);
        }
        let algorithm = self.output_hash_algorithm.unwrap_or(Algorithm::Sha256);
        let method = self.output_method.unwrap_or(ContentAddressMethod::Nar);
        for name in &self.outputs {
            let (output, text) = if self.content_addressed {
                let output = DerivationOutput::Floating { method, algorithm };
                (output, output_placeholder(name).into_bytes())
            } else if self.impure {
                let output = DerivationOutput::Impure { method, algorithm };
                (output, output_placeholder(name).into_bytes())
            } else {
                (DerivationOutput::Deferred, Vec::new())
            };
            derivation.env.insert(name.clone().into_bytes(), text);
            derivation.outputs.insert(OutputName::parse(name)?, output);
        }
        Ok(false)
    }
}

/// The place of a derivation among the inputs; one that is an output lies below its maker.
fn input_node<'d>(derivation: &'d mut Derivation, drv: &SingleDerivedPath) -> &'d mut InputNode {
    match drv {
        SingleDerivedPath::Opaque(path) => derivation.input_drvs.entry(path.clone()).or_default(),
        SingleDerivedPath::Built { drv, output } => input_node(derivation, drv)
            .dynamic
            .entry(output.clone())
            .or_default(),
    }
}

/// Everything that the texts refer to goes in.
fn add_inputs(
    derivation: &mut Derivation,
    store: &dyn Store,
    context: &BTreeSet<ContextElement>,
) -> Result<(), RecipeError> {
    let store_dir = store.store_dir();
    let parse = |path: &[u8]| {
        store_dir
            .parse(path)
            .map_err(|error| RecipeError::Derivation(error.into()))
    };
    for element in context {
        match element {
            ContextElement::Opaque(path) => {
                derivation.input_srcs.insert(parse(path)?);
            }
            ContextElement::Built { drv, output } => {
                let drv = crate::derived::derivation_of(store_dir, drv)?;
                let node = input_node(derivation, &drv);
                node.outputs.insert(OutputName::parse(output)?);
            }
            // A builder that gets a whole derivation may look at everything it is made from.
            ContextElement::DrvDeep(drv) => {
                let options = firn_store::closure::ClosureOptions::default();
                for path in firn_store::closure::closure(store, [parse(drv)?], options)? {
                    if path.is_derivation() {
                        let outputs = store
                            .read_derivation(&path)?
                            .outputs
                            .keys()
                            .cloned()
                            .collect::<Vec<_>>();
                        derivation
                            .input_drvs
                            .insert(path.clone(), InputNode::of(outputs));
                    }
                    derivation.input_srcs.insert(path);
                }
            }
        }
    }
    Ok(())
}
