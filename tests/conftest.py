"""Hooks of the whole test run: only here the process that prints the summary is sure to find them."""

from tests.conformance.matrix import pytest_configure, pytest_terminal_summary

pytest_plugins = ["tests.contract.table", "tests.leaks"]

__all__ = ["pytest_configure", "pytest_terminal_summary"]
