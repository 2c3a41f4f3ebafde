"""The command line of the rig."""
import argparse
import json
import sys
import time

import net
import report
import rig
from auto_failover import AutoFailover
from patroni import Patroni
from quorate import Quorate

SYSTEMS = {"quorate": Quorate, "patroni": Patroni, "auto_failover": AutoFailover}
FAULTS = ("kill", "stop", "partition", "postgres", "lagging")


def chosen(text, known):
    names = text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"there is no {unknown[0]}; there are {', '.join(known)}")
    return names


def main():
    arguments = argparse.ArgumentParser(prog="tests/postgres-rig/run", description=__doc__)
    arguments.add_argument("--systems", default="quorate")
    arguments.add_argument("--faults", default=",".join(FAULTS))
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--synchronous", action="store_true", help="synchronous_standby_names = '*'")
    arguments.add_argument("--json", help="a file for every run's figures, a line each")
    given = arguments.parse_args()
    why = net.possible()
    if why:
        sys.exit(f"SKIPPED, NOT TESTED: no network namespaces here: {why}")
    results = []
    for number in range(given.runs):
        for fault in chosen(given.faults, FAULTS):
            for name in chosen(given.systems, SYSTEMS):
                began = time.monotonic()
                try:
                    result = rig.run(SYSTEMS[name], fault, number, given.synchronous)
                except RuntimeError as error:
                    result = {"fault": fault, "recovery_s": None, "error": str(error)}
                result = {"system": SYSTEMS[name].title(given.synchronous), "run": number, **result}
                results.append(result)
                print(f"{time.monotonic() - began:.0f} s  {json.dumps(result)}", file=sys.stderr, flush=True)
                if given.json:
                    with open(given.json, "a") as lines:
                        lines.write(json.dumps(result) + "\n")
    print(report.table(results))


main()
