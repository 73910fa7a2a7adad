"""What tests of Kucoin share."""

from tests.plugins.exchanges.mutations import encode


def answer(data, code="200000", **more):
    return encode({"code": code, "data": data, **more})
