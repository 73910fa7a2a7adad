"""`twap serve`: opens storage and feeds, runs executor, broadcasts and HTTP side by side, stops cleanly."""

import asyncio
import errno
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from quart import Quart

from twap.entrypoints import metrics
from twap.entrypoints.container import Container
from twap.entrypoints.http import protocol
from twap.entrypoints.http.app import create_app
from twap.entrypoints.interpreter import keep_tuned, tune_interpreter
from twap.entrypoints.predecessor import serving
from twap.entrypoints.setting_values import server_url
from twap.entrypoints.settings import Settings
from twap.entrypoints.supervision import Job, supervise
from twap.entrypoints.ws.hub import Hub
from twap.ports.errors import StorageError, WrongSetting

DRAIN_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048
FORGET_TOKENS_EVERY_SECONDS = 3600
Beside = Callable[[Container, asyncio.Event], Awaitable[None]]
"""What runs beside the server; setting the event stops it."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Bound before anything else is started. Raises WrongSetting where that address can't be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise WrongSetting(f"TWAP_HOST: {host!r} is no address or host name of this machine") from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        if error.errno == errno.EADDRNOTAVAIL:
            raise WrongSetting(f"TWAP_HOST: {host!r} is no address of this machine") from error
        raise WrongSetting(
            f"TWAP_PORT: can't listen on {host}:{port}: {reason}; choose another port or end what uses it"
        ) from error
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def opened(container: Container, *, migrate: bool) -> AsyncIterator[None]:
    """Storage and feeds, open for as long as the block runs."""
    storage, feed = container.storage(), container.feed()
    await storage.open(migrate=migrate)
    try:
        await feed.start()
        try:
            yield
        finally:
            await feed.close()
    finally:
        await storage.close()
        container.hasher().close()


def build_app(container: Container, hub: Hub) -> Quart:
    app = create_app(container.services())
    hub.install(app)
    return app


def _hypercorn_config(listener: socket.socket, settings: Settings) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # Hypercorn closes it
    config.backlog = BACKLOG
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.graceful_timeout = DRAIN_SECONDS
    config.shutdown_timeout = DRAIN_SECONDS
    config.websocket_max_message_size = settings.ws_max_message_bytes
    config.h11_max_incomplete_size = 32 * 1024
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    return config


async def run(
    settings: Settings,
    *,
    beside: Beside | None = None,
    container: Container | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. beside: something to run meanwhile; the server goes on when it ends,
    unless it sets the event that it is given.

    Raises WrongSetting where the start is not possible.
    """
    if settings.workers > 1:
        raise WrongSetting(_one_process(settings))
    tune_interpreter()
    asyncio.get_running_loop().set_exception_handler(_report)
    container = container or Container(settings=settings)
    log = structlog.get_logger("twap.program")
    stop = _stop_on_signals()
    with listening_socket(settings.host, settings.port) as listener:
        embedded = settings.database_url.startswith("sqlite")
        async with opened(container, migrate=embedded), _succeeding(container, settings):
            hub = Hub(container.services())
            app = build_app(container, hub)
            http = _HttpEnd()
            operations = metrics.publish(container.services(), container.stats())
            jobs = [
                Job("housekeeping", lambda: _housekeeping(container)),
                Job("interpreter", lambda: _keep_tuned(container)),
                Job("storage probe", operations.probe),
                Job("order feeds", container.order_feeds().run),
                Job("executor", container.executor().run, grace_seconds=2.0),
                Job("broadcast", hub.run),
                Job("http", lambda: _serve_http(app, listener, settings, http)),
            ]
            if beside is not None:
                jobs.append(Job("beside", lambda: _beside(beside, container, stop)))
            log.info(
                "serving",
                url=server_url(settings.host, settings.port),
                exchanges=list(container.feed().exchanges()),
            )
            _warn(container, settings)
            gc.collect()
            gc.freeze()  # what was built by now stays: a full collection need not walk through it again
            await supervise(jobs, stop, before_cancel=lambda: _drain(hub, http))
            log.info("stopped")


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nothing else caught. No word of a cancellation: Python 3.11 asks the task of a connection for its
    exception also where it was cancelled, as those of unfinished requests are at a stop."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


@asynccontextmanager
async def _succeeding(container: Container, settings: Settings) -> AsyncIterator[None]:
    """Orders of a process that was killed go on at once."""
    with serving(settings.database_url, container.owner()) as predecessor:
        if predecessor is not None:
            await container.storage().orders.release(predecessor)
        yield


def _warn(container: Container, settings: Settings) -> None:
    """Of what does not stop the start, and is perhaps not meant."""
    log = structlog.get_logger("twap.program")
    exchanges, failures = container.found()
    for plugin, reason in failures.items():
        log.warning("plugin failed", plugin=plugin, reason=reason)
    enabled = {name.casefold() for name in (*exchanges, *failures)}
    for name in sorted({*settings.endpoints, *settings.fees}):
        if name.casefold() not in enabled:
            log.warning("setting without effect: this exchange is not enabled", exchange=name)


def _one_process(settings: Settings) -> str:
    if settings.database_url.startswith("sqlite"):
        return "TWAP_WORKERS: SQLite (TWAP_DATABASE_URL) has one writer, so only 1 process is possible; set 1"
    return "TWAP_WORKERS: changes of orders are heard inside one process alone, so only 1 is possible; set 1"


async def _beside(job: Beside, container: Container, stop: asyncio.Event) -> None:
    await job(container, stop)
    await asyncio.Event().wait()


class _HttpEnd:
    """asked: Hypercorn shall stop; reached: it has."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.reached = asyncio.Event()


async def _serve_http(app: Quart, listener: socket.socket, settings: Settings, end: _HttpEnd) -> None:
    protocol.use()
    await hypercorn_serve(app, _hypercorn_config(listener, settings), shutdown_trigger=end.asked.wait)
    end.reached.set()
    if end.asked.is_set():
        await asyncio.Event().wait()  # as a job that was asked to stop, it waits to be cancelled


async def _drain(hub: Hub, http: _HttpEnd) -> None:
    """Sockets are closed before Hypercorn stops: it would wait for them for ever. A request that is being
    answered may end; cancelling Hypercorn earlier would break it off."""
    await hub.close(DRAIN_SECONDS)
    http.asked.set()
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS + 1):
            await http.reached.wait()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _keep_tuned(container: Container) -> None:
    executor = container.executor()
    await keep_tuned(
        lambda: executor.status()["orders"], lambda: protocol.Http1.connections, container.clock()
    )


async def _housekeeping(container: Container) -> None:
    clock, tokens = container.clock(), container.storage().tokens
    log = structlog.get_logger("twap.program")
    while True:
        try:
            await tokens.forget_expired(clock.now())
        except StorageError as error:
            log.warning("housekeeping_failed", reason=str(error))
        await clock.sleep(FORGET_TOKENS_EVERY_SECONDS)
