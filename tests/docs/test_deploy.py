"""What docs/deploy says, as far as it can be tried without a service manager."""

import configparser
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_readme import ROOT
from twap.entrypoints.settings import Settings

FOLDER = ROOT / "docs" / "deploy"
GUIDE = (FOLDER / "README.md").read_text(encoding="utf-8")
(BACKUP,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
KNOWN = {f"TWAP_{name.upper()}" for name in Settings.model_fields}


def python(code, folder):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"TWAP_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr


def unit():
    """The systemd unit; a key that comes twice counts once."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str
    parser.read(FOLDER / "twap.service", encoding="utf-8")
    return parser


def test_unit_when_read_then_it_serves_without_rights_and_writes_its_state_alone():
    service = unit()["Service"]
    assert service["ExecStart"].endswith("/twap serve")
    assert (service["DynamicUser"], service["ProtectSystem"], service["NoNewPrivileges"]) == (
        "yes",
        "strict",
        "yes",
    )
    assert service["CapabilityBoundingSet"] == ""
    assert service["StateDirectory"] == "twap"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_unit_when_systemd_reads_it_then_every_line_is_known():
    verify = ["systemd-analyze", "verify", str(FOLDER / "twap.service")]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=20)
    complaints = [
        line for line in done.stderr.splitlines() if "twap" in line and "not executable" not in line
    ]
    assert complaints == []


def test_containerfile_when_read_then_hashes_are_checked_and_the_user_has_no_rights():
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in text
    last_stage = text.split("\nFROM ")[-1]
    assert re.search(r"^USER twap$", last_stage, re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("name", ["README.md", "twap.service", "Containerfile"])
def test_settings_when_named_then_they_are_there(name):
    named = set(re.findall(r"\bTWAP_[A-Z_]+\b", (FOLDER / name).read_text(encoding="utf-8")))
    assert named <= KNOWN


def test_backup_when_the_database_is_open_then_the_copy_is_whole(tmp_path):
    with sqlite3.connect(tmp_path / "twap.sqlite3") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE kept (number INTEGER)")
        database.execute("INSERT INTO kept VALUES (7)")
        database.commit()
        python(BACKUP, tmp_path)
    database.close()
    copy = sqlite3.connect(tmp_path / "backup.sqlite3")
    assert copy.execute("SELECT number FROM kept").fetchall() == [(7,)]
    copy.close()


def test_metrics_when_named_then_they_are_there():
    sources = [ROOT / "entrypoints" / name for name in ("metrics.py", "ws/counters.py", "http/metrics.py")]
    code = "".join(Path(source).read_text(encoding="utf-8") for source in sources)
    prefixed = {
        f"twap_{prefix}_{name}"
        for prefix in ("feed", "ws")
        for name in re.findall(r'^    "(\w+)":', code, re.M)
    }
    known = {*re.findall(r'"(twap_[a-z_]+)"', code), *prefixed}
    for name in re.findall(r"\btwap_[a-z_]+\b", GUIDE):
        assert re.sub("_(total|bucket)$", "", name) in known, name
