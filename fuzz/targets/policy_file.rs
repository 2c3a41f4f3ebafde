//! The target `policy_file`: see `tests/fuzzing/documents.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::documents::policy_file(data));
