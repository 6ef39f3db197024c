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
        }
    };
}

names! {
    functor = "__functor",
    to_string = "__toString",
    out_path = "outPath",
    drv_path = "drvPath",
    kind = "type",
    name = "name",
    value = "value",
    file = "file",
    line = "line",
    column = "column",
    right = "right",
    wrong = "wrong",
    success = "success",
}
