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
FAULTS = ("kill", "stop", "partition", "postgres", "lagging", "switchover", "leader")


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
    arguments.add_argument("--synchronous", action="store_true", help="n1 waits for n2 with every commit")
    arguments.add_argument("--json", help="a file for every run's figures, a line each")
    arguments.add_argument("--keep", help="a directory for what the last run wrote")
    arguments.add_argument("--patient", action="store_true",
                           help="Quorate with lengths that a debug build keeps, and a failure if a run was not as it should be")
    arguments.add_argument("--table", metavar="FILE", action="append", help="run nothing: the table of what --json wrote")
    given = arguments.parse_args()
    if given.table:
        lines = [line for name in given.table for line in open(name)]
        print(report.table([json.loads(line) for line in lines]))
        return
    why = net.possible()
    if why:
        print(f"SKIPPED, NOT TESTED: no network namespaces with nftables here: {why}", file=sys.stderr)
        return
    Quorate.patient = given.patient
    results = []
    for number in range(given.runs):
        for fault in chosen(given.faults, FAULTS):
            for name in chosen(given.systems, SYSTEMS):
                began = time.monotonic()
                try:
                    result = rig.run(SYSTEMS[name], fault, number, given.synchronous, given.keep)
                except RuntimeError as error:
                    result = {"fault": fault, "recovery_s": None, "error": str(error)}
                result = {"system": SYSTEMS[name].title(given.synchronous), "run": number, **result}
                results.append(result)
                print(f"{time.monotonic() - began:.0f} s  {json.dumps(result)}", file=sys.stderr, flush=True)
                if given.json:
                    with open(given.json, "a") as lines:
                        lines.write(json.dumps(result) + "\n")
    print(report.table(results))
    bad = [result for result in results if not sound(result)]
    if given.patient and bad:
        sys.exit(f"{len(bad)} of {len(results)} runs were not as they should be")


def sound(result):
    """The standby took over, at no time both took writes, and the old primary follows."""
    if "kept" in result:
        return result["kept"]
    return result["recovery_s"] is not None and result["both_write_rows"] == 0 and result["rejoined"]


main()
