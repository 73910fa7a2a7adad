"""Writes the distribution of a new exchange plugin from the files in `plugin_files`."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from string import Template

from twap.ports.errors import TwapError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)
FILES = {
    "pyproject.toml": "pyproject.toml",
    "package.py": "twap_$name/__init__.py",
    "exchange.py": "twap_$name/exchange.py",
    "codec.py": "twap_$name/codec.py",
    "test_codec.py": "tests/test_codec.py",
}
"""Template, and where it goes."""


def valid_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def write(name: str, place: Path) -> Iterator[Path]:
    """Write all files into a new folder, naming each. Raises TwapError where the folder is there already."""
    if place.exists():
        raise TwapError(f"{place} is there already; nothing was written")
    words = {"name": name, "dashed": name.replace("_", "-"), "title": name.replace("_", " ").title()}
    words["type"] = words["title"].replace(" ", "")
    for template, target in FILES.items():
        text = (files("twap.entrypoints.cli") / "plugin_files" / f"{template}.txt").read_text("utf-8")
        file = place / Template(target).substitute(words)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(words), encoding="utf-8")
        yield file
