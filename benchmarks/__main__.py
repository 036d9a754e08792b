"""``python -m benchmarks [NAME…] [--quick] [--json FILE]``: run benchmarks one after another and print one table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.figure import Figure, as_json, as_table
from benchmarks.machine import machine
from benchmarks.scale import FULL, QUICK
from benchmarks.suite import SUITE

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Measure; 0 whether budgets are reached or not, since a shared machine is no judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(SUITE)}; default: all")
    parser.add_argument(
        "--quick", action="store_true", help="one short round: shows that it runs, not how fast"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--folder", type=Path, help="where to work: a disk like the archive's; default: TMPDIR"
    )
    wanted = parser.parse_args(arguments)
    if unknown := set(wanted.names) - SUITE.keys():
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(SUITE)}")

    figures: list[Figure] = []
    for name in wanted.names or SUITE:
        print(f"measuring {name} …", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix=f"ror-bench-{name}-", dir=wanted.folder) as folder:
            figures += SUITE[name](QUICK if wanted.quick else FULL, Path(folder))
    # Wide enough for the longest figure, also where the output is no terminal.
    Console(width=max(150, Console().width)).print(as_table(figures))
    print(f"machine: {machine()}")
    if wanted.json:
        told = {"machine": machine(), "quick": wanted.quick, "figures": as_json(figures)}
        wanted.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
