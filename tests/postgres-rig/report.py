"""The table: medians and extremes of each system under each fault."""
import statistics

FIGURES = ("recovery_s", "both_write_s", "rows_lost")


def spread(values, digits):
    if not values:
        return "–"
    middle = statistics.median(values)
    if min(values) == max(values):
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(results):
    """Markdown, one line for each system and fault: median, and minimum to maximum in brackets."""
    lines = ["| System | Fault | Runs | First write at the new primary, s | Both sides write, s | Rows lost | Old primary follows |",
             "|---|---|---|---|---|---|---|"]
    groups = {}
    for result in results:
        if "kept" not in result:
            groups.setdefault((result["system"], result["fault"]), []).append(result)
    for (system, fault), runs in groups.items():
        done = [run for run in runs if run["recovery_s"] is not None]
        false = sum(run.get("false_alarm", False) for run in runs)
        failed = len(runs) - len(done) - false
        count = f"{len(runs)}" + (f", {failed} without a failover" if failed else "")
        count += f", {false} failed over before the fault" if false else ""
        column = {name: [run[name] for run in done] for name in FIGURES}
        rejoined = sum(run["rejoined"] for run in done)
        lines.append(
            f"| {system} | {fault} | {count} | {spread(column['recovery_s'], 2)} | {spread(column['both_write_s'], 2)} "
            f"| {spread(column['rows_lost'], 0)} | {rejoined} of {len(done)} |")
    return "\n".join(lines) + kept(results) + phases(results) + claims(results)


def kept(results):
    """How often nothing came of a fault that must not move the primary, and the longest pause of its writes."""
    runs = [run for run in results if "kept" in run]
    if not runs:
        return ""
    stayed = [run["pause_s"] for run in runs if run["kept"]]
    return (f"\n\nThe agent that leads dies beside neither server: the primary stayed in {len(stayed)} of {len(runs)} runs; "
            f"longest pause between two of its writes, s: {spread(stayed, 2)}")


def claims(results):
    """What each system's own report says was lost, beside what was."""
    lines = [f"- {run['system']}, {run['fault']}: {run['rows_lost']} rows lost; its report: {run['claim']}"
             for run in results if run.get("claim")]
    return "\n".join(["", "", "What the report of each failover says of the data:", "", *lines]) if lines else ""


def phases(results):
    """Where the time goes: seconds from the fault to each event, the medians of all runs of a fault."""
    groups = {}
    for result in results:
        for event, at in result.get("phases", {}).items():
            groups.setdefault((result["system"], result["fault"]), {}).setdefault(event, []).append(at)
    if not groups:
        return ""
    lines = ["", "", "Seconds from the fault, medians:", ""]
    for (system, fault), events in groups.items():
        told = ", ".join(f"{event} {statistics.median(times):.3f}" for event, times in events.items())
        lines.append(f"- {system}, {fault}: {told}")
    return "\n".join(lines)
