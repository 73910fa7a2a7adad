"""Other libraries on the same bytes, each with its own message handlers, in an environment of its own.

What they want in another shape than we subscribe to is converted beforehand, at nobody's cost: cryptofeed
reads Binance's combined stream, and Kucoin's newer feed with the same changes.
"""

import json
import os
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median

from tests.bench.players import Product, prepared
from tests.bench.report import Goal
from tests.bench.timing import interleaved

FOLDER = Path(os.environ.get("TWAP_PEERS", Path(__file__).parents[2] / ".venv-peers"))
PACKAGES = ("cryptofeed==3.0.1", "ccxt==4.5.90", "orjson")
"""cryptofeed 3 needs Python 3.13."""

PEERS = {"cryptofeed 3.0.1": ("peer_cryptofeed.py", 2.2), "ccxt.pro 4.5.90": ("peer_ccxt.py", 3.8)}
ROUNDS = {"binance": 60, "bybit": 15, "coinbase": 7, "kraken": 5, "kucoin": 7, "okx": 10}
TURNS = 3


def compare(section, material):
    """material: tapes by exchange."""
    python = _interpreter()
    if isinstance(python, str):
        section.say(f"The peers were not measured: {python}")
        return
    rows, goals = [], []
    for peer, (script, goal) in PEERS.items():
        ratios, problems = _ratios(python, Path(__file__).with_name(script), peer, material)
        for name, ratio in ratios.items():
            rows.append((peer, name, f"{ratio:.1f} ×"))
        rows += [(peer, name, f"could not be driven: {problem}") for name, problem in problems.items()]
        if ratios:
            mean, least = geometric_mean(ratios.values()), min(ratios, key=ratios.get)
            goals.append(
                Goal(
                    f"times as fast as {peer}, geometric mean of {len(ratios)} exchanges",
                    f"≥ {goal} ×",
                    f"{mean:.1f} ×",
                    mean >= goal,
                )
            )
            goals.append(
                Goal(
                    f"slower than {peer} nowhere",
                    "≥ 1 ×",
                    f"least on {least}: {ratios[least]:.1f} ×",
                    ratios[least] >= 1,
                )
            )
    section.table(("peer", "recording", "we are faster"), rows)
    section.goal_table(goals)


def _interpreter():
    """The path of the peers' Python, made where it is missing; or, as text, why there is none."""
    python = FOLDER / "bin" / "python"
    if python.exists():
        return python
    try:
        subprocess.run(["python3.13", "-m", "venv", FOLDER], check=True, capture_output=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        return f"no environment for them could be made ({error})"
    return python


def _ratios(python, script, peer, material):
    """Theirs to our seconds by exchange, the median of some turns; and why others could not be measured."""
    found, problems = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "material.json"
        tapes = {name: [_plain(peer, name, tape) for tape in each] for name, each in material.items()}
        file.write_text(json.dumps({"tapes": tapes, "rounds": ROUNDS}), encoding="utf-8")
        for _ in range(TURNS):
            ours = {name: _our_seconds(tapes) for name, tapes in material.items()}
            done = subprocess.run([python, "-P", script, file], check=True, capture_output=True, timeout=600)
            for name, answer in json.loads(done.stdout.splitlines()[-1]).items():
                if isinstance(answer, str):
                    problems[name] = answer
                else:
                    found.setdefault(name, []).append(median(answer) / ours[name])
    return {name: median(ratios) for name, ratios in found.items()}, problems


def _our_seconds(tapes):
    return median(interleaved({"product": partial(prepared, Product, tapes)}, 5)["product"])


def _plain(peer, name, tape):
    frames = [frame.decode() for frame in tape.frames]
    natives, snapshots = {}, {}
    for symbol, body in tape.bodies.items():
        if symbol in tape.symbols:
            snapshot = tape.exchange.snapshot(body, symbol)
            snapshots[symbol] = (snapshot.sequence, list(snapshot.bids), list(snapshot.asks))
    if peer.startswith("cryptofeed"):
        if name == "binance":
            frames = [
                f'{{"stream":"{json.loads(frame)["s"].lower()}@depth@100ms","data":{frame}}}'
                for frame in frames
            ]
        elif name == "kucoin":
            frames = [_newer_kucoin(frame) for frame in frames]
        elif name == "bybit":
            natives = {"XRPUSDT": "XRP/USDT"}
    product = Product(tape)
    product.play()
    return {
        "best": {symbol: [str(price) for price in product.best(symbol)] for symbol in tape.symbols},
        "symbols": tape.symbols,
        "natives": natives,
        "frames": frames,
        "snapshots": snapshots,
        "depth": tape.rules.kept_depth,
    }


def _newer_kucoin(frame):
    update = json.loads(frame)["data"]
    sides = {
        key: [change[:2] for change in sorted(changes, key=lambda one: int(one[2])) if change[0] != "0"]
        for key, changes in (("a", update["changes"]["asks"]), ("b", update["changes"]["bids"]))
    }
    moment = 1_700_000_000_000_000_000
    first, last = update["sequenceStart"], update["sequenceEnd"]
    data = {"C": last, "M": moment, "O": first, **sides, "s": update["symbol"]}
    message = {"T": "obu.SPOT", "dp": "increment@10ms", "t": "delta", "P": moment, "d": data}
    return json.dumps(message, separators=(",", ":"))
