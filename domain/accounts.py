"""Accounts: who may come in, and for how long."""

import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from twap.domain.throttle import RateLimit, Throttle, network_of
from twap.domain.usernames import checked_username, username_key
from twap.ports.account import Claims, Role, TokenFamily, TokenPair, User
from twap.ports.auth import PasswordHasher, Tokens
from twap.ports.bus import EventBus, LoginsEnded
from twap.ports.clock import Clock
from twap.ports.errors import (
    Forbidden,
    InvalidField,
    Unauthorized,
    UsernameTaken,
    WrongCredentials,
)
from twap.ports.ids import Ids
from twap.ports.store import TokenStore, UserStore

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 128
MAX_KEY_CHARACTERS = 200
"""Of what is remembered of a failed login; a name can be as long as a request."""


async def register(
    username: str,
    password: str,
    *,
    role: Role = Role.USER,
    users: UserStore,
    hasher: PasswordHasher,
    clock: Clock,
    ids: Ids,
    registrations: RateLimit | None = None,
    address: str = "",
) -> User:
    """Store and return a new user. Raises InvalidField, UsernameTaken, Throttled.

    registrations  how many an address may ask for; None: any number
    """
    name = checked_username(username)
    check_password(password)
    if registrations is not None:
        registrations.admit(network_of(address), clock.monotonic())
    key = username_key(name)
    if await users.by_key(key) is not None:
        raise UsernameTaken
    user = User(ids.new(), name, key, await hasher.hash(password), role, clock.now())
    await users.add(user)
    return user


async def log_in(
    username: str,
    password: str,
    *,
    address: str,
    users: UserStore,
    token_store: TokenStore,
    hasher: PasswordHasher,
    tokens: Tokens,
    clock: Clock,
    ids: Ids,
    throttle: Throttle,
) -> TokenPair:
    """Begin a token family. Raises Throttled, or WrongCredentials: the same, after the same work, for a
    wrong name and a wrong password.

    address  where the request comes from
    """
    with _attempt(throttle, username_key(username), address, clock):
        user = await _by_name(username, users)
        right = await hasher.verify(password, user.password_hash if user else None)
        # Read anew: the account may have been deleted, or its password changed, while that took its time.
        if user is None or not right or await users.get(user.id) != user:
            raise WrongCredentials
    now, family, refresh_id = clock.now(), ids.new(), ids.new()
    pair = tokens.issue(user.id, family, refresh_id, now)
    expires_at = tokens.read_refresh(pair.refresh_token, now).expires_at
    await token_store.add(TokenFamily(family, user.id, refresh_id, expires_at))
    return pair


async def refresh(
    refresh_token: str,
    *,
    users: UserStore,
    token_store: TokenStore,
    tokens: Tokens,
    clock: Clock,
    bus: EventBus,
    ids: Ids,
) -> TokenPair:
    """Spend a refresh token for a new pair. Raises Unauthorized; the reuse of a spent one, which means that
    somebody has a copy, revokes all tokens of that login."""
    now = clock.now()
    claims = tokens.read_refresh(refresh_token, now)
    if await users.get(claims.user_id) is None:
        raise Unauthorized("token has been revoked")
    refresh_id = ids.new()
    pair = tokens.issue(claims.user_id, claims.family, refresh_id, now)
    expires_at = tokens.read_refresh(pair.refresh_token, now).expires_at
    if not await token_store.rotate(claims.family, claims.id, refresh_id, expires_at):
        bus.publish(LoginsEnded(claims.user_id))
        raise Unauthorized("refresh token was used before or has been revoked; log in again")
    return pair


async def authenticate(
    access_token: str, *, users: UserStore, token_store: TokenStore, tokens: Tokens, clock: Clock
) -> tuple[User, Claims]:
    """Whose token it is. Raises Unauthorized, at once also after a logout or the user's deletion."""
    claims = tokens.read_access(access_token, clock.now())
    family = await token_store.get(claims.family)
    if family is None or family.revoked or family.user_id != claims.user_id:
        raise Unauthorized("token has been revoked")
    user = await users.get(claims.user_id)
    if user is None:
        raise Unauthorized("token has been revoked")
    return user, claims


async def log_out(claims: Claims, *, token_store: TokenStore, bus: EventBus) -> None:
    """End the login that a token descends from, with all its tokens."""
    await token_store.revoke(claims.family)
    bus.publish(LoginsEnded(claims.user_id))


async def set_password(
    user: User,
    new: str,
    *,
    users: UserStore,
    token_store: TokenStore,
    hasher: PasswordHasher,
    bus: EventBus,
) -> None:
    """Replace the password and end every login of the user. Raises InvalidField."""
    check_password(new)
    await users.set_password(user.id, await hasher.hash(new))
    await token_store.revoke_user(user.id)
    bus.publish(LoginsEnded(user.id))


async def unregister(
    user: User, *, users: UserStore, bus: EventBus, cancel_orders: Callable[[str], Awaitable[None]]
) -> None:
    """Cancel the user's running orders, then delete the account; its tokens are dead at once. Raises
    Forbidden for an admin.

    cancel_orders  cancels all that run, by user id
    """
    if user.role is Role.ADMIN:
        raise Forbidden("an admin can't be unregistered")
    await cancel_orders(user.id)
    await users.delete(user.id)
    bus.publish(LoginsEnded(user.id))
    await cancel_orders(user.id)  # those submitted between the two


async def list_users(caller: User, *, users: UserStore) -> Sequence[User]:
    """All users, by name. Raises Forbidden unless the caller is an admin."""
    if caller.role is not Role.ADMIN:
        raise Forbidden("only an admin may list the users")
    return await users.all()


def check_password(password: str) -> None:
    """Raises InvalidField, which never repeats any of the password."""
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise InvalidField(
            "password", f"needs {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        raise InvalidField("password", "has control characters")


async def _by_name(username: str, users: UserStore) -> User | None:
    try:
        name = checked_username(username)
    except InvalidField:
        return None  # nobody can be called that
    return await users.by_key(username_key(name))


@contextmanager
def _attempt(throttle: Throttle, key: str, address: str, clock: Clock) -> Iterator[None]:
    """What is inside is an attempt on the account, which fails where it raises WrongCredentials."""
    key = key[:MAX_KEY_CHARACTERS]
    throttle.check(key, address, clock.monotonic())
    try:
        yield
    except WrongCredentials:
        throttle.failed(key, address, clock.monotonic())
        raise
    throttle.succeeded(key, address)
