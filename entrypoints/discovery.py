"""Finds the installed exchange plugins; one that is broken takes nobody else down."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from twap.ports import hooks
from twap.ports.errors import WrongSetting
from twap.ports.exchange import BookRules, Endpoints, Exchange, Limits

SIMULATED = "simulated"
OWN_DISTRIBUTION = "twap-trading-api"
VALUE_TYPES = {
    "name": str,
    "endpoints": Endpoints,
    "rules": BookRules,
    "limits": Limits,
    "taker_fee": Decimal,
    "candles_per_request": int,
}

_NAME = re.compile(r"\w[\w .-]{0,31}", re.ASCII)
_FOLDERS = re.compile(r"""(?<=['"])/[^'"]*/(?=[^'"/]*['"])|(?<![\w:/.'"])/(?:[^\s/'"]+/)+""")
"""Of a file that a text names, quoted or not; the slashes of a URL are none."""


class NoExchange(Exception):
    """Why a plugin gives no exchange."""


def discover(
    enabled: Sequence[str] | None,
    plugins: Iterable[EntryPoint] | None = None,
    named: Mapping[str, Iterable[str]] | None = None,
) -> tuple[dict[str, Exchange], dict[str, str]]:
    """The enabled exchanges by name, sorted; and by plugin name, the reasons of those that failed.

    enabled  in any case; None: all that are installed, but the simulated one
    plugins  entry points; None: those of the group `twap.exchanges`
    named    what other settings name, by variable: enabled or not, as long as it is installed

    Where two plugins give the same name, the first-party one wins, then the first by name. Raises
    WrongSetting for a name, enabled or in `named`, that no plugin has.
    """
    found: dict[str, Exchange] = {}
    failures: dict[str, str] = {}
    installed = entry_points(group=hooks.ENTRY_POINT_GROUP) if plugins is None else plugins
    for plugin in sorted(installed, key=_precedence):
        try:
            exchange = load(plugin)
            if exchange.name.casefold() in map(str.casefold, found):
                raise NoExchange(f"another plugin gives {exchange.name} already")
            found[exchange.name] = exchange
        # A plugin may raise anything; the others must go on.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            failures[_free_name(plugin.name, failures)] = reason_of(error)
    for variable, names in {"TWAP_EXCHANGES": enabled or (), **(named or {})}.items():
        _check_known(variable, names, found, failures)
    return _chosen(found, failures, enabled)


def load(plugin: EntryPoint) -> Exchange:
    """The exchange of one plugin. Raises NoExchange, or whatever the plugin raises."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(plugin.load(), name=plugin.name)
    manager.check_pending()
    given = manager.hook.twap_exchange()
    if not given:
        raise NoExchange("it has no @hookimpl function twap_exchange, or that returns None")
    return checked(given[0])


def checked(exchange: Any) -> Exchange:
    """The same object, if it has the members of `twap.ports.exchange.Exchange`. Raises NoExchange."""
    for member, specified in vars(Exchange).items():
        if member.startswith("_"):
            continue
        value = getattr(exchange, member)
        wanted = VALUE_TYPES.get(member)
        if wanted is not None and not isinstance(value, wanted):
            raise NoExchange(f"{member} is a {type(value).__name__}, not a {wanted.__name__}")
        if not isinstance(specified, property) and not callable(value):
            raise NoExchange(f"{member} can't be called")
    if not _NAME.fullmatch(exchange.name):
        raise NoExchange(f"the name {exchange.name!r} is not of letters, digits, spaces, '.', '_', '-'")
    sound: Exchange = exchange
    return sound


def reason_of(error: BaseException) -> str:
    """One line for whoever looks at the exchange's state; where files lie on this machine is left out."""
    text = _FOLDERS.sub("", " ".join(str(error).split()))[:300]
    return text if isinstance(error, NoExchange) else f"{type(error).__name__}: {text}"


def _check_known(
    variable: str, names: Iterable[str], found: Iterable[str], failures: Mapping[str, str]
) -> None:
    known = {name.casefold() for name in (*found, *failures)}
    for name in names:
        if name.casefold() not in known:
            installed = ", ".join(sorted(found)) or "none"
            broken = "".join(f"; {plugin} failed: {reason}" for plugin, reason in failures.items())
            raise WrongSetting(f"{variable}: no plugin gives {name[:80]!a}; installed: {installed}{broken}")


def _chosen(
    found: dict[str, Exchange], failures: dict[str, str], enabled: Sequence[str] | None
) -> tuple[dict[str, Exchange], dict[str, str]]:
    by_key = {name.casefold(): name for name in sorted(found)}
    if enabled is None:
        wanted = {key for key in by_key if key != SIMULATED}
        return {by_key[key]: found[by_key[key]] for key in by_key if key in wanted}, failures
    wanted = {name.casefold() for name in enabled}
    return (
        {name: found[name] for key, name in by_key.items() if key in wanted},
        {name: reason for name, reason in failures.items() if name.casefold() in wanted},
    )


def _precedence(plugin: EntryPoint) -> tuple[bool, str, str]:
    foreign = plugin.dist is None or plugin.dist.name != OWN_DISTRIBUTION
    return foreign, plugin.name, plugin.value


def _free_name(name: str, taken: dict[str, str]) -> str:
    """The name, with a number behind it where two failed plugins share it."""
    numbered = (f"{name} ({number})" for number in range(2, len(taken) + 3))
    return next((free for free in (name, *numbered) if free not in taken), name)
