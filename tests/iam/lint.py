"""Calls parliament as a library: its command line wants a terminal. Fails on every finding but those excused below."""
import json
import sys

from parliament import analyze_policy_string

# What parliament's list of IAM is too old to know, each checked by hand in AWS's service authorization reference.
EXCUSED = {
    # (finding, text within its detail): why it is right all the same
    (
        "RESOURCE_MISMATCH",
        "rds:CreateDBInstanceReadReplica",
    ): "a cluster is the source only of a Multi-AZ DB cluster's replica, which is not made here",
}


def excuse(finding):
    text = f"{finding.detail} {json.dumps(finding.location, default=str)}"
    return next((why for (issue, part), why in EXCUSED.items() if finding.issue == issue and part in text), None)


def main(paths):
    failed, used = False, set()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            findings = analyze_policy_string(file.read()).findings
        for finding in findings:
            if why := excuse(finding):
                used.add(why)
                continue
            failed = True
            print(f"{path}: {finding.issue}: {finding.detail} at {finding.location}", file=sys.stderr)
        print(f"{path}: {'not ' if failed else ''}ok")
    # An excuse that excuses nothing is a mistake waiting to be used by another one.
    for why in set(EXCUSED.values()) - used:
        failed = True
        print(f"tests/iam/lint.py: this excuse is not needed any more: {why}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
