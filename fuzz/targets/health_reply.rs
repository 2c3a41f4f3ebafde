//! The target `health_reply`: see `tests/fuzzing/replies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::replies::health_reply(data));
