"""The hook that an exchange plugin implements. The one file of this room that imports a third party.

A plugin is a distribution with an entry point in the group `twap.exchanges` that names a module (or object)
with this function:

    from twap.ports.hooks import hookimpl

    @hookimpl
    def twap_exchange():
        return Acme()          # implements twap.ports.exchange.Exchange

See `twap.ports.exchange` for what the object must do, and `twap.ports.events` for what its codec reports.
`twap plugin new NAME` writes such a distribution, `twap plugin check NAME` puts it through its paces.
"""

import pluggy

from twap.ports.exchange import Exchange

PROJECT = "twap"
ENTRY_POINT_GROUP = "twap.exchanges"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def twap_exchange() -> Exchange:
    """Return this plugin's exchange. Called once, at start; do no I/O.

    If it raises, or returns an object that is no Exchange, this exchange alone is `down`, with the reason.
    """
    raise NotImplementedError
