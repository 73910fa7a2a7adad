"""What a benchmark says: tables of goals and measurements, as Markdown for the terminal and the document."""

import os
import platform
import re
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Goal:
    """One row of a table of goals. met: None where there is nothing to compare with."""

    what: str
    goal: str
    measured: str
    met: bool | None

    def cells(self):
        return self.what, self.goal, self.measured, {True: "met", False: "**not met**", None: ""}[self.met]


@dataclass
class Section:
    """name: of the marked part of the document; parts: Markdown blocks, in order."""

    name: str
    parts: list = field(default_factory=list)
    goals: list = field(default_factory=list)

    def table(self, header, rows):
        self.parts.append(table(header, rows))

    def goal_table(self, goals):
        self.goals += goals
        self.table(("what", "goal", "measured", ""), [goal.cells() for goal in goals])

    def say(self, text):
        self.parts.append(text)

    def markdown(self):
        return "\n\n".join(self.parts)


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in lines)


def machine():
    """What the figures were measured on, in one line."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())
        model = found[1].strip() if found else model
    return (
        f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{platform.system()}, {os.cpu_count()} cores ({model})"
    )


def write(path, section):
    """Replace what stands between `<!-- NAME -->` and `<!-- /NAME -->` in the document."""
    text = Path(path).read_text(encoding="utf-8")
    begin, end = f"<!-- {section.name} -->", f"<!-- /{section.name} -->"
    if begin not in text or end not in text:
        raise SystemExit(f"{path} has no part marked {begin} ... {end}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    Path(path).write_text(f"{before}{begin}\n\n{section.markdown()}\n\n{end}{after}", encoding="utf-8")
