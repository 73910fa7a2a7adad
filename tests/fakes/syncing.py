"""A book kept true, with what its exchange says."""

from decimal import Decimal as D

from twap.domain.book import PriceTexts
from twap.domain.synchroniser import Synchroniser
from twap.ports.events import Delta, Snapshot
from twap.ports.exchange import BookRules
from twap.ports.feed import Pulse
from twap.ports.market import Instrument

LOT = D("0.01")
INSTRUMENT = Instrument("Acme", "BTCUSDT", "BTC-USDT", "BTC", "USDT", LOT, LOT)
BY_REST = BookRules(snapshot_by_rest=True, contiguous=True, drops_old=True)
CHAINED = BookRules(contiguous=True)
BIDS, ASKS = [("99", "1")], [("101", "1")]


class Cures(list):
    def __call__(self, cause, reason):
        self.append(cause)


def make(rules=BY_REST, connected=True):
    cures = Cures()
    sync = Synchroniser(INSTRUMENT, rules, PriceTexts(), cures)
    if connected:
        sync.connected(Pulse(0.0))
    return sync, cures


def snapshot(sequence, bids=BIDS, asks=ASKS, checksum=None):
    return Snapshot("BTC-USDT", bids, asks, sequence, 1_700_000_000_000, checksum)


def delta(first, last, bids=(), asks=(), checksum=None):
    return Delta("BTC-USDT", first, last, bids, asks, 1_700_000_000_500, checksum)


def state(sync, now=0.0):
    return sync.state(now, 5.0)
