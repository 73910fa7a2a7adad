"""The fault matrix as a table at the end of the tests' output. Works with and without xdist: what a test
records is part of its report, which the process that prints the summary gets."""

import pytest

CELLS = pytest.StashKey()
KEY = "fault matrix"


def pytest_configure(config):
    config.stash[CELLS] = {}
    config.pluginmanager.register(Collector(config.stash[CELLS]), "fault-matrix")


class Collector:
    def __init__(self, cells):
        self.cells = cells

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            for key, value in report.user_properties:
                if key == KEY:
                    row, fault, exchange, text = value
                    self.cells[(row, fault), exchange] = text


def pytest_terminal_summary(terminalreporter, config):
    cells = config.stash[CELLS]
    if not cells:
        return
    notes = {}
    exchanges = sorted({exchange for _, exchange in cells})
    faults = sorted({fault for fault, _ in cells})
    rows = [["fault", *exchanges]] + [
        [fault[1], *(brief(cells.get((fault, exchange), ""), notes) for exchange in exchanges)]
        for fault in faults
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section("fault matrix: what books honestly were, besides live, until true again")
    for row in rows:
        cut = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cut).rstrip())
    for reason, number in notes.items():
        terminalreporter.write_line(f"[{number}] {reason}")


def brief(cell, notes):
    """A cell's text; its reason as a number."""
    met, _, reason = cell.partition(": ")
    return f"{met} [{notes.setdefault(reason, len(notes) + 1)}]" if reason else met
