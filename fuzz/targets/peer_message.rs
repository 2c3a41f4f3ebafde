//! The target `peer_message`: see `tests/fuzzing/messages.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::messages::peer_message(data));
