"""No secret in any log of the whole test run.

After each test that passed, all that was written meanwhile to standard output, standard error and the log,
and the log files that servers left in its folder, are searched for passwords of the tests, tokens, password
hashes and signing keys. What a child process wrote to a pipe is seen by its test alone: not searched here.
"""

import json
import re
import sys

import pytest

KEY = "bytes searched for secrets"
LOG_FILES = ("*.log", "*.err", "stderr*")
PATTERNS = {
    "a token": re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+"),
    "a token of the fakes": re.compile(r"""\[\\*"(access|refresh)\\*", ?\\*\""""),
    "a password hash": re.compile(r"\$argon2id\$v=\d+\$"),
}


def passwords():
    """The constants PASSWORD and SECRET of all tests that are loaded here."""
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "tests"]
    constants = (getattr(module, name, None) for module in modules for name in ("PASSWORD", "SECRET"))
    return {constant.strip() for constant in constants if isinstance(constant, str)}


def signing_keys(folder):
    """In hexadecimal, as the file of a server keeps them."""
    files = [*folder.rglob("secret.json")] if folder else []
    return {entry["key"] for file in files for entry in json.loads(file.read_text())["keys"]}


def log_files(folder):
    files = {file for pattern in LOG_FILES for file in folder.rglob(pattern)} if folder else ()
    return [(file.name, file.read_text(errors="replace")) for file in sorted(files) if file.is_file()]


def leaks(sources, keys=frozenset()):
    """What stands where, in words that don't repeat it. sources: (name, text)."""
    constants = passwords()
    for name, text in sources:
        for what, pattern in PATTERNS.items():
            if pattern.search(text):
                yield f"{what} in {name}"
        if any(secret in text for secret in constants):
            yield f"a password in {name}"
        if any(key in text for key in keys):
            yield f"a signing key in {name}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "teardown" and report.passed:
        folder = item.funcargs.get("tmp_path") if hasattr(item, "funcargs") else None
        try:
            sources = [*report.sections, *log_files(folder)]
            found = sorted(set(leaks(sources, signing_keys(folder))))
        except (OSError, ValueError, KeyError, TypeError):
            return report  # a test of a folder that can't be read, or of a damaged file of keys
        report.user_properties.append((KEY, sum(len(text) for _, text in sources)))
        if found:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} let secrets into a log: {', '.join(found)}"
    return report


def pytest_terminal_summary(terminalreporter):
    sizes = [
        size
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "teardown"
        for key, size in report.user_properties
        if key == KEY
    ]
    if sizes:
        terminalreporter.section("secrets in logs")
        terminalreporter.write_line(
            f"{sum(sizes):,} bytes of output and logs of {len(sizes):,} tests searched for passwords, tokens,"
            " hashes and keys; a test that let one out has failed"
        )
