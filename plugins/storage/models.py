"""The tables as Tortoise models. The columns' exact types and the indexes stand in the migrations.

Ids are texts given by the caller. There is no foreign key from orders to users: orders stay for the record.
"""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from types import ModuleType
from typing import Any, TypeVar

from tortoise import fields
from tortoise.models import Model

from twap.plugins.storage.fields import ExactDecimalField, MomentField, WholeField

ID_LENGTH = 255

Row = TypeVar("Row", bound=Model)


class UserRow(Model):
    id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    name = fields.TextField()
    key = fields.TextField()
    password_hash = fields.TextField()
    role = fields.TextField()
    created_at = MomentField()

    class Meta:
        abstract = True


class TokenFamilyRow(Model):
    id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    user_id = fields.TextField()
    refresh_id = fields.TextField()
    expires_at = MomentField()
    revoked = fields.BooleanField()

    class Meta:
        abstract = True


class OrderRow(Model):
    """The order, its progress, and its claim. ticket, terms, warnings, taken: JSON.

    entry: its number in this database, which its slices name. checksum: of the request, all but the progress
    and the claim; see `checksums`
    """

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    entry = WholeField()
    user_id = fields.TextField()
    client_order_id = fields.TextField(null=True)
    symbol = fields.TextField()
    created_at = MomentField()
    starts_at = MomentField()
    lot_size = ExactDecimalField()
    slices_total = WholeField()
    ticket = fields.TextField()
    terms = fields.TextField()
    warnings = fields.TextField()
    checksum = WholeField(null=True)

    status = fields.TextField()
    revision = WholeField()
    started_at = MomentField(null=True)
    ended_at = MomentField(null=True)
    slices_done = WholeField()
    executed = ExactDecimalField()
    notional = ExactDecimalField()
    fees = ExactDecimalField()
    lots_count = WholeField()
    arrival_mid = ExactDecimalField(null=True)
    taken = fields.TextField()
    note = fields.TextField(null=True)

    claim_owner = fields.TextField(null=True)
    claim_until = MomentField()
    fence = WholeField()

    class Meta:
        abstract = True


class LookRow(Model):
    """What all slices that looked at the same moment saw alike. packed: see `looks`."""

    id = fields.BigIntField(primary_key=True)
    packed = fields.BinaryField()

    class Meta:
        abstract = True


class SliceRow(Model):
    """look_id: None where it looked at nothing. memory: packed, see `looks`; checksum: of look, memory and
    `looked_at`, see `checksums`."""

    id = fields.BigIntField(primary_key=True)
    order_entry = WholeField()
    number = WholeField()
    due_at = MomentField()
    looked_at = MomentField()
    planned = ExactDecimalField()
    target = ExactDecimalField()
    filled = ExactDecimalField()
    reason = fields.TextField(null=True)
    mid = ExactDecimalField(null=True)
    look_id = WholeField(null=True)
    memory = fields.BinaryField(null=True)
    checksum = WholeField(null=True)

    class Meta:
        abstract = True


class ExecutionRow(Model):
    """position: within its slice, from 0. What it has from its order and its slice stands there."""

    entry = fields.BigIntField(primary_key=True, generated=True)
    slice_id = WholeField()
    position = WholeField()
    quantity = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField()
    exchange = fields.TextField()
    book_sequence = WholeField(null=True)
    book_exchange_time = MomentField(null=True)
    book_age_ms = WholeField()

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Tables:
    """The models of one database.

    Tortoise keeps the SQL dialect of the database opened last in the model classes themselves, so
    each database gets classes of its own.
    """

    users: type[UserRow]
    token_families: type[TokenFamilyRow]
    orders: type[OrderRow]
    looks: type[LookRow]
    slices: type[SliceRow]
    executions: type[ExecutionRow]

    @classmethod
    def fresh(cls) -> "Tables":
        return cls(
            _concrete(UserRow, "users"),
            _concrete(TokenFamilyRow, "token_families"),
            _concrete(OrderRow, "orders"),
            _concrete(LookRow, "looks"),
            _concrete(SliceRow, "slices"),
            _concrete(ExecutionRow, "executions"),
        )

    def module(self) -> ModuleType:
        """What Tortoise wants to find models in."""
        module: Any = ModuleType("twap_tables")
        module.__models__ = [getattr(self, each.name) for each in dataclass_fields(self)]
        return module  # type: ignore[no-any-return]


def _concrete(row: type[Row], name: str) -> type[Row]:
    meta = type("Meta", (), {"table": name})
    return type(row.__name__, (row,), {"Meta": meta, "__module__": __name__})
