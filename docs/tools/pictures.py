"""Takes the pictures of the README from the running program: `python docs/tools/pictures.py`.

Needs Chromium. Serves the simulated market on a free port, runs an order of some seconds, and photographs its
report and Swagger UI.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from twap.entrypoints.client import ServerUnreachable, TwapClient

IMAGES = Path(__file__).parents[1] / "images"
SECONDS = 40
SIZES = {"report": (900, 735), "docs": (1100, 790)}
PASSWORD = "correct horse"  # noqa: S105 - of an account that lives for a minute


def photograph(browser: str, address: str, name: str, folder: Path) -> None:
    width, height = SIZES[name]
    command = [
        browser,
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},{height}",
        "--virtual-time-budget=8000",
        f"--screenshot={IMAGES / name}.png",
        address,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 - our own words


async def reachable(twap: TwapClient) -> None:
    for _ in range(100):
        try:
            await twap.exchanges()
        except ServerUnreachable:
            await asyncio.sleep(0.2)
        else:
            return
    raise SystemExit("the server did not start")


async def report(url: str) -> str:
    """The page of an order that ran to its end. Patient enough that not every slice fills whole."""
    async with TwapClient(url) as twap:
        await reachable(twap)
        await twap.register("ada", PASSWORD)
        await twap.log_in("ada", PASSWORD)
        order = await twap.submit(
            symbol="BTCUSDT",
            side="buy",
            total_quantity=12,
            limit_price=120_000,
            duration_seconds=SECONDS,
            exchanges=["Simulated"],
        )
        async for _ in twap.watch(order["order_id"]):
            pass
        return await twap.report_text(order["order_id"], "html")


def main() -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("Chromium is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"TWAP_DATA_DIR": name, "TWAP_PORT": str(port), "TWAP_EXCHANGES": "Simulated"}
        serve = [sys.executable, "-c", "from twap.entrypoints.cli import main; main()", "serve"]
        server = subprocess.Popen(serve, cwd=name, env={**os.environ, **settings})  # noqa: S603
        try:
            page = folder / "report.html"
            page.write_text(asyncio.run(report(url)), encoding="utf-8")
            photograph(browser, page.as_uri(), "report", folder)
            photograph(browser, f"{url}/docs", "docs", folder)
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()
