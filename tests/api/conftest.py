"""The app in process, made of fakes."""

import json
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.fakes.services import make_services
from twap.domain import accounts
from twap.entrypoints.http.app import create_app
from twap.ports.account import Role

PASSWORD = "correct horse"
ORDER = {
    "symbol": "BTCUSDT",
    "side": "buy",
    "total_quantity": 0.5,
    "limit_price": 101000.5,
    "duration_seconds": 10,
    "exchanges": ["Binance"],
}


def exact(text):
    """JSON with its numbers as exact decimals."""
    return json.loads(text, parse_float=Decimal)


@dataclass
class Api:
    """A program and a client of its app."""

    services: object
    client: object

    async def sign_in(self, name="alice"):
        """Registers, logs in, and returns the headers that carry the token."""
        pair = await self.tokens(name)
        return {"Authorization": f"Bearer {pair['access_token']}"}

    async def tokens(self, name="alice"):
        credentials = {"username": name, "password": PASSWORD}
        await self.client.post("/register", json=credentials)
        return await (await self.client.post("/login", json=credentials)).get_json()

    async def sign_in_admin(self, name="admin"):
        """Admins are made on the command line, never over HTTP."""
        services = self.services
        await accounts.register(
            name,
            PASSWORD,
            role=Role.ADMIN,
            users=services.storage.users,
            hasher=services.hasher,
            clock=services.clock,
            ids=services.ids,
        )
        return await self.sign_in(name)

    async def submit(self, headers, **changes):
        response = await self.client.post("/orders/twap", headers=headers, json={**ORDER, **changes})
        assert response.status_code == 200, await response.get_data()
        return (await response.get_json())["order_id"]

    async def order(self, order_id, headers):
        response = await self.client.get(f"/orders/{order_id}", headers=headers)
        assert response.status_code == 200, await response.get_data()
        return exact(await response.get_data())


def make_api(**replacements):
    services = make_services(**replacements)
    return Api(services, create_app(services).test_client())


@pytest.fixture
def api():
    return make_api()


async def problem(response, status):
    """The problem of an answer that must have this status and the form of RFC 9457."""
    text = await response.get_data(as_text=True)
    assert response.status_code == status, text
    assert response.content_type == "application/problem+json"
    told = json.loads(text)
    assert {"type", "title", "status", "detail"} <= told.keys()
    assert told["status"] == status
    return told
