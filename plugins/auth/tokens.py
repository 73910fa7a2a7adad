"""Signed tokens: JSON Web Tokens (RFC 7519) under HS256, and nothing else."""

import re
from datetime import UTC, datetime
from typing import Any, Literal

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import GuestProtocol, OctKey

from twap.plugins.auth.keyring import Keyring
from twap.ports.account import Claims, TokenPair
from twap.ports.errors import Unauthorized

ALGORITHM = "HS256"
ISSUER = "twap"
AUDIENCE = "twap"
MAX_CHARACTERS = 2048
CLOCK_DIFFERENCE_SECONDS = 60
"""How far ahead the clock of another process that issues tokens may be."""

_REMEMBERED = 2048

_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)

Kind = Literal["access", "refresh"]
_Contents = tuple[Claims, str, int]
"""Claims, kind, and when it was issued, in seconds since 1970."""


class JoseTokens:
    """Access and refresh tokens. The newest key of the ring signs; all of them verify.

    access_seconds, refresh_seconds  how long each kind lives
    """

    def __init__(
        self, keys: Keyring, access_seconds: int = 900, refresh_seconds: int = 30 * 24 * 3600
    ) -> None:
        self._keys = {kid: OctKey.import_key(key) for kid, key in keys.keys.items()}
        self._signing_id = keys.signing_id
        self._lifetimes: dict[Kind, int] = {"access": access_seconds, "refresh": refresh_seconds}
        self._read_before: dict[str, _Contents] = {}

    def issue(self, user_id: str, family: str, refresh_id: str, now: datetime) -> TokenPair:
        return TokenPair(
            # Only a refresh token is ever looked up by its id, so both may carry the same one.
            access_token=self._sign("access", user_id, family, refresh_id, now),
            refresh_token=self._sign("refresh", user_id, family, refresh_id, now),
            expires_in=self._lifetimes["access"],
        )

    def read_access(self, token: str, now: datetime) -> Claims:
        return self._read("access", token, now)

    def read_refresh(self, token: str, now: datetime) -> Claims:
        return self._read("refresh", token, now)

    def _sign(self, kind: Kind, user_id: str, family: str, token_id: str, now: datetime) -> str:
        issued_at = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "iat": issued_at,
            "exp": issued_at + self._lifetimes[kind],
            "jti": token_id,
            "typ": kind,
            "fam": family,
        }
        header = {"alg": ALGORITHM, "kid": self._signing_id}
        return jwt.encode(header, claims, self._keys[self._signing_id], [ALGORITHM])

    def _read(self, wanted: Kind, token: str, now: datetime) -> Claims:
        try:
            claims, kind, issued_at = self._contents(token)
        except BadSignatureError as error:
            raise Unauthorized("token was not signed by this server") from error
        except _UNREADABLE as error:
            raise Unauthorized("token is malformed") from error
        if kind != wanted:
            raise Unauthorized(f"not {'an access' if wanted == 'access' else 'a refresh'} token")
        if claims.expires_at <= now:
            raise Unauthorized("token has expired")
        if issued_at > now.timestamp() + CLOCK_DIFFERENCE_SECONDS:
            raise Unauthorized("token is not valid yet")
        return claims

    def _contents(self, token: str) -> _Contents:
        """A client sends the same token with all its requests: that it is ours is found out once."""
        contents = self._read_before.get(token)
        if contents is None:
            contents = _claims(self._verified(token))
            if len(self._read_before) >= _REMEMBERED:
                self._read_before.clear()
            self._read_before[token] = contents
        return contents

    def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_CHARACTERS or not _COMPACT.fullmatch(token):
            raise ValueError("not three parts of base64url")
        return jwt.decode(token, self._key_of, [ALGORITHM]).claims

    def _key_of(self, token: GuestProtocol) -> OctKey:
        key = self._keys.get(token.headers()["kid"])
        if key is None:
            raise BadSignatureError
        return key


def _claims(payload: dict[str, Any]) -> _Contents:
    """The claims, the token's kind and when it was issued. Raises ValueError for anything not of ours."""
    match payload:
        case {
            "iss": "twap",
            "aud": "twap",
            "sub": str(user_id),
            "iat": int(issued_at),
            "exp": int(expires_at),
            "jti": str(token_id),
            "typ": str(kind),
            "fam": str(family),
        }:
            expiry = datetime.fromtimestamp(expires_at, UTC)
            return Claims(user_id, family, token_id, expiry), kind, issued_at
    raise ValueError("not the claims of a token of this server")
