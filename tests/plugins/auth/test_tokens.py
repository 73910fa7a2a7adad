import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis.strategies import binary, builds, one_of, sampled_from, text

from tests.fakes.clock import NOON
from twap.plugins.auth.keyring import Keyring
from twap.plugins.auth.tokens import JoseTokens
from twap.ports.errors import Unauthorized

OLD, NEW = b"o" * 32, b"n" * 32
TOKENS = JoseTokens(Keyring({"old": OLD, "new": NEW}), access_seconds=900, refresh_seconds=3600)
PAIR = TOKENS.issue("user", "family", "refresh-1", NOON)
CLAIMS = {
    "iss": "twap",
    "aud": "twap",
    "sub": "user",
    "iat": int(NOON.timestamp()),
    "exp": int(NOON.timestamp()) + 900,
    "jti": "refresh-1",
    "typ": "access",
    "fam": "family",
}
HEADER = {"alg": "HS256", "kid": "new"}


def part(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header, claims, key=NEW, digest=hashlib.sha256):
    body = f"{part(header)}.{part(claims)}"
    return f"{body}.{part(hmac.digest(key, body.encode(), digest))}"


def test_read_when_just_issued_then_its_claims_come_back():
    access = TOKENS.read_access(PAIR.access_token, NOON)
    refresh = TOKENS.read_refresh(PAIR.refresh_token, NOON)
    assert (access.user_id, access.family) == ("user", "family")
    assert (refresh.user_id, refresh.family, refresh.id) == ("user", "family", "refresh-1")
    assert access.expires_at == NOON + timedelta(seconds=900)
    assert refresh.expires_at == NOON + timedelta(seconds=3600)
    assert PAIR.expires_in == 900


def test_read_when_made_by_hand_to_the_standard_then_accepted():
    assert TOKENS.read_access(signed(HEADER, CLAIMS), NOON).user_id == "user"


@pytest.mark.parametrize(
    ("token", "read", "later", "problem"),
    [
        (PAIR.access_token, TOKENS.read_access, 900, "token has expired"),
        (PAIR.refresh_token, TOKENS.read_refresh, 3600, "token has expired"),
        (PAIR.refresh_token, TOKENS.read_access, 0, "not an access token"),
        (PAIR.access_token, TOKENS.read_refresh, 0, "not a refresh token"),
        (PAIR.access_token, TOKENS.read_access, -61, "token is not valid yet"),
    ],
)
def test_read_when_out_of_time_or_of_the_other_kind_then_it_says_so(token, read, later, problem):
    with pytest.raises(Unauthorized, match=problem):
        read(token, NOON + timedelta(seconds=later))


def test_read_when_the_key_was_rotated_then_old_tokens_stay_and_the_newest_key_signs():
    before = JoseTokens(Keyring({"old": OLD})).issue("user", "family", "1", NOON)
    assert TOKENS.read_access(before.access_token, NOON).user_id == "user"
    header = json.loads(base64.urlsafe_b64decode(PAIR.access_token.split(".")[0] + "=="))
    assert (header["alg"], header["kid"]) == ("HS256", "new")


NOT_OURS = {
    "unknown key": signed({"alg": "HS256", "kid": "other"}, CLAIMS),
    "no key id": signed({"alg": "HS256"}, CLAIMS),
    "key id of another type": signed({"alg": "HS256", "kid": ["new"]}, CLAIMS),
    "wrong key": signed(HEADER, CLAIMS, b"x" * 32),
    "key of another id": signed(HEADER, CLAIMS, OLD),
    "alg none": f"{part({'alg': 'none', 'kid': 'new'})}.{part(CLAIMS)}.",
    "alg none, signed": signed({"alg": "none", "kid": "new"}, CLAIMS),
    "another alg": signed({"alg": "HS512", "kid": "new"}, CLAIMS, digest=hashlib.sha512),
    "unknown alg": signed({"alg": "XX", "kid": "new"}, CLAIMS),
    "alg of another type": signed({"alg": 5, "kid": "new"}, CLAIMS),
    "critical extension": signed({**HEADER, "crit": ["b64"], "b64": False}, CLAIMS),
    "other issuer": signed(HEADER, {**CLAIMS, "iss": "else"}),
    "other audience": signed(HEADER, {**CLAIMS, "aud": ["twap", "else"]}),
    "no family": signed(HEADER, {key: CLAIMS[key] for key in CLAIMS if key != "fam"}),
    "expiry as text": signed(HEADER, {**CLAIMS, "exp": "never"}),
    "expiry beyond dates": signed(HEADER, {**CLAIMS, "exp": 10**30}),
    "claims in a list": signed(HEADER, [CLAIMS]),
    "claims no JSON": signed(HEADER, b"\xff"),
    "header no object": signed([], CLAIMS),
    "header nested deeply": signed(b"[" * 1200, {}),
    "huge": signed(HEADER, {**CLAIMS, "sub": "u" * 100_000}),
    "empty": "",
    "only dots": "..",
    "line end": PAIR.access_token + "\n",
    "not ASCII": PAIR.access_token.replace("e", "é"),
    "surrogate": "\ud800.a.b",
}


@pytest.mark.parametrize("token", NOT_OURS.values(), ids=NOT_OURS)
def test_read_when_not_of_ours_then_unauthorized(token):
    with pytest.raises(Unauthorized, match=r"token is malformed|token was not signed by this server"):
        TOKENS.read_access(token, NOON)


PARTS = one_of(
    sampled_from(PAIR.access_token.split(".")),
    builds(part, binary(max_size=40)),
    builds(part, sampled_from([HEADER, {}, [], None, 1, CLAIMS, {"alg": None}])),
    text(max_size=8),
)


@given(token=one_of(text(), builds(lambda *parts: ".".join(parts), PARTS, PARTS, PARTS)))
def test_read_when_any_text_at_all_then_the_claims_or_unauthorized(token):
    try:
        user = TOKENS.read_access(token, NOON).user_id
    except Unauthorized:
        user = None
    assert user == ("user" if token == PAIR.access_token else None)
