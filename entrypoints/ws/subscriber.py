"""One client: a task that reads its frames in order, and one that sends it what it is owed."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

import structlog
from quart import Websocket

from twap.entrypoints.http.problems import of_error
from twap.entrypoints.services import Services
from twap.entrypoints.ws import messages
from twap.entrypoints.ws.broadcast import Broadcast, Subscription
from twap.entrypoints.ws.connection import wire_of
from twap.entrypoints.ws.counters import Counters
from twap.entrypoints.ws.limits import MessageRate
from twap.entrypoints.ws.orders import RECHECK_SECONDS, Inbox, OrderStreams
from twap.entrypoints.ws.subscriptions import Subscriptions
from twap.ports.errors import StorageError, TwapError, Unauthorized

FIRST_UPDATE_SECONDS = 0.22
"""After the confirmation; the contract's 200 ms and a little for clients that measure them."""
STALLED_SECONDS = 10.0
IDLE_SECONDS = 600.0
CLOSING_SECONDS = 3.0
PING_SECONDS = 20.0
"""Without anything sent; keeps proxies from closing, and finds out about clients that vanished."""

NORMAL, GOING_AWAY, UNSUPPORTED, POLICY, TOO_BIG, INTERNAL, TRY_AGAIN = (
    1000,
    1001,
    1003,
    1008,
    1009,
    1011,
    1013,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all clients of a hub have in common."""

    services: Services
    broadcast: Broadcast
    order_streams: OrderStreams
    counters: Counters


class Subscriber:
    """Made by the task that serves it, and gone when that ends, however it ends."""

    def __init__(self, websocket: Websocket, hub: Surroundings) -> None:
        services = hub.services
        settings, now = services.settings, services.clock.monotonic()
        self._websocket, self._hub = websocket, hub
        self._services, self._clock = services, services.clock
        self.wire = wire_of(websocket)
        self.task = cast("asyncio.Task[None]", asyncio.current_task())
        self._subscriptions = Subscriptions(self, services, hub.broadcast)
        self._answers: deque[tuple[str, Subscription | None]] = deque()
        self._ready: deque[Subscription] = deque()
        self._inbox: Inbox | None = None
        self._resting: asyncio.Future[None] | None = None
        self._ending: tuple[int, str] | None = None
        self._abort_at: float | None = None
        self._sending_since: float | None = None
        self._active_at = self._sent_at = now
        # All subscriptions that are allowed may be asked for at once.
        burst = settings.ws_messages_per_second + settings.ws_subscriptions_per_client
        self._rate = MessageRate(settings.ws_messages_per_second, burst, now)

    async def serve(self) -> None:
        """Until the client leaves (this is then cancelled) or is ended."""
        await self._websocket.accept()
        if self.wire.refused:
            return
        self._answer(messages.welcome())
        reader = asyncio.create_task(self._read(), name="client frames")
        reader.add_done_callback(self._reader_done)
        try:
            await self._send_what_is_owed()
            if self._ending is not None:
                await self._websocket.close(*self._ending)
        finally:
            reader.cancel()
            self._leave_orders()
            self._subscriptions.leave_all()

    # -- called by the hub and by streams; none of these waits

    def end(self, code: int, reason: str) -> None:
        """Send the answers that are due, then close."""
        if self._ending is None:
            self._ending = code, reason
            self._abort_at = self._clock.monotonic() + CLOSING_SECONDS
            self.wake()

    def abort(self) -> None:
        """End without a word, whatever the connection is stuck in."""
        self.wire.abort()
        self.task.cancel()

    def ready(self, subscription: Subscription) -> None:
        self._ready.append(subscription)
        self.wake()

    def wake(self) -> None:
        """There may be something to send."""
        if self._resting is not None and not self._resting.done():
            self._resting.set_result(None)

    def review(self, now: float) -> None:
        """Looked at once a second: is the client idle, stalled, or not to be heard any more?"""
        if self._abort_at is not None and now >= self._abort_at:
            self.abort()
        elif self._sending_since is not None and now - self._sending_since >= STALLED_SECONDS:
            self._hub.counters.stalled_ended += 1
            self.abort()
        elif self.wire.broken_off:
            self.end(TOO_BIG, "")
        elif self._is_idle(now):
            self.end(NORMAL, "idle")
        elif self._owes_ping(now) or (self._inbox is not None and now >= self._inbox.check_at):
            self.wake()

    def _is_idle(self, now: float) -> bool:
        return not self._subscriptions and self._inbox is None and now - self._active_at >= IDLE_SECONDS

    def _owes_ping(self, now: float) -> bool:
        return now - self._sent_at >= PING_SECONDS

    # -- sending

    async def _send_what_is_owed(self) -> None:
        while True:
            if self._answers:
                text, subscription = self._answers.popleft()
                await self._send(text)
                if subscription is not None:
                    subscription.due_at = self._clock.monotonic() + FIRST_UPDATE_SECONDS
            elif self._ending is not None:
                return
            elif (inbox := self._inbox) is not None and self._owes_orders(inbox):
                await self._send_orders(inbox)
            elif self._ready:
                update = self._ready.popleft().take()
                if update is not None:
                    await self._sent(self.wire.send_shared(update))
                    self._hub.counters.updates_sent += 1
            elif self._owes_ping(self._clock.monotonic()):
                await self._sent(self.wire.ping())
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Until `wake`. A bare future: an Event would cost as much as the sending."""
        self._resting = asyncio.get_running_loop().create_future()
        try:
            await self._resting
        finally:
            self._resting = None

    async def _send(self, text: str) -> None:
        await self._sent(self.wire.send(text))

    async def _sent(self, sending: Awaitable[None]) -> None:
        self._sending_since = self._sent_at = self._clock.monotonic()
        await sending
        self._sending_since = None

    def _owes_orders(self, inbox: Inbox) -> bool:
        return bool(inbox.updates) or inbox.lost or self._clock.monotonic() >= inbox.check_at

    async def _send_orders(self, inbox: Inbox) -> None:
        if self._clock.monotonic() >= inbox.check_at:
            await self._check_token(inbox)
        elif inbox.lost:
            await self._resync(inbox)
        elif (update := inbox.updates.popleft()) is None:
            await self._check_token(inbox)
        else:
            await self._send(update)
            self._hub.counters.order_updates_sent += 1

    async def _check_token(self, inbox: Inbox) -> None:
        token = inbox.token
        try:
            _, claims = await self._services.authenticate(token)
        except Unauthorized as error:
            if self._inbox is inbox and inbox.token == token:
                self._leave_orders()
                self._active_at = self._clock.monotonic()  # time to come back with a new token
                self._answer(messages.subscribe_orders_expired(str(error)))
        except StorageError as error:
            structlog.get_logger("twap.ws").warning("token can't be checked", reason=str(error))
            inbox.check_at = self._clock.monotonic() + RECHECK_SECONDS
        else:
            inbox.checked(claims, self._clock.now(), self._clock.monotonic())

    async def _resync(self, inbox: Inbox) -> None:
        # Forgotten first: what comes while the state is read may be newer than it, and follows it.
        inbox.forget()
        try:
            state = await self._hub.order_streams.resync(inbox.user.id)
        except StorageError:
            self.end(TRY_AGAIN, "order updates were lost; connect again")
            return
        if self._inbox is inbox:
            await self._send(state)
            self._hub.counters.resyncs += 1

    def _answer(self, text: str, confirms: Subscription | None = None) -> None:
        self._answers.append((text, confirms))
        self.wake()

    # -- reading

    async def _read(self) -> None:
        while self._ending is None:
            # Quart gives None for an empty binary frame.
            frame: str | bytes | None = await self._websocket.receive()
            self._active_at = self._clock.monotonic()
            self._rate.spend(self._active_at)
            if not isinstance(frame, str):
                self.end(UNSUPPORTED, "only text frames are understood")
            elif self._is_oversized(frame):
                self.end(TOO_BIG, "message too big")
            elif self._rate.abused:
                self.end(POLICY, "too many messages")
            elif self._rate.exceeded:
                most = self._services.settings.ws_messages_per_second
                self._answer(
                    messages.error(f"too many messages: at most {most} a second; this one was ignored")
                )
            else:
                await self._follow(frame)

    def _is_oversized(self, frame: str) -> bool:
        most = self._services.settings.ws_max_message_bytes
        return len(frame) > most or (not frame.isascii() and len(frame.encode(errors="replace")) > most)

    def _reader_done(self, reader: asyncio.Task[None]) -> None:
        if not reader.cancelled() and (error := reader.exception()) is not None:
            structlog.get_logger("twap.ws").error("client handler crashed", exc_info=error)
            self.end(INTERNAL, "something went wrong inside the server")

    async def _follow(self, frame: str) -> None:
        try:
            action = messages.parse(frame)
        except messages.Mistake as mistake:
            self._answer(mistake.answer)
            return
        match action:
            case messages.Subscribe():
                self._answer(*await self._subscriptions.subscribe(action))
            case messages.Unsubscribe():
                self._answer(self._subscriptions.unsubscribe(action))
            case messages.SubscribeOrders(token=token):
                await self._subscribe_orders(token)
            case messages.Ping():
                self._answer(messages.pong())

    async def _subscribe_orders(self, token: str) -> None:
        """Also with a fresh token, before the old one expires, and with another user's."""
        try:
            user, claims = await self._services.authenticate(token)
        except TwapError as error:
            self._answer(messages.subscribe_orders_failure(of_error(error).detail))
            return
        inbox = self._inbox
        if inbox is None or inbox.user.id != user.id:
            self._leave_orders()
            inbox = self._inbox = Inbox(self.wake, user, token)
            self._hub.order_streams.join(inbox)
        inbox.token = token
        inbox.checked(claims, self._clock.now(), self._clock.monotonic())
        self._answer(messages.subscribe_orders_success(user.name))

    def _leave_orders(self) -> None:
        if self._inbox is not None:
            self._hub.order_streams.leave(self._inbox)
            self._inbox = None
