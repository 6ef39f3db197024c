//! Operations on the database as text: dumping it, loading it, registering paths by hand.

use std::io::BufReader;

use firn_hash::Algorithm;
use firn_store::hash_tree::nar_hash;
use firn_store::tree::{Canonical, Listing, LocalTree, canonicalise};
use firn_store::validity::{parse_registration, print_registration};
use firn_store::{Store as _, closure::path_info};

use super::Session;
use crate::Failure;

impl Session<'_> {
    pub(super) fn dump_db(&self) -> Result<u8, Failure> {
        self.wanted.no_flags("unknown flag")?;
        let paths = if self.wanted.words.is_empty() {
            self.store.query_all_valid_paths()?.into_iter().collect()
        } else {
            let words = self.wanted.words.iter();
            words
                .map(|word| self.path(word))
                .collect::<Result<Vec<_>, _>>()?
        };
        let mut out = String::new();
        for path in &paths {
            let info = path_info(self.store.as_ref(), path)?;
            print_registration(self.store.store_dir(), &info, &mut out);
        }
        self.context.console.print(out)?;
        Ok(0)
    }

    pub(super) fn load_db(&self) -> Result<u8, Failure> {
        self.wanted.no_flags("unknown flag")?;
        self.wanted.no_words()?;
        self.register(true, true, false)
    }

    pub(super) fn register_validity(&self) -> Result<u8, Failure> {
        let [again, hash_given] = self.wanted.only_flags(["--reregister", "--hash-given"])?;
        self.wanted.no_words()?;
        self.register(again, hash_given, true)
    }

    fn register(&self, again: bool, hash_given: bool, canonical: bool) -> Result<u8, Failure> {
        let store = self.local_store()?;
        let mut input = BufReader::new(std::io::stdin().lock());
        let mut infos = Vec::new();
        while let Some(mut info) = parse_registration(store.store_dir(), &mut input, hash_given)? {
            if !again && store.is_valid_path(&info.path)? {
                continue;
            }
            let real_path = store.location().physical_path(&info.path);
            if canonical {
                let mut rules = Canonical {
                    ignored_attributes: store.options().ignored_attributes.clone(),
                    ..Canonical::default()
                };
                canonicalise(&real_path, &mut rules)?;
            }
            if !hash_given {
                let tree = LocalTree::new(&real_path);
                let listing = Listing::walk(&tree, None)?;
                let (hash, size) = nar_hash(&tree, &listing, Algorithm::Sha256)?;
                info.info.nar_hash = hash;
                info.info.nar_size = size;
            }
            infos.push(info);
        }
        store.register_valid_paths(infos)?;
        Ok(0)
    }

    pub(super) fn check_validity(&self) -> Result<u8, Failure> {
        let [print_invalid] = self.wanted.only_flags(["--print-invalid"])?;
        for word in &self.wanted.words {
            let path = self.path(word)?;
            if self.store.is_valid_path(&path)? {
                continue;
            }
            if print_invalid {
                self.print_lines([&path])?;
            } else {
                let path = self.print(&path);
                return Err(Failure::message(format!("path '{path}' is not valid")));
            }
        }
        Ok(0)
    }
}
