"""A client's frames on their way in: a flood of them must not keep the event loop from everybody else.

Hypercorn 0.18 takes all frames of a read, some ten thousand empty ones, without a pause, and counts no frame
that has no content: neither the bound on a message's size nor the rate of messages ever sees them.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from hypercorn.protocol.events import Data, Event
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.typing import WebsocketAcceptEvent
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message
from wsproto.events import Event as FrameEvent
from wsproto.frame_protocol import CloseReason

from twap.entrypoints.ws.limits import MessageRate

PIECE_BYTES = 1024
"""So much is read at a time: at most 170 frames, some 2 ms."""
SMALL_BYTES = 64
"""Larger parts of a message are bounded by its size."""
FRAMES_PER_SECOND, FRAMES_AT_ONCE = 50, 500
"""Of small parts of messages, pings and pongs. Whole messages have a rate of their own."""


class BoundedStream(WSStream):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._time = asyncio.get_running_loop().time
        self._rate = MessageRate(FRAMES_PER_SECOND, FRAMES_AT_ONCE, self._time())

    async def handle(self, event: Event) -> None:
        if not isinstance(event, Data) or not self.handshake.accepted:
            await super().handle(event)
            return
        for begin in range(0, len(event.data), PIECE_BYTES):
            if self._rate.exceeded:
                return  # whoever floods is not heard any more, and soon dropped
            await super().handle(Data(event.stream_id, event.data[begin : begin + PIECE_BYTES]))
            if self._rate.exceeded:
                refusal = CloseConnection(code=CloseReason.POLICY_VIOLATION, reason="too many frames")
                await self._send_wsproto_event(refusal)
            await asyncio.sleep(0)

    async def _accept(self, message: WebsocketAcceptEvent) -> None:
        await super()._accept(message)
        connection: Any = self.connection
        taken = connection.events
        connection.events = lambda: self._counted(taken())

    def _counted(self, events: Iterable[FrameEvent]) -> Iterator[FrameEvent]:
        for event in events:
            if not self._is_bounded(event):
                self._rate.spend(self._time())
                if self._rate.exceeded:
                    return
            yield event

    def _is_bounded(self, event: FrameEvent) -> bool:
        """By its message's size or the rate of messages, while these are still looked at."""
        if not isinstance(event, Message) or self.connection.state is not ConnectionState.OPEN:
            return False
        return event.message_finished or len(event.data) >= SMALL_BYTES
