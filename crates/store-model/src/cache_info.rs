//! The file `nix-cache-info`, by which a binary cache introduces itself.

use std::fmt;

/// The name of the file.
pub const CACHE_INFO_FILE: &str = "nix-cache-info";

/// What a binary cache says of itself; everything is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheInfo {
    /// The store directory that its objects are for.
    pub store_dir: Option<String>,
    /// Whether it likes to be asked for many paths at once.
    pub want_mass_query: Option<bool>,
    /// Its rank among caches; the smallest is asked first.
    pub priority: Option<i64>,
}

impl CacheInfo {
    /// Parses the file. Lines and values that make no sense are skipped.
    pub fn parse(text: &str) -> CacheInfo {
        let mut info = CacheInfo::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name {
                "StoreDir" => info.store_dir = Some(value.into()),
                "WantMassQuery" => info.want_mass_query = Some(value == "1"),
                "Priority" => info.priority = value.parse().ok(),
                _ => {}
            }
        }
        info
    }
}

impl fmt::Display for CacheInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(store_dir) = &self.store_dir {
            writeln!(f, "StoreDir: {store_dir}")?;
        }
        if let Some(want_mass_query) = self.want_mass_query {
            writeln!(f, "WantMassQuery: {}", u8::from(want_mass_query))?;
        }
        if let Some(priority) = self.priority {
            writeln!(f, "Priority: {priority}")?;
        }
        Ok(())
    }
}
