"""Accounts and tokens."""

from quart import Quart, Response, request

from twap.entrypoints.http import answers, requests, wire
from twap.entrypoints.http.auth import caller
from twap.entrypoints.http.proxies import client_address
from twap.entrypoints.http.requests import Credentials, RefreshRequest
from twap.entrypoints.services import Services
from twap.ports.account import TokenPair


class AccountRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services

    def install(self, app: Quart) -> None:
        app.add_url_rule("/register", "register", self.register, methods=["POST"])
        app.add_url_rule("/login", "login", self.log_in, methods=["POST"])
        app.add_url_rule("/token/refresh", "token_refresh", self.refresh, methods=["POST"])
        app.add_url_rule("/logout", "logout", self.log_out, methods=["POST"])
        app.add_url_rule("/secure", "secure", self.secure, methods=["GET"])
        app.add_url_rule("/unregister", "unregister", self.unregister, methods=["DELETE"])
        app.add_url_rule("/users", "users", self.users, methods=["GET"])

    async def register(self) -> Response:
        asked = await requests.body(Credentials)
        await self._services.register(asked.username, asked.password, self._address())
        return answers.json({"message": "User correctly registered"}, 201)

    async def log_in(self) -> Response:
        asked = await requests.body(Credentials)
        return _pair(await self._services.log_in(asked.username, asked.password, self._address()))

    async def refresh(self) -> Response:
        asked = await requests.body(RefreshRequest)
        return _pair(await self._services.refresh(asked.refresh_token))

    async def log_out(self) -> Response:
        _, claims = await caller(self._services)
        await self._services.log_out(claims)
        return Response(b"", 204)

    async def secure(self) -> Response:
        user, _ = await caller(self._services)
        now = wire.time_text(self._services.clock.now())
        return answers.json({"message": f"Hello {user.name}! This is secure data", "timestamp": now})

    async def unregister(self) -> Response:
        user, _ = await caller(self._services)
        await self._services.unregister(user)
        return answers.json({"message": "User successfully unregistered"})

    async def users(self) -> Response:
        user, _ = await caller(self._services)
        users = await self._services.list_users(user)
        return answers.json({"users": [{"username": each.name, "role": each.role.value} for each in users]})

    def _address(self) -> str:
        return client_address(request, self._services.settings.trusted_proxies)


def _pair(pair: TokenPair) -> Response:
    return answers.json(
        {
            "access_token": pair.access_token,
            "token_type": "bearer",
            "expires_in": pair.expires_in,
            "refresh_token": pair.refresh_token,
        }
    )
