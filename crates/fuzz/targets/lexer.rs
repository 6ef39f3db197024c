//! Fuzzes `language::lexer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| firn_fuzz::language::lexer(data));
