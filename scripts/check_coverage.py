"""Fails where too few branches are covered; coverage's own `fail_under` mixes lines and branches."""

import json
import sys
from pathlib import Path

MINIMUM_PERCENT = 90.0


def branch_percentage(report: Path) -> float:
    """The share of branches that tests took, in percent, of a report written by ``coverage json``."""
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    if not totals["num_branches"]:
        return 100.0
    return 100.0 * float(totals["covered_branches"]) / float(totals["num_branches"])


def main(arguments: list[str]) -> int:
    """Reads the report named by the first argument; returns the exit code."""
    percentage = branch_percentage(Path(arguments[0]))
    print(f"Branches covered: {percentage:.1f} % (at least {MINIMUM_PERCENT:.0f} %)")
    return 0 if percentage >= MINIMUM_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
