import pytest

from tests.api.conftest import PASSWORD, make_api, problem
from tests.fakes.auth import PlainHasher
from twap.domain.throttle import RateLimit, Throttle
from twap.entrypoints.settings import Settings
from twap.ports.errors import Throttled

ALICE = {"username": "alice", "password": PASSWORD}


async def test_register_when_name_is_free_then_201(api):
    response = await api.client.post("/register", json=ALICE)
    assert response.status_code == 201
    assert await response.get_json() == {"message": "User correctly registered"}


@pytest.mark.parametrize("name", ["alice", "ALICE"])
async def test_register_when_name_is_taken_then_400(api, name):
    await api.client.post("/register", json=ALICE)
    told = await problem(await api.client.post("/register", json={**ALICE, "username": name}), 400)
    assert told["detail"] == "Username already exists"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "a"}, "username"),
        ({"username": 5}, "username"),
        ({"username": "a b"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": None}, "password"),
        ({"role": "admin"}, "role"),
    ],
)
async def test_register_when_field_is_wrong_then_422_without_repeating_it(api, changes, field):
    response = await api.client.post("/register", json={**ALICE, **changes})
    told = await problem(response, 422)
    assert [each["field"] for each in told["errors"]] == [field]
    assert PASSWORD not in str(told)
    assert "short" not in str(told)


async def test_register_when_too_many_come_from_an_address_then_429():
    api = make_api(registrations=RateLimit(1, 3600))
    await api.client.post("/register", json=ALICE)
    response = await api.client.post("/register", json={**ALICE, "username": "bob"})
    await problem(response, 429)
    assert int(response.headers["Retry-After"]) > 0


async def test_login_when_credentials_are_right_then_a_pair_that_works(api):
    pair = await api.tokens()
    assert pair.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 900)
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    response = await api.client.get("/secure", headers=headers)
    assert await response.get_json() == {
        "message": "Hello alice! This is secure data",
        "timestamp": "2025-02-01T12:00:00Z",
    }


async def test_login_when_name_or_password_is_wrong_then_the_same_401(api):
    await api.client.post("/register", json=ALICE)
    told = []
    for wrong in ({**ALICE, "password": "wrong password"}, {**ALICE, "username": "nobody"}):
        response = await api.client.post("/login", json=wrong, headers={"X-Request-Id": "same"})
        told.append(await problem(response, 401))
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert told[0] == told[1]


async def test_login_when_tried_too_often_then_429_with_retry_after():
    api = make_api(throttle=Throttle(account_attempts=2))
    for _ in range(2):
        await api.client.post("/login", json=ALICE)
    response = await api.client.post("/login", json=ALICE)
    await problem(response, 429)
    assert int(response.headers["Retry-After"]) > 0


async def test_login_when_the_hasher_is_busy_then_429():
    hasher = PlainHasher()
    hasher.failure = Throttled("too many logins at once", 1.2)
    response = await make_api(hasher=hasher).client.post("/login", json=ALICE)
    await problem(response, 429)
    assert response.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [((), [401, 429]), (("<local>",), [401, 401])],
    ids=["not trusted", "trusted"],
)
async def test_login_when_forwarded_then_address_counts_only_from_a_trusted_proxy(proxies, expected):
    settings = Settings.model_construct(trusted_proxies=proxies)
    api = make_api(settings=settings, throttle=Throttle(account_attempts=1))
    statuses = []
    for address in ("10.0.0.1", "10.0.0.2"):
        response = await api.client.post("/login", json=ALICE, headers={"X-Forwarded-For": address})
        statuses.append(response.status_code)
    assert statuses == expected


async def test_refresh_when_token_is_fresh_then_new_pair_and_reuse_revokes_the_family(api):
    first = await api.tokens()
    spent = {"refresh_token": first["refresh_token"]}
    second = await (await api.client.post("/token/refresh", json=spent)).get_json()
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert (await api.client.get("/secure", headers=headers)).status_code == 200
    await problem(await api.client.post("/token/refresh", json=spent), 401)
    await problem(await api.client.get("/secure", headers=headers), 401)


async def test_refresh_when_given_an_access_token_then_401(api):
    token = (await api.tokens())["access_token"]
    await problem(await api.client.post("/token/refresh", json={"refresh_token": token}), 401)


async def test_logout_when_signed_in_then_204_and_token_is_dead(api):
    headers = await api.sign_in()
    response = await api.client.post("/logout", headers=headers)
    assert (response.status_code, await response.get_data()) == (204, b"")
    await problem(await api.client.get("/secure", headers=headers), 401)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "nonsense", "Bearer é"]
)
async def test_secure_when_token_is_missing_or_wrong_then_401_with_challenge(api, header):
    headers = {} if header is None else {"Authorization": header}
    response = await api.client.get("/secure", headers=headers)
    await problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_secure_when_token_stands_in_the_address_then_401(api):
    token = (await api.tokens())["access_token"]
    await problem(await api.client.get("/secure", query_string={"token": token, "access_token": token}), 401)


async def test_secure_when_token_has_expired_then_401(api):
    headers = await api.sign_in()
    api.services.clock.jump(901)
    assert "expired" in (await problem(await api.client.get("/secure", headers=headers), 401))["detail"]


async def test_unregister_when_user_then_token_is_dead_and_orders_are_cancelled(api):
    headers = await api.sign_in()
    order_id = await api.submit(headers)
    response = await api.client.delete("/unregister", headers=headers)
    assert await response.get_json() == {"message": "User successfully unregistered"}
    await problem(await api.client.get("/secure", headers=headers), 401)
    assert (await api.services.storage.orders.get(order_id)).status == "canceled"


async def test_unregister_when_admin_then_403(api):
    headers = await api.sign_in_admin()
    await problem(await api.client.delete("/unregister", headers=headers), 403)


async def test_users_when_admin_then_all_with_roles(api):
    headers = await api.sign_in_admin()
    await api.sign_in("bob")
    response = await api.client.get("/users", headers=headers)
    assert await response.get_json() == {
        "users": [{"username": "admin", "role": "admin"}, {"username": "bob", "role": "user"}]
    }


async def test_users_when_no_admin_then_403(api):
    await problem(await api.client.get("/users", headers=await api.sign_in()), 403)
