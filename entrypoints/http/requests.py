"""What requests may say: a pydantic model per body, fed with exactly decoded JSON.

Unknown fields are refused: a misspelt `limit_pirce` must not be ignored silently.
"""

import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from quart import request

from twap.entrypoints.http.exact_json import decode_object, exact_decimal, exact_integer
from twap.entrypoints.http.problems import FieldError, InvalidRequest
from twap.ports.order import FeeRanking, Randomize, Side, Ticket

_MOST_PROBLEMS = 20
_SHOULD = re.compile(r"^[A-Z][a-z]+ should")
_COUNTED = re.compile(r" after validation, not \d+$")
_DECIMAL = re.compile(r"Decimal\('([^']*)'\)")
_CLIENT_ORDER_ID = re.compile(r"[ -~]{1,64}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII)


def read_time(value: object) -> datetime:
    """ISO 8601 as aware UTC; without a zone it is UTC; a date alone is its midnight. Raises ValueError.

    Some clients write nanoseconds: what is below a microsecond is cut off.
    """
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("must be a time in ISO 8601, like 2025-02-01T00:00:00Z")
    try:
        moment = datetime.fromisoformat(value.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no time that exists; write it like 2025-02-01T00:00:00Z") from None


def _whole_milliseconds(value: Decimal) -> Decimal:
    if value * 1000 % 1:
        raise ValueError("must be whole milliseconds: at most 3 decimal places")
    return value


def _all_different(names: list[str]) -> list[str]:
    if len({name.casefold() for name in names}) < len(names):
        raise ValueError("names an exchange twice")
    return names


def _printable(text: str) -> str:
    if not _CLIENT_ORDER_ID.fullmatch(text):
        raise ValueError("must be 1 to 64 printable ASCII characters")
    return text


Number = Annotated[Decimal, BeforeValidator(exact_decimal)]
Integer = Annotated[int, BeforeValidator(exact_integer)]
Time = Annotated[datetime, BeforeValidator(read_time)]
Seconds = Annotated[Number, AfterValidator(_whole_milliseconds)]
Share = Annotated[Number, Field(ge=0, le=Decimal("0.5"))]
Name = Annotated[str, Field(min_length=1, max_length=40)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Credentials(Body):
    """Bounds of names and passwords are the domain's; these keep nonsense away from it."""

    username: str = Field(max_length=256)
    password: str = Field(max_length=1024)


class RefreshRequest(Body):
    refresh_token: str = Field(min_length=1, max_length=4096)


class RandomizeRequest(Body):
    size: Share = Decimal(0)
    time: Share = Decimal(0)
    seed: Annotated[Integer, Field(ge=0, le=2**53 - 1)] | None = None


class OrderRequest(Body):
    """The body of `POST /orders/twap`."""

    symbol: Name
    side: Side
    total_quantity: Annotated[Number, Field(gt=0)]
    limit_price: Annotated[Number, Field(gt=0)]
    duration_seconds: Annotated[Seconds, Field(ge=1, le=86_400)]
    exchanges: Annotated[list[Name], Field(min_length=1, max_length=32), AfterValidator(_all_different)]
    slice_interval_seconds: Annotated[Seconds, Field(ge=Decimal("0.1"))] = Decimal(1)
    client_order_id: Annotated[str, AfterValidator(_printable)] | None = None
    start_at: Time | None = None
    randomize: RandomizeRequest | None = None
    max_participation: Annotated[Number, Field(gt=0, le=1)] | None = None
    catch_up: Annotated[Number, Field(ge=1, le=100)] = Decimal(3)
    latency_ms: Annotated[Integer, Field(ge=0, le=5000)] = 0
    fees: FeeRanking = FeeRanking.IGNORE

    @model_validator(mode="after")
    def _interval_fits(self) -> Self:
        if self.slice_interval_seconds > self.duration_seconds:
            raise ValueError("is longer than duration_seconds")
        return self

    def ticket(self, chance: Callable[[], float]) -> Ticket:
        """As the domain takes it, names still as the user wrote them.

        chance  gives a number of [0, 1): the seed of a randomised order that names none
        """
        return Ticket(
            symbol=self.symbol,
            side=self.side,
            quantity=self.total_quantity,
            limit_price=self.limit_price,
            duration=_span(self.duration_seconds),
            exchanges=tuple(self.exchanges),
            interval=_span(self.slice_interval_seconds),
            client_order_id=self.client_order_id,
            start_at=self.start_at,
            randomize=self._randomize(chance),
            max_participation=self.max_participation,
            catch_up=self.catch_up,
            latency=timedelta(milliseconds=self.latency_ms),
            fees=self.fees,
        )

    def _randomize(self, chance: Callable[[], float]) -> Randomize | None:
        asked = self.randomize
        if asked is None:
            return None
        seed = asked.seed
        if seed is None:
            # A repeated request must ask for the same order, so its key decides where there is one.
            key = self.client_order_id
            seed = int(chance() * 2**32) if key is None else zlib.crc32(key.encode())
        return Randomize(asked.size, asked.time, seed)


def _span(exact_seconds: Decimal) -> timedelta:
    return timedelta(milliseconds=int(exact_seconds * 1000))


Model = TypeVar("Model", bound=Body)


async def body(model: type[Model]) -> Model:
    """The request's body as this model. Raises MalformedBody and InvalidRequest."""
    return validated(model, decode_object(cast(bytes, await request.get_data(as_text=False))))


def validated(model: type[Model], fields: Mapping[str, object]) -> Model:
    """Fields of exactly decoded JSON as this model. Raises InvalidRequest."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidRequest([_field_error(each, model) for each in details[:_MOST_PROBLEMS]]) from None


def _field_error(detail: ErrorDetails, model: type[Body]) -> FieldError:
    """Names the field and says what is wrong with it, never what was sent (it may be a password)."""
    path = [str(part) for part in detail["loc"]]
    # An error of the model as a whole has no path; it has one rule of its own.
    field = ".".join(path)[:64] if path else "slice_interval_seconds"
    match detail["type"]:
        case "extra_forbidden":
            holder = RandomizeRequest if path[0] == "randomize" and len(path) > 1 else model
            return FieldError(field, f"is not known here; the fields are: {', '.join(holder.model_fields)}")
        case "missing":
            return FieldError(field, "is required")
        case "model_type":
            return FieldError(field, "must be a JSON object")
    message = _SHOULD.sub("must", detail["msg"].removeprefix("Value error, "))
    return FieldError(field, _DECIMAL.sub(r"\1", _COUNTED.sub("", message)))
