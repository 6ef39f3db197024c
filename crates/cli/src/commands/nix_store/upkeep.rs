//! Operations that look after a store: collecting, deleting, verifying, repairing, optimising.

use std::collections::BTreeSet;

use firn_events::Level;
use firn_hash::{Algorithm, HashFormat, HashingWriter};
use firn_store::closure::path_info;
use firn_store::{GcAction, GcOptions, GcResult, VerifyOptions, render_size};
use firn_store_model::SecretKey;

use super::super::key::random_seed;
use super::{Session, Wanted};
use crate::{Console, Failure};

/// Makes a pair of keys for signing.
pub(super) fn generate_key(wanted: &Wanted) -> Result<u8, Failure> {
    wanted.only_flags([])?;
    let [name, secret_file, public_file] = wanted.words.as_slice() else {
        return Err(Failure::usage("three arguments expected"));
    };
    let key = SecretKey::from_seed(name, random_seed()?);
    let write = |path: &str, text: String, mode| {
        firn_sys::file::write_file_atomically(path.as_ref(), text.as_bytes(), mode, true)
            .map_err(|error| Failure::message(format!("writing \"{path}\": {error}")))
    };
    write(public_file, key.public_key().to_string(), 0o644)?;
    write(secret_file, key.to_secret_text(), 0o600)?;
    Ok(0)
}

/// Says what a collection freed, or would delete.
pub(crate) fn print_freed(
    console: Console,
    result: &GcResult,
    dry_run: bool,
) -> Result<(), Failure> {
    let n = result.paths.len();
    if dry_run {
        console.print_line(format!("{n} store paths would be deleted"))?;
    } else {
        let freed = render_size(result.bytes_freed as i64);
        console.print_line(format!("{n} store paths deleted, {freed} freed"))?;
    }
    Ok(())
}

/// A number of bytes with an optional unit; less than nothing is nothing.
pub(crate) fn parse_max_freed(text: &str) -> Result<u64, Failure> {
    if let Ok(number) = text.parse::<i64>() {
        return Ok(u64::try_from(number).unwrap_or(0));
    }
    crate::size::parse_size(text).ok_or_else(|| {
        Failure::usage(format!(
            "'--max-freed' requires an integer argument, got '{text}'"
        ))
    })
}

impl Session<'_> {
    pub(super) fn collect(&self) -> Result<u8, Failure> {
        let mut action = GcAction::DeleteDead;
        let mut print_roots = false;
        let mut max_freed = None;
        let mut flags = self.wanted.flags.iter();
        while let Some(flag) = flags.next() {
            match flag.as_str() {
                "--print-roots" => print_roots = true,
                "--print-live" => action = GcAction::ReturnLive,
                "--print-dead" => action = GcAction::ReturnDead,
                "--max-freed" => {
                    let value = flags.next().map_or("", String::as_str);
                    max_freed = Some(parse_max_freed(value)?);
                }
                _ => {
                    return Err(Failure::usage(format!("bad sub-operation '{flag}' in GC")));
                }
            }
        }
        self.wanted.no_words()?;
        if max_freed.is_some() && (print_roots || action != GcAction::DeleteDead) {
            return Err(Failure::usage(
                "option --max-freed cannot be combined with --print-live, --print-dead, or \
                 --print-roots",
            ));
        }
        if print_roots {
            return self.print_roots();
        }
        let deletes = action == GcAction::DeleteDead;
        let options = GcOptions {
            max_freed: max_freed.unwrap_or(u64::MAX),
            ..GcOptions::new(action)
        };
        let result = self.store.collect_garbage(&options)?;
        if deletes {
            print_freed(self.context.console, &result, false)?;
        } else {
            let mut out = Vec::new();
            for path in &result.paths {
                out.extend_from_slice(path);
                out.push(b'\n');
            }
            self.context.console.print(out)?;
        }
        Ok(0)
    }

    fn print_roots(&self) -> Result<u8, Failure> {
        let mut sorted = BTreeSet::new();
        for (target, links) in self.store.find_roots(false)? {
            for link in links {
                sorted.insert((link, target.clone()));
            }
        }
        let mut out = Vec::new();
        for (link, target) in sorted {
            // Printed as a quoted path.
            out.push(b'"');
            for byte in link {
                if byte == b'"' || byte == b'\\' {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.extend_from_slice(format!("\" -> {}\n", self.print(&target)).as_bytes());
        }
        self.context.console.print(out)?;
        Ok(0)
    }

    pub(super) fn delete(&self) -> Result<u8, Failure> {
        let [ignore_liveness] = self.wanted.only_flags(["--ignore-liveness"])?;
        let words = self.wanted.words.iter();
        let paths = words
            .map(|word| self.path(word))
            .collect::<Result<_, _>>()?;
        let action = GcAction::DeleteSpecific(paths);
        let options = GcOptions {
            ignore_liveness,
            ..GcOptions::new(action)
        };
        let outcome = self.store.collect_garbage(&options);
        let freed = outcome
            .as_ref()
            .map_or_else(|_| GcResult::default(), Clone::clone);
        print_freed(self.context.console, &freed, false)?;
        outcome?;
        Ok(0)
    }

    pub(super) fn verify(&self) -> Result<u8, Failure> {
        self.wanted.no_words()?;
        let [check_contents, repair] = self.wanted.only_flags(["--check-contents", "--repair"])?;
        if self.store.verify(VerifyOptions {
            check_contents,
            repair,
        })? {
            self.context.console.warn("not all store errors were fixed");
            return Err(Failure::Exit(1));
        }
        Ok(0)
    }

    pub(super) fn verify_path(&self) -> Result<u8, Failure> {
        self.wanted.no_flags("no flags expected")?;
        let mut code = 0;
        for word in &self.wanted.words {
            let path = self.path(word)?;
            let text = self.print(&path);
            let console = &self.context.console;
            console.log(Level::Talkative, &format!("checking path '{text}'..."));
            let info = path_info(self.store.as_ref(), &path)?;
            let mut hashed = HashingWriter::new(Algorithm::Sha256, std::io::sink());
            self.store.nar_from_path(&path, &mut hashed)?;
            let (hash, _, _) = hashed.finish();
            if hash != info.nar_hash {
                console.say(
                    Level::Error,
                    &format!(
                        "path '{text}' was modified! expected hash '{}', got '{}'",
                        info.nar_hash.format(HashFormat::Nix32, true),
                        hash.format(HashFormat::Nix32, true)
                    ),
                );
                code = 1;
            }
        }
        if code == 0 {
            Ok(0)
        } else {
            Err(Failure::Exit(code))
        }
    }

    pub(super) fn repair_path(&self) -> Result<u8, Failure> {
        self.wanted.no_flags("no flags expected")?;
        for word in &self.wanted.words {
            self.store.repair_path(&self.path(word)?)?;
        }
        Ok(0)
    }

    pub(super) fn optimise(&self) -> Result<u8, Failure> {
        if !self.wanted.words.is_empty() || !self.wanted.flags.is_empty() {
            return Err(Failure::usage("no arguments expected"));
        }
        let stats = self.store.optimise()?;
        let text = format!(
            "{} freed by hard-linking {} files",
            render_size(stats.bytes_freed as i64),
            stats.n_linked
        );
        self.context.console.log(Level::Info, &text);
        Ok(0)
    }
}
