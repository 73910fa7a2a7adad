"""Processes that a benchmark starts, watches and ends: memory, processor time, lines of JSON they print."""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30


def allow_many_files():
    """As many open sockets as the system lets us have; children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Child:
    """`python -m MODULE ...`, that prints one line of JSON when it is ready.

    python  of another environment; told: that line
    """

    def __init__(self, module, *arguments, python=sys.executable):
        self.command = (python, "-m", module, *map(str, arguments))
        self.process, self.told = None, None

    @property
    def pid(self):
        return self.process.pid

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, limit=2**24
        )
        self.told = await self.line(READY_SECONDS)
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def line(self, seconds):
        """The next line it prints."""
        text = await asyncio.wait_for(self.process.stdout.readline(), seconds)
        if not text:
            raise RuntimeError(f"{' '.join(self.command)} ended: {await self.process.wait()}")
        return json.loads(text)

    def tell(self, number=signal.SIGUSR1):
        self.process.send_signal(number)


class Watched:
    """Memory and processor time of a process, sampled.

    samples  (seconds since the start, resident bytes, processor seconds so far)
    """

    def __init__(self, pid):
        self.pid, self.began, self.samples = pid, time.monotonic(), []

    def look(self):
        self.samples.append((time.monotonic() - self.began, resident_bytes(self.pid), cpu_seconds(self.pid)))

    @property
    def cores(self):
        """Mean share of one core between the first and the last sample."""
        (first, _, used_first), (last, _, used_last) = self.samples[0], self.samples[-1]
        return (used_last - used_first) / (last - first)

    def third(self, number):
        """Mean resident bytes of the first (0), second or last (2) third of the samples."""
        size = len(self.samples) // 3
        return mean(sample[1] for sample in self.samples[number * size : (number + 1) * size])


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load():
    """How busy the machine is, in words."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
