//! The target `cluster_lines`: see `tests/fuzzing/commands.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::commands::cluster_lines(data));
