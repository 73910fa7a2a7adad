"""`subscribe_orders` of `/ws`: every change of the caller's orders, and what happens when some were lost."""

from decimal import Decimal

import pytest

from tests.fakes.clock import settle
from tests.fakes.orders import advanced, make_execution, make_order
from tests.fakes.ws import PASSWORD, WsProgram
from twap.entrypoints.ws.orders import INBOX_UPDATES
from twap.plugins.bus.in_process import InProcessBus
from twap.ports.bus import OrderChanged
from twap.ports.errors import StorageError
from twap.ports.order import OrderStatus


@pytest.fixture
async def program():
    async with WsProgram() as program:
        yield program


async def follow(client, pair):
    answer = await client.ask(action="subscribe_orders", token=pair.access_token)
    assert answer["type"] == "subscribe_orders_success", answer
    return answer


async def test_subscribe_orders_when_token_is_valid_then_success_and_updates_follow(program):
    user, pair = await program.sign_in()
    order = make_order(user_id=user.id, status=OrderStatus.EXECUTING, executed=Decimal("0.025"))
    execution = make_execution(order)
    async with program.client() as client:
        assert (await follow(client, pair))["message"] == "Subscribed to the orders of alice"
        program.services.bus.publish(OrderChanged(order, (execution,)))
        update = await client.hear()
        assert update["type"] == "order_update"
        assert (update["order_id"], update["status"]) == (order.id, "executing")
        assert update["order"]["order_id"] == order.id
        assert update["order"]["total_exec"] == Decimal("0.025")
        assert [(each["id"], each["price"]) for each in update["executions"]] == [
            (execution.id, Decimal("100635.65"))
        ]


async def test_order_update_when_an_order_is_submitted_and_canceled_then_heard(program):
    user, pair = await program.sign_in()
    order = await program.services.storage.orders.add(make_order(user_id=user.id))
    async with program.client() as client:
        await follow(client, pair)
        await program.services.cancel(order.id, user)
        assert (await client.hear())["order"]["status"] == "canceled"


async def test_order_update_when_it_is_another_users_then_not_heard(program):
    _, pair = await program.sign_in()
    other, _ = await program.sign_in("bob")
    async with program.client() as client:
        await follow(client, pair)
        program.services.bus.publish(OrderChanged(make_order(user_id=other.id)))
        assert await client.heard_nothing()


@pytest.mark.parametrize("token", ["nonsense", "", None, 5, "x" * 5000])
async def test_subscribe_orders_when_token_is_wrong_then_failure_and_the_connection_stays(program, token):
    async with program.client() as client:
        answer = await client.ask(action="subscribe_orders", token=token)
        assert answer["type"] == "subscribe_orders_failure"
        assert await client.heard_nothing()


async def test_subscribe_orders_when_refresh_token_is_sent_then_failure(program):
    _, pair = await program.sign_in()
    async with program.client() as client:
        answer = await client.ask(action="subscribe_orders", token=pair.refresh_token)
        assert answer["type"] == "subscribe_orders_failure"


async def test_order_stream_when_token_expires_then_said_and_nothing_more_is_sent(program):
    user, pair = await program.sign_in()
    async with program.client() as client:
        await follow(client, pair)
        await program.clock.advance(901)
        assert (await client.hear())["type"] == "subscribe_orders_expired"
        program.services.bus.publish(OrderChanged(make_order(user_id=user.id)))
        assert await client.heard_nothing()


async def test_order_stream_when_token_is_renewed_in_time_then_goes_on(program):
    user, pair = await program.sign_in()
    async with program.client() as client:
        await follow(client, pair)
        await program.clock.advance(800)
        await follow(client, await program.services.refresh(pair.refresh_token))
        await program.clock.advance(200)
        program.services.bus.publish(OrderChanged(make_order(user_id=user.id)))
        assert (await client.hear())["type"] == "order_update"


async def test_order_stream_when_user_is_deleted_then_the_cancellation_is_heard_and_the_stream_ends(program):
    user, pair = await program.sign_in()
    await program.services.storage.orders.add(make_order(user_id=user.id))
    async with program.client() as client:
        await follow(client, pair)
        await program.services.unregister(user)
        assert (await client.hear())["status"] == "canceled"
        assert (await client.hear())["type"] == "subscribe_orders_expired"
        program.services.bus.publish(OrderChanged(make_order(user_id=user.id)))
        assert await client.heard_nothing()


async def test_order_stream_when_its_login_ends_then_ended_at_once_and_other_logins_go_on(program):
    user, pair = await program.sign_in()
    other = await program.services.log_in("alice", PASSWORD, "")
    async with program.client() as ended, program.client() as staying:
        await follow(ended, pair)
        await follow(staying, other)
        _, claims = await program.services.authenticate(pair.access_token)
        await program.services.log_out(claims)
        program.services.bus.publish(OrderChanged(make_order(user_id=user.id)))
        assert (await ended.hear())["type"] == "subscribe_orders_expired"
        assert await ended.heard_nothing()
        assert (await staying.hear())["type"] == "order_update"


async def test_order_stream_when_the_user_was_deleted_by_another_process_then_ended_within_a_minute(program):
    user, pair = await program.sign_in()
    async with program.client() as client:
        await follow(client, pair)
        await program.services.storage.users.delete(user.id)
        await program.clock.advance(61)
        assert (await client.hear())["type"] == "subscribe_orders_expired"


async def test_order_stream_when_lost_events_told_of_the_end_then_no_order_is_told_any_more():
    async with WsProgram(bus=InProcessBus(capacity=1)) as program, program.client() as client:
        user, pair = await program.sign_in()
        await follow(client, pair)
        await program.services.unregister(user)
        for _ in range(3):
            program.services.bus.publish(OrderChanged(make_order(user_id=user.id)))
        assert (await client.hear())["type"] == "subscribe_orders_expired"
        assert await client.heard_nothing()


async def test_order_stream_when_another_user_signs_in_then_only_the_new_ones_orders_are_heard(program):
    user, pair = await program.sign_in()
    other, others_pair = await program.sign_in("bob")
    async with program.client() as client:
        await follow(client, pair)
        await follow(client, others_pair)
        program.services.bus.publish(OrderChanged(make_order(user_id=user.id)))
        theirs = make_order(user_id=other.id)
        program.services.bus.publish(OrderChanged(theirs))
        assert (await client.hear())["order_id"] == theirs.id


async def test_order_stream_when_clients_leave_then_the_bus_is_left(program):
    _, pair = await program.sign_in()
    async with program.client() as first, program.client() as second:
        await follow(first, pair)
        await follow(second, pair)
        assert program.services.bus.subscribers == 1, "one for all clients of a user"
    await settle()
    assert program.services.bus.subscribers == 0


async def test_order_updates_when_the_bus_lost_some_then_resync_from_storage():
    async with WsProgram(bus=InProcessBus(capacity=2)) as program, program.client() as client:
        user, pair = await program.sign_in()
        orders = program.services.storage.orders
        over = await orders.add(make_order(user_id=user.id, status=OrderStatus.COMPLETED))
        running = await orders.add(make_order(user_id=user.id, status=OrderStatus.EXECUTING))
        await follow(client, pair)
        for _ in range(5):
            program.services.bus.publish(OrderChanged(running))
        resync = await client.hear()
        assert resync["type"] == "resync"
        assert {each["order_id"]: each["status"] for each in resync["orders"]} == {
            over.id: "completed",
            running.id: "executing",
        }
        assert await client.heard_nothing(), "the state covers what the bus still had"


async def test_order_updates_when_a_client_is_too_far_behind_then_resync_and_the_later_ones():
    async with WsProgram(bus=InProcessBus(capacity=2 * INBOX_UPDATES)) as program, program.client() as client:
        user, pair = await program.sign_in()
        order = await program.services.storage.orders.add(make_order(user_id=user.id))
        await follow(client, pair)
        for _ in range(INBOX_UPDATES + 1):
            program.services.bus.publish(OrderChanged(order))
        assert (await client.hear())["type"] == "resync"
        later = advanced(order, status=OrderStatus.PAUSED)
        program.services.bus.publish(OrderChanged(later))
        assert (await client.hear())["status"] == "paused"
        assert program.hub.counts()["resyncs"] == 1


async def test_order_updates_when_lost_and_storage_is_away_then_closed_with_1013(monkeypatch):
    async with WsProgram(bus=InProcessBus(capacity=1)) as program, program.client() as client:
        user, pair = await program.sign_in()

        async def away(user_id):
            raise StorageError("no database")

        monkeypatch.setattr(program.services.storage.orders, "unfinished", away)
        await follow(client, pair)
        for _ in range(3):
            program.services.bus.publish(OrderChanged(make_order(user_id=user.id)))
        assert await client.close_code() == 1013
