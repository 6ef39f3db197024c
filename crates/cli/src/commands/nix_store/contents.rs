//! Operations that move contents: adding, dumping, restoring, exporting, importing.

use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use firn_hash::{Algorithm, Hash};
use firn_store::tree::{
    Listing, LocalTree, restore as restore_tree, restore_with_case_hack, stream,
};
use firn_store::{AddOptions, NarOptions, StoreError, StorePathSet, export};
use firn_store_model::{ContentAddress, ContentAddressMethod, StoreReferences};

use super::{Session, Wanted};
use crate::{Context, Failure, sources};

/// Writes a path, in the store or not, as an archive to stdout.
pub(super) fn dump(context: &Context, wanted: &Wanted) -> Result<u8, Failure> {
    wanted.no_flags("unknown flag")?;
    let [path] = wanted.words.as_slice() else {
        return Err(Failure::usage("only one argument allowed"));
    };
    let tree = sources::tree_at(&context.settings, path);
    let tree = &*tree;
    let listing = Listing::walk(tree, None)?;
    let mut out = io::stdout().lock();
    let mut failure = None;
    let streamed = stream(tree, &listing, None, &mut |bytes| {
        out.write_all(bytes).map_err(|error| {
            failure = Some(error);
            StoreError::other("writing to standard output")
        })
    });
    if let Some(error) = failure {
        return Err(error.into());
    }
    streamed?;
    out.flush()?;
    Ok(0)
}

/// Unpacks an archive from stdin.
pub(super) fn restore(context: &Context, wanted: &Wanted) -> Result<u8, Failure> {
    wanted.no_flags("unknown flag")?;
    let [path] = wanted.words.as_slice() else {
        return Err(Failure::usage("only one argument allowed"));
    };
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    if context.settings.store.use_case_hack {
        restore_with_case_hack(&mut input, Path::new(path))?;
    } else {
        restore_tree(&mut input, Path::new(path))?;
    }
    Ok(0)
}

impl Session<'_> {
    pub(super) fn add(&self) -> Result<u8, Failure> {
        self.wanted.no_flags("unknown flag")?;
        self.add_words(&self.wanted.words, &AddOptions::default())
    }

    fn add_words(&self, words: &[String], options: &AddOptions) -> Result<u8, Failure> {
        for word in words {
            let path = sources::on_disk(&sources::absolute(word));
            let name = base_name(word);
            let added = self
                .store
                .add_tree(name, &LocalTree::new(path), None, options)?;
            self.print_lines([&added])?;
        }
        Ok(0)
    }

    pub(super) fn add_fixed(&self) -> Result<u8, Failure> {
        let method = self.method()?;
        let Some((algorithm, words)) = self.wanted.words.split_first() else {
            return Err(Failure::usage("first argument must be hash algorithm"));
        };
        let options = AddOptions {
            method,
            algorithm: parse_algorithm(algorithm)?,
            ..AddOptions::default()
        };
        self.add_words(words, &options)
    }

    fn method(&self) -> Result<ContentAddressMethod, Failure> {
        let [recursive] = self.wanted.only_flags(["--recursive"])?;
        Ok(if recursive {
            ContentAddressMethod::Nar
        } else {
            ContentAddressMethod::Flat
        })
    }

    pub(super) fn print_fixed_path(&self) -> Result<u8, Failure> {
        let method = self.method()?;
        let [algorithm, hash, name] = self.wanted.words.as_slice() else {
            return Err(Failure::usage(
                "'--print-fixed-path' requires three arguments",
            ));
        };
        let hash = Hash::parse_any(hash, Some(parse_algorithm(algorithm)?))
            .map_err(|error| Failure::message(error.to_string()))?;
        let address = ContentAddress { method, hash };
        let path = self
            .store
            .store_dir()
            .make_content_addressed_path(name, &address, &StoreReferences::default())
            .map_err(|error| Failure::message(error.to_string()))?;
        self.print_lines([&path])
    }

    pub(super) fn export(&self) -> Result<u8, Failure> {
        self.wanted.only_flags([])?;
        let mut paths = StorePathSet::new();
        for word in &self.wanted.words {
            paths.insert(self.path(word)?);
        }
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        export::export_paths(self.store.as_ref(), &paths, &mut out)?;
        out.flush()?;
        Ok(0)
    }

    pub(super) fn import(&self) -> Result<u8, Failure> {
        self.wanted.only_flags([])?;
        self.wanted.no_words()?;
        let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
        let paths = export::import_paths(self.store.as_ref(), &mut input, NarOptions::default())?;
        self.print_lines(&paths)
    }
}

fn base_name(word: &str) -> &str {
    word.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(word)
}

fn parse_algorithm(text: &str) -> Result<Algorithm, Failure> {
    Algorithm::parse(text).map_err(|error| Failure::usage(error.to_string()))
}
