"""Storage in memory: passes the suite of the storage port."""

from dataclasses import replace
from datetime import timedelta

from twap.ports.errors import StorageError, UsernameTaken
from twap.ports.numbers import exact_sum
from twap.ports.store import Claimed, Recorded

SLICES_IN_A_PART = 3


class MemoryBatch:
    def __init__(self, orders):
        self._orders, self._steps = orders, []

    def add(self, step):
        self._steps.append(step)

    async def store(self):
        return await self._orders.record(self._steps)


class MemoryOrders:
    """orders: by id; pieces: slices by (order id, number); claims: order id to (owner, until)."""

    def __init__(self):
        self.orders, self.pieces, self.claims, self.fences = {}, {}, {}, {}

    async def add(self, order):
        if order.id in self.orders:
            raise StorageError(f"the order {order.id} is stored already")
        wanted = order.ticket.client_order_id
        if wanted is not None and (twin := await self.find(order.user_id, wanted)) is not None:
            return twin
        self.orders[order.id] = order
        return order

    async def find(self, user_id, client_order_id):
        for order in self.orders.values():
            if (order.user_id, order.ticket.client_order_id) == (user_id, client_order_id):
                return order
        return None

    async def get(self, order_id):
        return self.orders.get(order_id)

    async def page(self, user_id, *, limit, before=None, status=None, symbol=None):
        def wanted(order):
            return (
                order.user_id == user_id
                and (before is None or _age(order) < (before.created_at, before.order_id))
                and status in (None, order.status)
                and symbol in (None, order.ticket.symbol)
            )

        return sorted(filter(wanted, self.orders.values()), key=_age, reverse=True)[:limit]

    async def unfinished(self, user_id):
        mine = [o for o in self.orders.values() if o.user_id == user_id and not o.status.over]
        return sorted(mine, key=_age)

    async def count_unfinished(self, user_id):
        return len(await self.unfinished(user_id))

    async def executions(self, order_id, after_slice=0):
        pieces = await self.slices(order_id)
        return [fill for piece in pieces if piece.number > after_slice for fill in piece.executions]

    async def executions_in_parts(self, order_id, after_slice=0):
        fills = await self.executions(order_id, after_slice)
        for at in range(0, len(fills), SLICES_IN_A_PART):
            yield fills[at : at + SLICES_IN_A_PART]

    async def slices(self, order_id):
        return [self.pieces[key] for key in sorted(self.pieces) if key[0] == order_id]

    async def slices_in_parts(self, order_id):
        pieces = await self.slices(order_id)
        for at in range(0, len(pieces), SLICES_IN_A_PART):
            yield pieces[at : at + SLICES_IN_A_PART]

    async def slice(self, order_id, number):
        found = self.pieces.get((order_id, number))
        before = [each.filled for each in await self.slices(order_id) if each.number < number]
        return None if found is None else (found, exact_sum(before))

    async def change(self, order):
        stored = self.orders.get(order.id)
        if stored is None or stored.progress.revision != order.progress.revision - 1:
            return False
        self.orders[order.id] = stored.advanced(order.progress)
        return True

    async def claim(self, owner, *, now, lease_seconds, limit):
        def free(order):
            _, until = self.claims.get(order.id, (None, now))
            return not order.status.over and until <= now

        claimed = []
        for order in sorted(filter(free, self.orders.values()), key=lambda o: (o.starts_at, o.id))[:limit]:
            self.claims[order.id] = (owner, now + timedelta(seconds=lease_seconds))
            self.fences[order.id] = self.fences.get(order.id, 0) + 1
            claimed.append(Claimed(order, self.fences[order.id]))
        return claimed

    async def renew(self, owner, *, now, lease_seconds):
        for order_id, (holder, _) in self.claims.items():
            if holder == owner:
                self.claims[order_id] = (owner, now + timedelta(seconds=lease_seconds))

    async def release(self, owner):
        self.claims = {key: claim for key, claim in self.claims.items() if claim[0] != owner}

    def batch(self):
        return MemoryBatch(self)

    async def record(self, steps):
        """Of a batch; tests put what fails in its place."""
        return [self._record(step) for step in steps]

    def _record(self, step):
        stored = self.orders.get(step.order.id)
        keys = [(step.order.id, piece.number) for piece in step.slices]
        if stored is None or self.fences.get(step.order.id, 0) != step.fence:
            return Recorded.TAKEN
        moved = stored.progress.revision != step.order.progress.revision - 1
        if moved or any(key in self.pieces for key in keys):
            return Recorded.LOST
        if len(set(keys)) < len(keys):
            return Recorded.FAILED
        self.orders[step.order.id] = stored.advanced(step.order.progress)
        self.pieces.update(zip(keys, step.slices, strict=True))
        return Recorded.STORED


class MemoryUsers:
    def __init__(self, tokens):
        self.users, self.families = {}, tokens

    async def add(self, user):
        if user.id in self.users or await self.by_key(user.key):
            raise UsernameTaken
        self.users[user.id] = user

    async def by_key(self, key):
        return next((user for user in self.users.values() if user.key == key), None)

    async def get(self, user_id):
        return self.users.get(user_id)

    async def all(self):
        return sorted(self.users.values(), key=lambda user: user.name)

    async def set_password(self, user_id, password_hash):
        if user_id in self.users:
            self.users[user_id] = replace(self.users[user_id], password_hash=password_hash)

    async def delete(self, user_id):
        self.users.pop(user_id, None)
        kept = {key: family for key, family in self.families.families.items() if family.user_id != user_id}
        self.families.families = kept


class MemoryTokens:
    def __init__(self):
        self.families = {}

    async def add(self, family):
        self.families[family.id] = family

    async def get(self, family_id):
        return self.families.get(family_id)

    async def rotate(self, family_id, spent, fresh, expires_at):
        family = self.families.get(family_id)
        if family is None:
            return False
        if family.refresh_id != spent or family.revoked:
            await self.revoke(family_id)
            return False
        self.families[family_id] = replace(family, refresh_id=fresh, expires_at=expires_at)
        return True

    async def revoke(self, family_id):
        if family_id in self.families:
            self.families[family_id] = replace(self.families[family_id], revoked=True)

    async def revoke_user(self, user_id):
        for family in list(self.families.values()):
            if family.user_id == user_id:
                await self.revoke(family.id)

    async def forget_expired(self, now):
        self.families = {key: family for key, family in self.families.items() if family.expires_at > now}


class MemoryStorage:
    def __init__(self):
        self.orders, self.tokens = MemoryOrders(), MemoryTokens()
        self.users = MemoryUsers(self.tokens)
        self.is_open = False

    async def open(self, *, migrate):
        self.is_open = True

    async def ready(self):
        return self.is_open

    async def close(self):
        self.is_open = False


def _age(order):
    return order.created_at, order.id
