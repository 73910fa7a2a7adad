"""Writes the distribution of a new exchange plugin from `plugin_templates`."""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Template

from twap.entrypoints.cli.plugin_templates import FILES
from twap.ports.errors import TwapError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)


def valid_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def write(name: str, place: Path) -> Iterator[Path]:
    """Write all files into a new folder, naming each. Raises TwapError where the folder is there already."""
    if place.exists():
        raise TwapError(f"{place} is there already; nothing was written")
    words = {"name": name, "dashed": name.replace("_", "-"), "title": name.replace("_", " ").title()}
    words["type"] = words["title"].replace(" ", "")
    for target, text in FILES.items():
        file = place / Template(target).substitute(words)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(words), encoding="utf-8")
        yield file
