//! The target `agent_file`: see `tests/fuzzing/documents.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::documents::agent_file(data));
