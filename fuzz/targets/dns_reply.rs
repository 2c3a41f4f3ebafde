//! The target `dns_reply`: see `tests/fuzzing/resolvers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::resolvers::dns_reply(data));
