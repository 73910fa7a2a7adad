"""The contract, row by row, with what became of its tests, at the end of the tests' output. Works with xdist:
reports reach the process that prints the summary."""

import pytest

from tests.contract.rows import TABLES

OUTCOMES = pytest.StashKey()
WORST = ("passed", "skipped", "failed")


def base(node_id):
    """Without parameters and the group that xdist adds."""
    return node_id.partition("[")[0].partition("@")[0]


class Outcomes:
    """The worst outcome of each test that ran, and how often it ran."""

    def __init__(self):
        self.of = {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or not report.passed:
            for name in {report.nodeid.partition("@")[0], base(report.nodeid)}:
                worst, count = self.of.get(name, ("passed", 0))
                self.of[name] = max(worst, report.outcome, key=WORST.index), count + 1


def pytest_configure(config):
    config.stash[OUTCOMES] = Outcomes()
    config.pluginmanager.register(config.stash[OUTCOMES], "contract-outcomes")


def told(row, tests, outcomes):
    """A line of the table, or None where none of its tests ran."""
    ran = {test: outcomes[f"tests/{test}"] for test in tests if f"tests/{test}" in outcomes}
    if not ran:
        return None
    worst = max((outcome for outcome, _ in ran.values()), key=WORST.index)
    count = sum(times for _, times in ran.values())
    culprits = [test for test, (outcome, _) in ran.items() if outcome == worst]
    said = f"{count} test{'s' if count > 1 else ''}" if worst == "passed" else ", ".join(culprits)
    return f"{worst:8} {row}  ({said})"


def pytest_terminal_summary(terminalreporter, config):
    outcomes = config.stash[OUTCOMES].of
    lines = {
        title: [line for row, tests in rows.items() if (line := told(row, tests, outcomes))]
        for title, rows in TABLES.items()
    }
    total = sum(map(len, TABLES.values()))
    shown = sum(map(len, lines.values()))
    if shown < total / 2:
        return  # a run of some tests alone
    terminalreporter.section(f"the contract: {shown} of {total} rows were tested")
    for title, each in lines.items():
        terminalreporter.write_line(title)
        for line in each:
            terminalreporter.write_line(f"  {line}")
