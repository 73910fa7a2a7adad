"""What a subscriber of a limited depth knows of a book, and what tells it of a change."""


def view(book, depth):
    """Bids and asks as dicts of the best `depth` levels: price to (price text, quantity text)."""
    bids = {price: book.bids[price] for price in sorted(book.bids, reverse=True)[:depth]}
    asks = {price: book.asks[price] for price in sorted(book.asks)[:depth]}
    return bids, asks


def differences(old, new, book=None):
    """Levels that take the view `old` to `new`, a list a side; quantity "0" deletes.

    book  the whole book, where the subscriber cuts its book to the depth by itself: levels that were
          pushed out of the view, and still exist, are then not deleted
    """
    found = []
    for index, (before, after) in enumerate(zip(old, new, strict=True)):
        whole = (book.bids, book.asks)[index] if book else {}
        changed = [list(level) for price, level in after.items() if before.get(price) != level]
        gone = [
            [level[0], "0"] for price, level in before.items() if price not in after and price not in whole
        ]
        found.append(gone + changed)
    return found


def levels(a_view):
    """Both sides of a view as lists of [price, quantity]."""
    return [[list(level) for level in side.values()] for side in a_view]
