//! Symbols that the language gives a meaning to, interned once.

use firn_symbol::Symbol;

macro_rules! names {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// Symbols that the language gives a meaning to.
        #[derive(Clone, Copy, Debug)]
        #[expect(missing_docs, reason = "each field is named after the name it holds")]
        pub struct Names {
            $(pub $field: Symbol,)*
            /// The one that was interned last.
            last: Symbol,
        }

        impl Names {
            pub(crate) fn new() -> Self {
                $(let $field = Symbol::intern($name.as_bytes());)*
                let last = [$($field,)*].into_iter().max().expect("there are some");
                Self { $($field,)* last }
            }

            /// Whether a name is in this list; most others were interned later.
            pub(crate) fn has(self, name: Symbol) -> bool {
                name <= self.last && [$(self.$field,)*].contains(&name)
            }

            /// The position of a name in this list, in which the reference meets such attributes;
            /// any other name comes after all of them.
            pub(crate) fn rank(self, name: Symbol) -> usize {
                [$(self.$field,)*]
                    .iter()
                    .position(|known| *known == name)
                    .unwrap_or(usize::MAX)
            }
        }
    };
}

names! {
    out_path = "outPath",
    drv_path = "drvPath",
    kind = "type",
    meta = "meta",
    name = "name",
    value = "value",
    system = "system",
    overrides = "__overrides",
    outputs = "outputs",
    output_name = "outputName",
    file = "file",
    line = "line",
    column = "column",
    functor = "__functor",
    to_string = "__toString",
    right = "right",
    wrong = "wrong",
    builder = "builder",
    args = "args",
    success = "success",
}
