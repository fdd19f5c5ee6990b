"""``python -m bench [NAME …]``: run all benchmarks, or those named, and print one JSON object a line."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from bench import cold_start, conversations, image_jobs

BENCHMARKS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "cold-start": cold_start.run,
    "conversations": conversations.run,
    "image-jobs": image_jobs.run,
}


def main() -> int:
    """Runs what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure; prints JSON lines.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark named {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    for name in names:
        for figures in BENCHMARKS[name]():
            print(json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
