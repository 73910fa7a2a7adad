"""What tests of Coinbase share."""


def product(**changes):
    entry = {
        "product_id": "BTC-USD",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "quote_min_size": "1",
        "base_min_size": "0.00000001",
        "is_disabled": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": "USD",
        "base_currency_id": "BTC",
        "alias": "",
        "alias_to": ["BTC-USDC"],
        "view_only": False,
        "price_increment": "0.01",
    }
    return {**entry, **changes}
