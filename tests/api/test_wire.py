from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.fakes.orders import make_order
from twap.entrypoints.http import wire
from twap.entrypoints.http.encoded_orders import EncodedOrders
from twap.ports.order import Progress, Side


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("1E-8", "0.00000001"),
        ("1E+3", "1000"),
        ("100.00", "100"),
        ("100", "100"),
        ("0.10", "0.1"),
        ("-0.00", "0"),
        ("-0", "0"),
        ("0E-18", "0"),
        ("-1.50", "-1.5"),
        ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
    ],
)
def test_number_when_written_then_exact_plain_digits(value, written):
    assert wire.encode(wire.number(Decimal(value))).decode() == written


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2025, 2, 1, tzinfo=UTC), "2025-02-01T00:00:00Z"),
        (datetime(2025, 2, 1, 0, 0, 0, 5000, tzinfo=UTC), "2025-02-01T00:00:00.005Z"),
        (datetime(2025, 2, 1, 0, 0, 0, 123456, tzinfo=UTC), "2025-02-01T00:00:00.123456Z"),
        (datetime(2025, 2, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2025-02-01T00:00:00Z"),
        (None, None),
    ],
)
def test_time_when_written_then_utc_with_z(moment, written):
    assert wire.time_text(moment) == written


@pytest.mark.parametrize(
    ("span", "written"),
    [(timedelta(seconds=60), b"60"), (timedelta(milliseconds=2500), b"2.5"), (timedelta(days=1), b"86400")],
)
def test_duration_when_written_then_exact_seconds(span, written):
    assert wire.encode(wire.seconds(span)) == written


@pytest.mark.parametrize(
    ("executed", "notional", "percent", "average"),
    [
        ("0", "0", b"0", b"0"),
        ("0.5", "50317.825", b"33.3333", b"100635.65"),
        ("1.5", "1", b"100", b"0.66666667"),
        ("0.00000075", "0.0000000000000375", b"0", b"0.00000005"),
        ("0.00000225", "0.00000225", b"0.0002", b"1"),
    ],
)
def test_order_when_partly_filled_then_percent_has_4_and_average_8_decimals_half_even(
    executed, notional, percent, average
):
    order = make_order(progress=Progress(executed=Decimal(executed), notional=Decimal(notional)))
    told = wire.order_object(order)
    assert (wire.encode(told["percent_exec"]), wire.encode(told["avg_exec_price"])) == (percent, average)


def test_structure_when_nested_then_every_value_is_ready_to_be_encoded():
    structure = {Side.BUY: [Decimal("1E-8"), (datetime(2025, 2, 1, tzinfo=UTC), None)], "n": {"x": True}}
    encoded = wire.encode(wire.plainly(structure))
    assert encoded == b'{"buy":[0.00000001,["2025-02-01T00:00:00Z",null]],"n":{"x":true}}'


def test_encoded_orders_when_the_revision_is_new_then_encoded_anew():
    encoded, order = EncodedOrders(), make_order(progress=Progress(revision=1))
    first = encoded.one(order)
    assert encoded.one(order) is first
    second = encoded.one(order.advanced(Progress(revision=2, note="waits")))
    assert b'"note":"waits"' in second
    assert encoded.array([order, order]) == b"[" + first + b"," + first + b"]"
