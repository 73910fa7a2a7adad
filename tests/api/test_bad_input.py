"""Whatever comes in, the answer is a problem that names what is wrong and what would be right."""

import json

import pytest

from tests.api.conftest import ORDER, problem


async def refused(api, body, status=422):
    response = await api.client.post("/orders/twap", headers=await api.sign_in(), data=body)
    return await problem(response, status)


def written(field, value):
    """The order as JSON text, with this field as it is written here."""
    fields = {name: json.dumps(each) for name, each in ORDER.items()} | {field: value}
    return "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("symbol", "5", "string"),
        ("symbol", '""', "at least 1"),
        ("side", '"hold"', "'buy' or 'sell'"),
        ("side", "true", "'buy' or 'sell'"),
        ("total_quantity", "0", "greater than 0"),
        ("total_quantity", "-1", "greater than 0"),
        ("total_quantity", "true", "must be a number"),
        ("total_quantity", "null", "must be a number"),
        ("total_quantity", '"NaN"', "not a decimal number"),
        ("total_quantity", '"Infinity"', "not a decimal number"),
        ("total_quantity", '"0x10"', "not a decimal number"),
        ("total_quantity", '"\u0661"', "not a decimal number"),
        ("total_quantity", '" 1"', "not a decimal number"),
        ("total_quantity", '"1_000"', "not a decimal number"),
        ("total_quantity", "1e400", "too large"),
        ("total_quantity", "1e-400", "too large or too small"),
        ("total_quantity", "1e999999999", "not a decimal number"),
        ("total_quantity", "1" * 40, "too large"),
        ("total_quantity", "1" * 5000, "not a decimal number"),
        ("total_quantity", "0.1234567890123456789012", "too many decimal places"),
        ("total_quantity", "0.000000000001", "nearest valid value is 0.00001"),
        ("total_quantity", "0.123456", "nearest valid value is 0.12346"),
        ("limit_price", "100.001", "nearest valid value is 100"),
        ("limit_price", "0", "greater than 0"),
        ("limit_price", "[1]", "must be a number"),
        ("duration_seconds", "0", "greater than or equal to 1"),
        ("duration_seconds", "86401", "less than or equal to 86400"),
        ("duration_seconds", "1.0001", "whole milliseconds"),
        ("exchanges", "[]", "at least 1 item"),
        ("exchanges", '"Binance"', "list"),
        ("exchanges", '["Binance", "BINANCE"]', "twice"),
        ("exchanges", "[1]", "string"),
        ("slice_interval_seconds", "0.05", "greater than or equal to 0.1"),
        ("slice_interval_seconds", "11", "longer than duration_seconds"),
        ("start_at", '"0001-01-01"', "0001-01-01T00:00:00Z is in the past"),
        ("client_order_id", '""', "1 to 64 printable ASCII"),
        ("client_order_id", '"\u00e9"', "1 to 64 printable ASCII"),
        ("client_order_id", f'"{"x" * 65}"', "1 to 64 printable ASCII"),
        ("client_order_id", '"a\\n"', "1 to 64 printable ASCII"),
        ("start_at", '"2025-01-31T12:00:00"', "in the past"),
        ("start_at", '"2025-03-01T12:00:00Z"', "at most 7 days ahead"),
        ("start_at", '"tomorrow"', "ISO 8601"),
        ("start_at", "1738368000", "ISO 8601"),
        ("start_at", '"0001-01-01T00:00:00+23:59"', "no time that exists"),
        ("randomize", "[]", "must be a JSON object"),
        ("", "1", "is not known here; the fields are: symbol, side"),
        ("randomize", '{"size": 0.6}', "less than or equal to 0.5"),
        ("randomize", '{"time": -0.1}', "greater than or equal to 0"),
        ("randomize", '{"seed": 1.5}', "integer"),
        ("randomize", '{"seed": -1}', "greater than or equal to 0"),
        ("randomize", '{"sise": 0.1}', "is not known here; the fields are: size, time, seed"),
        ("max_participation", "0", "greater than 0"),
        ("max_participation", "1.01", "less than or equal to 1"),
        ("catch_up", "0.5", "greater than or equal to 1"),
        ("latency_ms", "5001", "less than or equal to 5000"),
        ("latency_ms", "1.5", "integer"),
        ("fees", '"maybe"', "'include' or 'ignore'"),
        ("limit_pirce", "1", "is not known here; the fields are: symbol, side"),
    ],
)
async def test_order_when_a_field_is_wrong_then_422_naming_it(api, field, value, said):
    told = await refused(api, written(field, value))
    assert told["errors"][0]["field"].split(".")[0] == field
    assert said in told["errors"][0]["problem"]
    assert not any(word in told["detail"] for word in ("Request", "validation", "Decimal("))


async def test_order_when_fields_are_missing_then_422_naming_all(api):
    told = await refused(api, "{}")
    assert {each["field"] for each in told["errors"]} == ORDER.keys()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("exchanges", '["Nasdaq"]', "Binance, Kucoin"),
        ("symbol", '"NOSUCH"', "GET /Binance/symbols"),
        ("symbol", '"\\u0000"', "no tradable symbol"),
    ],
)
async def test_order_when_exchange_or_symbol_is_unknown_then_404_saying_where_to_look(
    api, field, value, said
):
    assert said in (await refused(api, written(field, value), 404))["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"symbol=BTCUSDT", "not JSON"),
        (b'{"symbol": }', "not JSON"),
        (b'{"total_quantity": NaN}', "NaN is not a number"),
        (b'{"total_quantity": -Infinity}', "-Infinity is not a number"),
        (b'{"symbol": "A\n"}', "not JSON: Invalid control character at character 13"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 30_000, "nested too deeply"),
        (b'{"a":' * 10_000, "nested too deeply"),
        (b'{"symbol": "A", "symbol": "B"}', "names 'symbol' twice"),
        (b'{"symbol": "\\ud800"}', "lone surrogate"),
        (b'{"\\ud800": 1}', "lone surrogate"),
    ],
)
async def test_order_when_body_is_no_json_then_400_saying_why(api, body, said):
    assert said in (await refused(api, body, 400))["detail"]


async def test_order_when_its_interval_is_too_long_then_the_field_is_named_once(api):
    told = await refused(api, written("slice_interval_seconds", "11"))
    assert told["detail"] == "slice_interval_seconds: is longer than duration_seconds"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
async def test_order_when_body_is_no_object_then_422(api, body):
    assert (await refused(api, body))["errors"] == [{"field": "body", "problem": "must be a JSON object"}]


async def test_order_when_it_has_thousands_of_unknown_fields_then_answer_stays_small(api):
    response = await api.client.post(
        "/orders/twap", headers=await api.sign_in(), json={f"field{n}": n for n in range(3000)}
    )
    assert len((await problem(response, 422))["errors"]) == 20


@pytest.mark.parametrize("path", ["/login", "/register", "/token/refresh", "/orders/twap"])
async def test_body_when_too_large_then_413(api, path):
    response = await api.client.post(path, headers=await api.sign_in(), data=b"x" * 70_000)
    assert "at most 65536 bytes" in (await problem(response, 413))["detail"]
