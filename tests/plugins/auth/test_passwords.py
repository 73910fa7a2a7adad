import asyncio
import statistics
import time

import pytest

from tests.fakes.clock import settle
from twap.plugins.auth.passwords import Argon2Hasher
from twap.ports.errors import Throttled, Unavailable


@pytest.fixture
def hasher():
    hasher = Argon2Hasher()
    yield hasher
    hasher.close()


async def test_verify_when_the_password_is_right_then_true_and_only_then(hasher):
    hashed = await hasher.hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify("correct horse", hashed)
    assert not await hasher.verify("correct horsf", hashed)


async def test_verify_when_letters_are_composed_otherwise_then_the_same_password(hasher):
    assert await hasher.verify("cafe\u0301 mocha", await hasher.hash("caf\u00e9 mocha"))


async def test_hash_when_called_twice_then_the_salts_differ(hasher):
    assert await hasher.hash("correct horse") != await hasher.hash("correct horse")


async def test_verify_when_there_is_no_user_then_false_after_the_same_work(hasher):
    async def seconds(hashed):
        start = time.perf_counter()
        assert not await hasher.verify("wrong horse", hashed)
        return time.perf_counter() - start

    hashed = await hasher.hash("correct horse")
    await seconds(None)
    wrong = statistics.median([await seconds(hashed) for _ in range(5)])
    nobody = statistics.median([await seconds(None) for _ in range(5)])
    assert 1 / 3 < nobody / wrong < 3


async def test_verify_when_the_text_is_no_unicode_then_it_is_just_wrong(hasher):
    hashed = await hasher.hash("correct horse")
    assert not await hasher.verify("\ud800\x00", hashed)
    assert not await hasher.verify("\ud800\x00", None)


async def test_hash_when_too_many_wait_then_throttled_until_one_is_done():
    hasher = Argon2Hasher(workers=1, waiting=1)
    two = [asyncio.create_task(hasher.hash("correct horse")) for _ in range(2)]
    await settle(2)
    with pytest.raises(Throttled) as refused:
        await hasher.hash("correct horse")
    assert refused.value.retry_after_seconds > 0
    await asyncio.gather(*two)
    assert await hasher.hash("correct horse")
    hasher.close()


async def test_hash_when_the_caller_gave_up_then_its_place_is_free_once_the_work_is_over():
    hasher = Argon2Hasher(workers=1, waiting=0)
    task = asyncio.create_task(hasher.hash("correct horse"))
    await settle(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while True:  # each turn is one refusal; the worker ends by itself
        try:
            assert await hasher.hash("correct horse")
            break
        except Throttled:
            await asyncio.sleep(0)
    hasher.close()


async def test_hash_when_closed_then_unavailable():
    hasher = Argon2Hasher(workers=1, waiting=0)
    hasher.close()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await hasher.hash("correct horse")
