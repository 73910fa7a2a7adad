"""Columns that mean the same on every database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from tortoise.fields import BigIntField
from tortoise.fields.base import Field

from twap.ports.numbers import plain

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1024)
def to_microseconds(moment: datetime) -> int:
    """Since the epoch; exact. Thousands of slices are due, and look, at the same moments."""
    return (moment - EPOCH) // _MICROSECOND


def to_moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


class ExactDecimalField(Field[Decimal], Decimal):  # type: ignore[misc]  # so Tortoise learns the type
    """A decimal as its plain digits in text.

    SQL would compare and add it as text or as a binary float: never filter, order or sum it there.
    """

    SQL_TYPE = "TEXT"

    def to_db_value(self, value: Any, instance: Any) -> str | None:
        return None if value is None else plain(value)

    def to_python_value(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            number = Decimal(value)
        except (InvalidOperation, TypeError) as error:
            raise ValueError(f"{self.model_field_name} is no number: {str(value)[:40]!r}") from error
        if not number.is_finite():
            raise ValueError(f"{self.model_field_name} is no number: {number}")
        return number


class MomentField(Field[datetime], datetime):
    """An aware time as whole microseconds since the epoch: the same order on every database."""

    SQL_TYPE = "BIGINT"

    def to_db_value(self, value: Any, instance: Any) -> int | None:
        return None if value is None else to_microseconds(value)

    def to_python_value(self, value: Any) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        try:
            return to_moment(value)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"{self.model_field_name} is no time: {str(value)[:40]!r}") from error


class WholeField(BigIntField):
    """A whole number. SQLite keeps texts and fractions in such a column, too; Tortoise would pass them on."""

    skip_to_python_if_native = False

    def to_python_value(self, value: Any) -> int | None:
        if value is None or type(value) is int:
            return value
        raise ValueError(f"{self.model_field_name} is no whole number: {str(value)[:40]!r}")
