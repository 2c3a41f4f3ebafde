//! The target `snapshot`: see `tests/fuzzing/commands.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::commands::snapshot(data));
