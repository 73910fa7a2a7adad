"""Password hashing and tokens that cost nothing."""

import json
from datetime import UTC, datetime, timedelta

from twap.ports.account import Claims, TokenPair
from twap.ports.errors import Unauthorized


class PlainHasher:
    """`verified` records what each password was held against: None where there was no such user.

    failure  raised by every call, where set
    """

    def __init__(self):
        self.verified = []
        self.failure = None

    async def hash(self, password):
        if self.failure:
            raise self.failure
        return f"plain:{password}"

    async def verify(self, password, hashed):
        if self.failure:
            raise self.failure
        self.verified.append(hashed)
        return hashed == f"plain:{password}"


class PlainTokens:
    """Tokens that are readable JSON and not signed."""

    def __init__(self, access_seconds=900, refresh_seconds=3600):
        self.seconds = {"access": access_seconds, "refresh": refresh_seconds}

    def issue(self, user_id, family, refresh_id, now):
        access, refresh = (
            json.dumps([kind, user_id, family, refresh_id, now.timestamp() + seconds])
            for kind, seconds in self.seconds.items()
        )
        return TokenPair(access, refresh, self.seconds["access"])

    def read_access(self, token, now):
        return self._read("access", token, now)

    def read_refresh(self, token, now):
        return self._read("refresh", token, now)

    def _read(self, wanted, token, now):
        try:
            kind, user_id, family, token_id, expires_at = json.loads(token)
        except ValueError as error:
            raise Unauthorized("token is malformed") from error
        if kind != wanted:
            raise Unauthorized(f"not a token of the kind {wanted}")
        if now.timestamp() >= expires_at:
            raise Unauthorized("token has expired")
        expiry = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=expires_at)
        return Claims(user_id, family, token_id, expiry)
