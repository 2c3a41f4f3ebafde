//! The target `shell_words`: see `tests/fuzzing/shell.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::shell::shell_words(data));
