"""`python -m tests.bench`: measure, and print goals beside what was measured.

--write FILE replaces the marked parts of docs/benchmarks.md. Ends by itself in about four minutes.
"""

import argparse
import importlib
import sys

from tests.bench.report import machine, write

SECTIONS = ("market", "orders")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all")
    parser.add_argument("--peers", action="store_true", help="cryptofeed and ccxt.pro on the same bytes, too")
    parser.add_argument("--seconds", type=int, default=60, help="how long 5,000 orders run (default 60)")
    parser.add_argument("--write", metavar="FILE", help="replace the marked parts of this document")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"unknown section: {', '.join(sorted(unknown))}")
    print(machine(), end="\n\n", flush=True)
    missed = 0
    for name in options.sections or SECTIONS:
        section = importlib.import_module(f"tests.bench.{name}").run(options)
        section.parts.insert(0, f"Measured on {machine()}.")
        print(f"## {name}\n\n{section.markdown()}\n", flush=True)
        missed += sum(goal.met is False for goal in section.goals)
        if options.write:
            write(options.write, section)
    print(f"{missed} goals not met" if missed else "all goals met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
