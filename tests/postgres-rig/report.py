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
        groups.setdefault((result["system"], result["fault"]), []).append(result)
    for (system, fault), runs in groups.items():
        done = [run for run in runs if run["recovery_s"] is not None]
        failed = len(runs) - len(done)
        count = f"{len(runs)}" + (f", {failed} without a failover" if failed else "")
        column = {name: [run[name] for run in done] for name in FIGURES}
        rejoined = sum(run["rejoined"] for run in done)
        lines.append(
            f"| {system} | {fault} | {count} | {spread(column['recovery_s'], 2)} | {spread(column['both_write_s'], 2)} "
            f"| {spread(column['rows_lost'], 0)} | {rejoined} of {len(done)} |")
    return "\n".join(lines)
