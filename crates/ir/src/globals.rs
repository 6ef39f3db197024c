//! The names that every text may use without defining them.
//!
//! The evaluator numbers the values of its base environment; here is what name resolution needs to
//! know of them. It must be the same whenever a code is used again.

use firn_symbol::{FastMap, Symbol};

/// How a builtin is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltinCall {
    /// Its number in the registry.
    pub id: u32,
    /// Number of arguments.
    pub arity: u8,
    /// Bit i is set if argument i is evaluated before the call.
    pub strict: u32,
}

/// The base environment.
#[derive(Clone, Debug, Default)]
pub struct Globals {
    names: FastMap<Symbol, u32>,
    members: FastMap<Symbol, u32>,
    builtins: Option<u32>,
    calls: Vec<Option<BuiltinCall>>,
}

impl Globals {
    /// Adds a value and gives it the next number.
    pub fn add(&mut self, call: Option<BuiltinCall>) -> u32 {
        self.calls.push(call);
        self.calls.len() as u32 - 1
    }

    /// Makes a value known by a name of its own.
    pub fn name(&mut self, name: Symbol, global: u32) {
        if name.as_bytes() == b"builtins" {
            self.builtins = Some(global);
        }
        self.names.insert(name, global);
    }

    /// Makes a value known as an attribute of `builtins`.
    pub fn member(&mut self, name: Symbol, global: u32) {
        self.members.insert(name, global);
    }

    /// The number behind a name.
    pub fn find(&self, name: Symbol) -> Option<u32> {
        self.names.get(&name).copied()
    }

    /// The builtin function `builtins.name`, if `base` is `builtins`.
    pub(crate) fn member_function(&self, base: u32, name: Symbol) -> Option<u32> {
        if self.builtins != Some(base) {
            return None;
        }
        let global = *self.members.get(&name)?;
        self.call(global).map(|_| global)
    }

    /// How the value with this number is called, if it is a builtin.
    pub fn call(&self, global: u32) -> Option<BuiltinCall> {
        self.calls.get(global as usize).copied().flatten()
    }

    /// A number that says which names there are, what they stand for and how they are called: code
    /// that was made with globals of one fingerprint can be used with others of the same.
    pub fn fingerprint(&self) -> u64 {
        let mut text = Vec::new();
        for (kind, table) in [(b'n', &self.names), (b'm', &self.members)] {
            let mut rows: Vec<(&[u8], u32)> = table
                .iter()
                .map(|(name, &it)| (name.as_bytes(), it))
                .collect();
            rows.sort_unstable();
            for (name, number) in rows {
                text.push(kind);
                text.extend_from_slice(&(name.len() as u32).to_le_bytes());
                text.extend_from_slice(name);
                text.extend_from_slice(&number.to_le_bytes());
            }
        }
        for call in &self.calls {
            let row = call.map_or([u32::MAX; 3], |it| [it.id, it.arity.into(), it.strict]);
            text.extend(row.iter().flat_map(|it| it.to_le_bytes()));
        }
        text.extend_from_slice(&self.builtins.unwrap_or(u32::MAX).to_le_bytes());
        firn_symbol::hash_bytes(&text)
    }

    /// All names, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = Symbol> {
        self.names.keys().copied()
    }
}
