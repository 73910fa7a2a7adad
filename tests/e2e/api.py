"""A plain client of the contract: aiohttp alone, and numbers with their exact digits."""

import asyncio
import contextlib
import json
from decimal import Decimal

import aiohttp

PASSWORD = "correct horse battery 9"


def exact(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


class Api:
    def __init__(self, http, url):
        self.http, self.url, self.token = http, url, None

    async def call(self, method, path, body=None, status=200):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else json.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        async with self.http.request(method, self.url + path, data=data, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == status, f"{method} {path}: {answer.status} {text}"
            return exact(text)

    async def join(self, name="ada"):
        """Register and log in."""
        account = {"username": name, "password": PASSWORD}
        await self.call("POST", "/register", account, status=201)
        self.token = (await self.call("POST", "/login", account))["access_token"]

    async def submit(self, **ticket):
        return (await self.call("POST", "/orders/twap", ticket))["order_id"]

    async def order(self, order_id):
        return await self.call("GET", f"/orders/{order_id}")

    async def explain(self, order_id, number):
        return await self.call("GET", f"/orders/{order_id}/explain?slice={number}")

    async def feed(self, exchange="Binance"):
        return (await self.call("GET", "/exchanges/status"))["exchanges"][exchange]

    @contextlib.asynccontextmanager
    async def live(self):
        """A connection to /ws, welcomed."""
        async with self.http.ws_connect(self.url.replace("http", "ws") + "/ws", max_msg_size=2**24) as socket:
            live = Live(socket)
            reader = asyncio.create_task(live.read())
            try:
                await live.first("welcome")
                yield live
            finally:
                reader.cancel()


class Live:
    """All that the server has said on one connection, in order. code: of its close, once it is closed."""

    def __init__(self, socket):
        self.socket = socket
        self.messages = []
        self.code = None
        self._news = asyncio.Condition()

    async def read(self):
        async for frame in self.socket:
            assert frame.type == aiohttp.WSMsgType.TEXT
            async with self._news:
                self.messages.append(exact(frame.data))
                self._news.notify_all()
        async with self._news:
            self.code = self.socket.close_code
            self._news.notify_all()

    async def send(self, **message):
        await self.socket.send_str(json.dumps(message))

    def all(self, kind):
        return [message for message in self.messages if message.get("type") == kind]

    async def first(self, kind, fits=lambda _: True, seconds=10):
        """The first message of that type, so far or from now on, that fits."""

        def found():
            return next((message for message in self.all(kind) if fits(message)), None)

        await self._wait(lambda: found() or self.code is not None, seconds, f"{kind} on /ws")
        message = found()
        assert message, f"closed with {self.code} before any {kind}; said: {self.messages[-2:]}"
        return message

    async def closed(self, seconds=10):
        await self._wait(lambda: self.code is not None, seconds, "the close of /ws")
        return self.code

    async def subscribe(self, symbol, exchanges, depth=10):
        await self.send(action="subscribe", symbol=symbol, exchanges=exchanges, depth=depth)
        await self.first("subscribe_success", lambda message: message["symbol"] == symbol)

    async def follow_orders(self, token):
        await self.send(action="subscribe_orders", token=token)
        await self.first("subscribe_orders_success")

    def executions(self):
        """All that order updates told, by id; none twice."""
        told = [each for update in self.all("order_update") for each in update["executions"]]
        assert len({each["id"] for each in told}) == len(told), "an execution was told twice"
        return {each["id"]: each for each in told}

    async def _wait(self, condition, seconds, what):
        async def news():
            async with self._news:
                await self._news.wait_for(condition)

        try:
            await asyncio.wait_for(news(), seconds)
        except TimeoutError:
            said = [message.get("type") for message in self.messages[-5:]]
            raise AssertionError(f"not within {seconds} s: {what}; last said: {said}") from None
