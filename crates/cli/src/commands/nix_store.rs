//! `nix-store`: one operation on a store per call, named by a flag.
//!
//! Flags that are neither an operation nor common to all commands belong to the operation, which
//! complains about those it does not know; so they are collected first, and the operation runs
//! when the whole command line has been read.

mod contents;
mod graph;
mod query;
mod realise;
mod registration;
mod serve;
mod upkeep;

pub(crate) use upkeep::{parse_max_freed, print_freed};

use std::path::PathBuf;
use std::sync::Arc;

use firn_store::{LocalStore, Store};
use firn_store_model::StorePath;

use crate::installables::one_path;
use crate::{Arg, Args, Context, Failure, sources};

/// What the command line asks for.
#[derive(Debug, Default)]
struct Wanted {
    operation: Option<Operation>,
    flags: Vec<String>,
    words: Vec<String>,
    root: Option<PathBuf>,
    no_output: bool,
    no_gc_warning: bool,
    from_stdin: bool,
}

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Realise,
    Add,
    AddFixed,
    PrintFixedPath,
    Delete,
    Query,
    PrintEnv,
    ReadLog,
    DumpDb,
    LoadDb,
    RegisterValidity,
    CheckValidity,
    Gc,
    Dump,
    Restore,
    Export,
    Import,
    Init,
    Verify,
    VerifyPath,
    RepairPath,
    Optimise,
    GenerateKey,
    Serve,
}

impl Operation {
    fn of_flag(flag: &str) -> Option<Self> {
        Some(match flag {
            "--realise" | "--realize" | "-r" => Self::Realise,
            "--add" | "-A" => Self::Add,
            "--add-fixed" => Self::AddFixed,
            "--print-fixed-path" => Self::PrintFixedPath,
            "--delete" => Self::Delete,
            "--query" | "-q" => Self::Query,
            "--print-env" => Self::PrintEnv,
            "--read-log" | "-l" => Self::ReadLog,
            "--dump-db" => Self::DumpDb,
            "--load-db" => Self::LoadDb,
            "--register-validity" => Self::RegisterValidity,
            "--check-validity" => Self::CheckValidity,
            "--gc" => Self::Gc,
            "--dump" => Self::Dump,
            "--restore" => Self::Restore,
            "--export" => Self::Export,
            "--import" => Self::Import,
            "--init" => Self::Init,
            "--verify" => Self::Verify,
            "--verify-path" => Self::VerifyPath,
            "--repair-path" => Self::RepairPath,
            "--optimise" | "--optimize" => Self::Optimise,
            "--generate-binary-cache-key" => Self::GenerateKey,
            "--serve" => Self::Serve,
            _ => return None,
        })
    }
}

/// Runs `nix-store`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted::default();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.words.push(word),
            Arg::Flag(flag) if context.took_version(&flag)? => return Ok(0),
            Arg::Flag(flag) => wanted.take(flag, args, context)?,
        }
    }
    context.settle();
    let Some(operation) = wanted.operation else {
        return Err(Failure::usage("no operation specified"));
    };
    if wanted.from_stdin
        && !matches!(
            operation,
            Operation::Import | Operation::Restore | Operation::Serve
        )
    {
        wanted.read_words()?;
    }
    match operation {
        Operation::Dump => contents::dump(context, &wanted),
        Operation::Restore => contents::restore(context, &wanted),
        Operation::GenerateKey => upkeep::generate_key(&wanted),
        Operation::Serve => serve::serve(context, &wanted),
        _ => {
            let session = Session {
                context,
                store: context.open_store()?,
                wanted,
            };
            session.run(operation)
        }
    }
}

impl Wanted {
    fn take(
        &mut self,
        flag: String,
        args: &mut Args,
        context: &mut Context,
    ) -> Result<(), Failure> {
        if let Some(operation) = Operation::of_flag(&flag) {
            if self.operation.is_some_and(|it| it != operation) {
                return Err(Failure::usage("only one operation may be specified"));
            }
            self.operation = Some(operation);
            return Ok(());
        }
        match flag.as_str() {
            "--add-root" => {
                let link = args.plain_value(&flag)?;
                self.root = Some(sources::on_disk(&sources::absolute(&link)));
            }
            "--stdin" => self.from_stdin = true,
            "--indirect" => {}
            "--no-output" => self.no_output = true,
            "--no-gc-warning" => self.no_gc_warning = true,
            "--max-freed" | "--max-links" | "--max-atime" => {
                let value = args.plain_value(&flag)?;
                self.flags.extend([flag, value]);
            }
            _ if context.try_common(&flag, args)? => {}
            _ => self.flags.push(flag),
        }
        Ok(())
    }

    fn read_words(&mut self) -> Result<(), Failure> {
        for line in std::io::stdin().lines() {
            self.words
                .extend(line?.split_whitespace().map(str::to_owned));
        }
        Ok(())
    }

    fn no_flags(&self, message: &str) -> Result<(), Failure> {
        if self.flags.is_empty() {
            Ok(())
        } else {
            Err(Failure::usage(message))
        }
    }

    fn no_words(&self) -> Result<(), Failure> {
        if self.words.is_empty() {
            Ok(())
        } else {
            Err(Failure::usage("no arguments expected"))
        }
    }

    /// Which of these flags are there; no others may be.
    fn only_flags<const N: usize>(&self, known: [&str; N]) -> Result<[bool; N], Failure> {
        let mut given = [false; N];
        for flag in &self.flags {
            match known.iter().position(|it| it == flag) {
                Some(idx) => given[idx] = true,
                None => return Err(Failure::usage(format!("unknown flag '{flag}'"))),
            }
        }
        Ok(given)
    }
}

/// An operation at work.
struct Session<'a> {
    context: &'a Context,
    store: Arc<dyn Store>,
    wanted: Wanted,
}

impl Session<'_> {
    fn run(&self, operation: Operation) -> Result<u8, Failure> {
        match operation {
            Operation::Realise => self.realise(),
            Operation::Add => self.add(),
            Operation::AddFixed => self.add_fixed(),
            Operation::PrintFixedPath => self.print_fixed_path(),
            Operation::Delete => self.delete(),
            Operation::Query => self.query(),
            Operation::PrintEnv => self.print_env(),
            Operation::ReadLog => self.read_log(),
            Operation::DumpDb => self.dump_db(),
            Operation::LoadDb => self.load_db(),
            Operation::RegisterValidity => self.register_validity(),
            Operation::CheckValidity => self.check_validity(),
            Operation::Gc => self.collect(),
            Operation::Export => self.export(),
            Operation::Import => self.import(),
            Operation::Init => {
                self.wanted.no_flags("unknown flag")?;
                self.wanted.no_words()?;
                Ok(0)
            }
            Operation::Verify => self.verify(),
            Operation::VerifyPath => self.verify_path(),
            Operation::RepairPath => self.repair_path(),
            Operation::Optimise => self.optimise(),
            Operation::Dump | Operation::Restore | Operation::GenerateKey | Operation::Serve => {
                unreachable!("these need no store")
            }
        }
    }

    /// The store path that a word names.
    fn path(&self, word: &str) -> Result<StorePath, Failure> {
        one_path(self.store.as_ref(), word)
    }

    fn print(&self, path: &StorePath) -> String {
        self.store.store_dir().print(path)
    }

    fn print_lines<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p StorePath>,
    ) -> Result<u8, Failure> {
        let mut out = Vec::new();
        for path in paths {
            self.store.store_dir().print_to(path, &mut out);
            out.push(b'\n');
        }
        self.context.console.print(out)?;
        Ok(0)
    }

    fn local_store(&self) -> Result<LocalStore, Failure> {
        self.context
            .open_local_store()
            .map_err(|_| Failure::message("you don't have sufficient rights to use this command"))
    }
}
