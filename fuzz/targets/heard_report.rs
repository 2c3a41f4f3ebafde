//! The target `heard_report`: see `tests/fuzzing/reports.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quorate_fuzz::reports::heard_report(data));
