//! The target `stored_rows`: see `tests/fuzzing/rows.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::rows::stored_rows(data));
