//! The target `small_message`: see `tests/fuzzing/shell.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::shell::small_message(data));
