//! The target `words`: see `tests/fuzzing/words.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::words::words(data));
