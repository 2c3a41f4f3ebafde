//! The target `api_body`: see `tests/fuzzing/documents.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::documents::api_body(data));
