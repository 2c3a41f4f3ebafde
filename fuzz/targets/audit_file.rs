//! The target `audit_file`: see `tests/fuzzing/shell.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::shell::audit_file(data));
