//! Flags of everything that evaluates: arguments for functions, search path, stores, purity.

use std::collections::BTreeMap;

use firn_source::SourcePath;

use crate::flakes::FlakeFlags;
use crate::{Args, Context, Failure};

/// An argument for functions, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutoArg {
    /// `--arg`: an expression.
    Expression(String),
    /// `--argstr`: a string.
    Text(String),
    /// `--arg-from-file`: the contents of a file.
    File(String),
    /// `--arg-from-stdin`: the contents of standard input.
    Stdin,
}

/// What the command line says about evaluation.
#[derive(Clone, Debug, Default)]
pub struct EvalFlags {
    /// Arguments by name.
    pub auto_args: BTreeMap<String, AutoArg>,
    /// Entries before the configured search path.
    pub search_path: Vec<String>,
    /// Where relative paths in arguments start, if that is not the working directory.
    pub base: Option<SourcePath>,
    /// What it says about flakes and their lock files.
    pub flakes: FlakeFlags,
    /// Whether errors and `builtins.break` open a prompt.
    pub debugger: bool,
}

impl EvalFlags {
    /// Handles a flag if it is one of these.
    pub fn take(
        &mut self,
        flag: &str,
        args: &mut Args,
        context: &mut Context,
    ) -> Result<bool, Failure> {
        match flag {
            "--arg" => {
                let [name, text] = args.values(flag)?;
                self.auto_args.insert(name, AutoArg::Expression(text));
            }
            "--argstr" => {
                let [name, text] = args.values(flag)?;
                self.auto_args.insert(name, AutoArg::Text(text));
            }
            "--arg-from-file" => {
                let [name, file] = args.values(flag)?;
                self.auto_args.insert(name, AutoArg::File(file));
            }
            "--arg-from-stdin" => {
                let name = args.value(flag)?;
                self.auto_args.insert(name, AutoArg::Stdin);
            }
            "-I" | "--include" => self.search_path.push(args.value(flag)?),
            "--impure" => context.settings.set("pure-eval", "false").map(drop)?,
            "--eval-store" => context.eval_store.url = Some(args.value(flag)?),
            _ => return self.flakes.take(flag, args, context),
        }
        Ok(true)
    }
}
