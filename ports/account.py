"""Values of an account."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """name: as registered; key: the form under which no two may be equal (NFKC, case-folded)."""

    id: str
    name: str
    key: str
    password_hash: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TokenPair:
    """expires_in: seconds that the access token lives."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says. family: all tokens that descend from one login. id: of this token."""

    user_id: str
    family: str
    id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """One login. refresh_id: the one refresh token that is not spent; revoked families are kept until
    `expires_at`, so that the reuse of a spent token is noticed."""

    id: str
    user_id: str
    refresh_id: str
    expires_at: datetime
    revoked: bool = False
