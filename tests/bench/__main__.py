"""`python -m tests.bench`: measure, and print goals beside what was measured.

--write FILE replaces the marked parts of docs/benchmarks.md. Ends by itself in about ten minutes.
`rehearsal` and `soak` run for --minutes each, and only when they are named.
"""

import argparse
import importlib
import sys

from tests.bench.report import machine, write

SECTIONS = ("market", "orders", "http", "fanout")
LONG = ("rehearsal", "soak")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS + LONG)}")
    parser.add_argument("--peers", action="store_true", help="cryptofeed, ccxt.pro and FastAPI beside ours")
    parser.add_argument("--seconds", type=int, default=60, help="how long 5,000 orders run (default 60)")
    parser.add_argument("--minutes", type=float, default=10, help="of rehearsal and soak (default 10)")
    parser.add_argument("--write", metavar="FILE", help="replace the marked parts of this document")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS + LONG)
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
