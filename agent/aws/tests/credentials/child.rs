//! Runs a test again as a child process, with nothing in its environment but what it is given.

use std::process::Command;

/// Says to a test that it is the child.
const CHILD: &str = "QUORATE_TEST_CHILD";

/// Whether this process is the child.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test with this name as a child and hands on its failure.
pub(crate) fn run(test: &str, environment: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env_clear().env(CHILD, "1");
    // Files of the machine's own user must not decide a test.
    child.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let output = child.envs(environment.iter().copied()).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{test} with {environment:?}:\n{said}");
    assert!(said.contains("1 passed"), "{test} was not run:\n{said}");
}
