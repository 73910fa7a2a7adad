"""What is installed: everything of the program, and nothing beside `twap`."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "entrypoints", "plugins", "ports")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
UNPACKED = {".pyc", ".pyo"}


def files():
    """All files of the rooms, by their path in the package."""
    every = (file for room in ROOMS for file in (ROOT / room).rglob("*") if file.is_file())
    kept = (file for file in every if file.suffix not in UNPACKED and "__pycache__" not in file.parts)
    return {f"twap/{file.relative_to(ROOT).as_posix()}" for file in kept}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names in the wheel of a copy of the project, and its entry points."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "project"
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(copy)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        (table,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        return set(archive.namelist()), archive.read(table).decode()


def test_packages_when_compared_with_the_folders_then_the_same():
    found = {
        ".".join(("twap", *init.parent.relative_to(ROOT).parts))
        for room in ROOMS
        for init in (ROOT / room).rglob("__init__.py")
    }
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(found) == sorted(listed)
    assert PROJECT["tool"]["setuptools"]["package-dir"] == {f"twap.{room}": room for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_typings_when_followed_then_relative_and_at_the_room(room):
    link = ROOT / "typings" / "twap" / room
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == ROOT / room
    assert (ROOT / room / "py.typed").exists(), "type checkers of users would not look at it"


@pytest.mark.xdist_group("wheel")
def test_wheel_when_built_then_every_file_of_the_rooms_and_nothing_beside(wheel):
    names, _ = wheel
    inside = {name for name in names if ".dist-info/" not in name}
    assert sorted(files() - inside) == [], "not in the wheel"
    assert sorted(inside - files()) == [], "should not be in the wheel"


@pytest.mark.xdist_group("wheel")
def test_wheel_when_installed_then_only_twap_lands_at_the_top(wheel):
    names, _ = wheel
    version = PROJECT["project"]["version"]
    assert {name.split("/")[0] for name in names} == {"twap", f"twap_trading_api-{version}.dist-info"}


@pytest.mark.xdist_group("wheel")
def test_wheel_when_installed_then_command_and_exchanges_can_be_found(wheel):
    _, table = wheel
    lines = set(table.splitlines())
    assert {"[console_scripts]", "twap = twap.entrypoints.cli:main", "[twap.exchanges]"} <= lines
    folders = (each.parent.name for each in (ROOT / "plugins" / "exchanges").glob("*/__init__.py"))
    assert {f"{name} = twap.plugins.exchanges.{name}" for name in folders} <= lines
