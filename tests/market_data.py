"""Where the recorded market data lies: beside the project, never inside it."""

import gzip
import json
import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("TWAP_MARKET_DATA", Path(__file__).parents[1].parent / "shared" / "market-data"))

needs_recordings = pytest.mark.skipif(
    not (FOLDER / "recordings").is_dir(),
    reason=f"recorded market data is not here ({FOLDER}); set TWAP_MARKET_DATA",
)


def recording(name):
    """Lines of `recordings/NAME.jsonl.gz` as dicts: t, ch, conn, url, raw."""
    with gzip.open(FOLDER / "recordings" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def golden(name):
    """By symbol: bids, asks, n_bids, n_asks, last_seq, checkpoints, ..."""
    return json.loads((FOLDER / "golden" / f"{name}.json").read_text())["symbols"]


def fixture(path):
    """Bytes of `fixtures/PATH`, unpacked where it ends in .gz."""
    data = (FOLDER / "fixtures" / path).read_bytes()
    return gzip.decompress(data) if path.endswith(".gz") else data
