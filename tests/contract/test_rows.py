"""The table of the contract is complete, and its tests are there."""

import ast
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from tests.contract import rows
from tests.contract.table import base, told
from twap.entrypoints.cli.app import app
from twap.entrypoints.http.openapi import document
from twap.entrypoints.settings import Settings

TESTS = Path(__file__).parents[1]
EVERY_ROW = [
    pytest.param(tests, id=f"{title}: {row}")
    for title, table in rows.TABLES.items()
    for row, tests in table.items()
]


@cache
def names_in(path):
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def commands(command=None, path="twap"):
    command = command or get_command(app)
    inner = getattr(command, "commands", {})
    return (
        [path] if not inner else [each for name in inner for each in commands(inner[name], f"{path} {name}")]
    )


@pytest.mark.parametrize("tests", EVERY_ROW)
def test_row_when_its_tests_are_looked_for_then_they_are_there(tests):
    assert tests, "no test holds this row"
    for test in tests:
        path, _, name = base(test).partition("::")
        assert name in names_in(path), f"there is no {name} in {path}"


def test_routes_when_compared_with_the_table_then_each_has_a_row():
    paths = document()["paths"].items()
    routes = {f"{method.upper()} {path}" for path, methods in paths for method in methods}
    assert routes == {row.partition(": ")[0].partition("?")[0] for row in rows.REST}


def test_commands_when_compared_with_the_table_then_those_of_the_contract_are_there():
    listed = {row for row in rows.COMMANDS if row.startswith("twap ")}
    assert listed <= set(commands()), "the table names a command that there is not"


def test_settings_when_compared_with_the_table_then_those_of_the_contract_are_there():
    listed = {row for row in rows.VARIABLES if row.startswith("TWAP_")}
    assert listed <= {f"TWAP_{name.upper()}" for name in Settings.model_fields}


def test_line_when_one_of_its_tests_failed_then_it_says_which():
    outcomes = {"tests/a.py::test_x": ("passed", 3), "tests/a.py::test_y": ("failed", 1)}
    assert told("GET /", ("a.py::test_x",), outcomes) == "passed   GET /  (3 tests)"
    failed = told("GET /", ("a.py::test_x", "a.py::test_y"), outcomes)
    assert failed == "failed   GET /  (a.py::test_y)"
    assert told("GET /", ("a.py::test_z",), outcomes) is None
