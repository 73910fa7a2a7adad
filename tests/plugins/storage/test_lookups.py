"""What every request reads, beside what the executor writes."""

from tests.fakes.orders import make_order
from tests.plugins.storage.conftest import opened
from twap.ports.account import TokenFamily


async def test_lookup_when_a_transaction_is_open_then_answered_with_what_was_committed_before(sqlite):
    order = make_order()
    await sqlite.orders.add(order)
    assert await sqlite.orders.page(order.user_id, limit=5) == [order]
    async with sqlite._database.writing() as session:
        await session.execute_query("UPDATE orders SET revision = 7", [])
        page = await sqlite.orders.page(order.user_id, limit=5)
        assert [each.progress.revision for each in page] == [0]
    page = await sqlite.orders.page(order.user_id, limit=5)
    assert [each.progress.revision for each in page] == [7]


async def test_lookup_when_another_process_has_written_then_seen_at_once(sqlite, sqlite_url):
    order = make_order()
    await sqlite.tokens.add(TokenFamily("family", order.user_id, "refresh", order.created_at))
    assert not (await sqlite.tokens.get("family")).revoked
    async with opened(sqlite_url) as other:
        await other.tokens.revoke("family")
        assert (await sqlite.tokens.get("family")).revoked
        await other.users.delete(order.user_id)
        assert await sqlite.tokens.get("family") is None


async def test_database_in_memory_when_looked_up_then_the_same_rows():
    order = make_order()
    async with opened("sqlite://:memory:") as storage:
        await storage.orders.add(order)
        assert await storage.orders.page(order.user_id, limit=5) == [order]


async def test_file_when_its_name_has_marks_of_urls_then_found(tmp_path):
    order = make_order()
    async with opened(f"sqlite:///{tmp_path}/a %3F#b.sqlite3".replace("#", "%23")) as storage:
        await storage.orders.add(order)
        assert await storage.orders.page(order.user_id, limit=5) == [order]
