"""The exposition of `/metrics`, read as Prometheus reads it."""

import asyncio
import contextlib
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from tests.api.conftest import make_api
from tests.fakes.feed import FakeFeed, feed_status
from twap.entrypoints import metrics
from twap.entrypoints.execution.stats import LATENESS_BUCKETS, ExecutionStats
from twap.entrypoints.ws.hub import Hub
from twap.ports.market import BookState
from twap.ports.order import MissReason

DUE = datetime(2025, 2, 1, tzinfo=UTC)


def step(*slices):
    """What the executor has stored: (seconds late, executions, reason) of each slice."""
    return SimpleNamespace(
        order=SimpleNamespace(ticket=SimpleNamespace(latency=timedelta())),
        slices=[
            SimpleNamespace(
                number=number,
                due_at=DUE,
                looked_at=DUE + timedelta(seconds=late),
                executions=(Decimal(1),) * executions,
                reason=reason,
            )
            for number, (late, executions, reason) in enumerate(slices, 1)
        ],
    )


async def families(api):
    """By name, of an answer that Prometheus can read."""
    response = await api.client.get("/metrics")
    text = await response.get_data(as_text=True)
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families, name, **labels):
    """Of the one sample with these labels."""
    family = families.get(name.removesuffix("_total")) or families[re.sub("_(bucket|sum|count)$", "", name)]
    (sample,) = (each for each in family.samples if each.name == name and each.labels == labels)
    return sample.value


def published(stats=None, **replacements):
    """An app with all metrics of the program, and their collector."""
    api = make_api(executor_status=lambda: {"orders": 7}, **replacements)
    return api, metrics.publish(api.services, stats or ExecutionStats())


async def test_metrics_when_slices_were_stored_then_counts_and_reasons():
    stats = ExecutionStats()
    stats.stored(step((0.003, 2, None), (0.003, 0, MissReason.STALE), (0.3, 1, MissReason.BEYOND_LIMIT)))
    stats.stored(step((60, 0, MissReason.STALE)))
    stats.tick(0.5)
    stats.tick(0.25)
    stats.failed()
    stats.lost()
    api, _ = published(stats)
    told = await families(api)
    assert value(told, "twap_executor_orders") == 7
    assert value(told, "twap_slices_total") == 4
    assert value(told, "twap_executions_total") == 3
    assert value(told, "twap_slices_missed_total", reason="stale") == 2
    assert value(told, "twap_slices_missed_total", reason="beyond_limit") == 1
    assert value(told, "twap_executor_last_tick_seconds") == 0.25
    assert value(told, "twap_executor_longest_tick_seconds") == 0.5
    assert value(told, "twap_executor_steps_failed_total") == 1
    assert value(told, "twap_executor_steps_lost_total") == 1


async def test_metrics_when_slices_were_late_then_a_cumulative_histogram():
    stats = ExecutionStats()
    stats.stored(step((0.003, 0, None), (0.003, 0, None), (0.3, 0, None), (60, 0, None)))
    api, _ = published(stats)
    told = await families(api)
    buckets = [
        (each.labels["le"], each.value)
        for each in told["twap_slice_lateness_seconds"].samples
        if each.name.endswith("_bucket")
    ]
    assert [bound for bound, _ in buckets] == [*map(str, LATENESS_BUCKETS), "+Inf"]
    assert [count for _, count in buckets] == [2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4]
    assert value(told, "twap_slice_lateness_seconds_count") == 4
    assert value(told, "twap_slice_lateness_seconds_sum") == 60.306


async def test_metrics_when_exchanges_are_fed_then_each_by_name():
    statuses = {"Kucoin": feed_status("Kucoin", BookState.DOWN, "away")}
    api, _ = published(feed=FakeFeed(statuses=statuses))
    told = await families(api)
    assert value(told, "twap_feed_state", exchange="Binance", state="live") == 1
    assert value(told, "twap_feed_state", exchange="Binance", state="down") == 0
    assert value(told, "twap_feed_state", exchange="Kucoin", state="down") == 1
    wanted = {
        "connections": 1,
        "feeds": 2,
        "last_message_age_seconds": 0.043,
        "messages_total": 1000,
        "reconnects_total": 0,
        "gaps_total": 1,
        "resyncs_total": 2,
        "checksum_failures_total": 0,
        "malformed_total": 0,
        "ignored_total": 3,
    }
    assert {name: value(told, f"twap_feed_{name}", exchange="Binance") for name in wanted} == wanted


async def test_metrics_when_the_storage_fails_then_said_and_when_it_works_then_too():
    stats = ExecutionStats()
    api, collector = published(stats)
    assert value(await families(api), "twap_storage_ready") == 0, "nobody has asked it yet"
    stats.storage_fails("the disk is full")
    probe = asyncio.create_task(collector.probe())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    told = await families(api)
    assert (value(told, "twap_storage_ready"), value(told, "twap_storage_error")) == (1, 1)
    stats.storage_works()
    assert value(await families(api), "twap_storage_error") == 0
    probe.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await probe


async def test_metrics_when_all_are_there_then_names_have_a_prefix_help_and_a_unit_that_fits():
    api, _ = published()
    Hub(api.services).install(api.client.app)
    await api.client.get("/ping")
    told = await families(api)
    assert {"process_resident_memory_bytes", "python_gc_collections", "twap_ws_clients"} <= told.keys()
    ours = [family for name, family in told.items() if name.startswith("twap_")]
    assert len(ours) > 25
    for family in ours:
        assert re.fullmatch("[a-z_]+", family.name)
        assert family.documentation, f"{family.name} has no help"
        assert not re.search("(_ms|_millis|_minutes)$", family.name), f"{family.name}: seconds are the unit"
    others = {name for name in told if not name.startswith(("twap_", "process_", "python_"))}
    assert not others, f"names of nobody's: {others}"


async def test_metrics_when_clients_make_methods_up_then_these_count_as_one():
    api = make_api()
    for method in ("GET", "BREW", "PROPFIND"):
        await api.client.open("/ping", method=method)
    found = await families(api)
    counted = {
        each.labels["method"]: each.value
        for each in found["twap_http_requests"].samples
        if each.name == "twap_http_requests_total"
    }
    assert counted == {"GET": 1, "other": 2}


async def test_metrics_when_two_programs_run_then_each_tells_of_its_own():
    busy = ExecutionStats()
    busy.stored(step((0, 1, None)))
    (one, _), (other, _) = published(busy), published()
    assert value(await families(one), "twap_slices_total") == 1
    assert value(await families(other), "twap_slices_total") == 0
