"""Passwords, hashed by argon2id in threads of their own."""

import asyncio
import base64
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from twap.ports.errors import Throttled, Unavailable

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
SALT_BYTES = 16
DIGEST_BYTES = 32

Answer = TypeVar("Answer")


class Argon2Hasher:
    """argon2id with 19 MiB, 2 passes, 1 lane: the least that OWASP's Password Storage Cheat Sheet advises.

    workers  hashes computed at a time, each on a core and with 19 MiB
    waiting  further calls that may queue; beyond them `hash` and `verify` raise Throttled at once
    """

    def __init__(self, workers: int = 2, waiting: int = 64) -> None:
        self._argon2 = PasswordHasher(PASSES, MEMORY_KIB, LANES, DIGEST_BYTES, SALT_BYTES, type=Type.ID)
        self._nobody = _hash_that_nothing_matches()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="passwords")
        self._room = threading.BoundedSemaphore(workers + waiting)

    async def hash(self, password: str) -> str:
        return await self._compute(lambda: self._argon2.hash(_bytes(password)))

    async def verify(self, password: str, hashed: str | None) -> bool:
        expected = self._nobody if hashed is None else hashed
        return await self._compute(lambda: self._matches(password, expected))

    def close(self) -> None:
        """Drop what waits; what is being computed ends by itself within a fraction of a second."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: str, hashed: str) -> bool:
        try:
            return self._argon2.verify(hashed, _bytes(password))
        except VerifyMismatchError:
            return False

    async def _compute(self, work: Callable[[], Answer]) -> Answer:
        if not self._room.acquire(blocking=False):
            raise Throttled("too many passwords are being checked; try again shortly", 1)
        try:
            future = self._threads.submit(work)
        except RuntimeError as error:
            self._room.release()
            raise Unavailable("the server is shutting down") from error
        # Released when the work is over, not when its caller stops waiting for it.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _leave(self, _: Future[Answer]) -> None:
        self._room.release()


def _hash_that_nothing_matches() -> str:
    """A chance digest under the same parameters: to verify against it is the same work as any other."""
    salt, digest = (
        base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (SALT_BYTES, DIGEST_BYTES)
    )
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"


def _bytes(password: str) -> bytes:
    """Any text at all, also such as JSON can carry and UTF-8 can't. In NFKC (NIST SP 800-63B, 5.1.1.2):
    keyboards differ in how they write the same letter."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
