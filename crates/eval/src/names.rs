//! Symbols that the language gives a meaning to, interned once.

use firn_symbol::Symbol;

macro_rules! names {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// Symbols that the language gives a meaning to.
        #[derive(Clone, Copy, Debug)]
        #[expect(missing_docs, reason = "each field is named after the name it holds")]
        pub struct Names {
            $(pub $field: Symbol,)*
        }

        impl Names {
            pub(crate) fn new() -> Self {
                Self { $($field: Symbol::intern($name.as_bytes()),)* }
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
