"""The TWAP_ variables of the environment and of `.env`."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from platformdirs import user_data_dir
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from twap.entrypoints import setting_values as values
from twap.ports.errors import WrongSetting
from twap.ports.exchange import Endpoints, Exchange

PREFIX = "TWAP_"
ENV_FILE = ".env"
UNSHOWN = frozenset({"secret_key", "database_url", "endpoints"})
"""Settings whose value may be or hold a secret: no error repeats them."""

HttpAddress = Annotated[str, AfterValidator(lambda text: values.address(text, ("http", "https")))]
WsAddress = Annotated[str, AfterValidator(lambda text: values.address(text, ("ws", "wss")))]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(values.comma_list)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(values.origin)], ...], NoDecode, BeforeValidator(values.comma_list)
]
Addresses = Annotated[
    tuple[Annotated[str, AfterValidator(values.ip_address)], ...],
    NoDecode,
    BeforeValidator(values.comma_list),
]
LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class EndpointSetting(BaseModel):
    """Another scheme, host and port for an exchange; what is left out stays the exchange's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rest: HttpAddress | None = None
    ws: WsAddress | None = None


class Settings(BaseSettings):
    """Each is read from the variable of its name: `port` from TWAP_PORT. Descriptions say what is right.

    share_liquidity  a user's orders on a symbol share one memory of what they took from the books, so that
                     splitting an order gains nothing
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", min_length=1, description="an address or host name to listen on")
    port: int = Field(8000, ge=1, le=65535, description="a port from 1 to 65535")
    workers: int = Field(1, ge=1, le=64, description="a number of processes from 1 to 64")
    data_dir: Path = Field(
        default_factory=lambda: Path(user_data_dir("twap", appauthor=False)), description="a folder"
    )
    database_url: Annotated[str, AfterValidator(values.database_url)] = Field(
        default_factory=lambda data: values.sqlite_url(data["data_dir"] / "twap.sqlite3"),
        repr=False,
        description="sqlite:///FILE or postgres://USER:PASSWORD@HOST:PORT/NAME",
    )
    secret_key: SecretStr | None = Field(None, description="at least 32 characters")
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], LowerCase] = Field(
        "info", description="debug, info, warning, error or critical"
    )
    log_format: Annotated[Literal["text", "json"], LowerCase] = Field("text", description="text or json")

    exchanges: Names | None = Field(None, min_length=1, description="names of exchanges, with commas between")
    endpoints: Annotated[dict[str, EndpointSetting], NoDecode, BeforeValidator(values.json_object)] = Field(
        {},
        description='JSON such as {"Binance": {"rest": "http://127.0.0.1:9101", "ws": "ws://127.0.0.1:9101"}}',
    )
    fees: Annotated[
        dict[str, Annotated[Decimal, BeforeValidator(values.fee)]],
        NoDecode,
        BeforeValidator(values.json_object),
    ] = Field({}, description='JSON such as {"Binance": "0.00075"}: taker fees as ratios, 0 <= fee < 0.1')
    stale_after_seconds: PositiveFloat = Field(5, allow_inf_nan=False, description="seconds above 0")
    share_liquidity: bool = Field(False, description="true or false")

    cors_origins: Origins = Field((), description="origins such as https://example.org, or *")
    trusted_proxies: Addresses = Field((), description="IP addresses, with commas between")
    max_body_bytes: int = Field(64 * 1024, ge=1024, description="bytes, at least 1024")
    ws_max_message_bytes: int = Field(64 * 1024, ge=1024, description="bytes, at least 1024")
    ws_subscriptions_per_client: PositiveInt = Field(50, description="a whole number above 0")
    ws_clients_per_address: PositiveInt = Field(5000, description="a whole number above 0")
    ws_messages_per_second: PositiveInt = Field(20, description="a whole number above 0")
    orders_per_user_running: PositiveInt = Field(1000, description="a whole number above 0")
    login_attempts_per_account: PositiveInt = Field(30, description="a whole number above 0")
    login_attempts_per_address: PositiveInt = Field(150, description="a whole number above 0")
    login_window_seconds: PositiveInt = Field(300, description="whole seconds above 0")
    registrations_per_address: PositiveInt = Field(1000, description="a whole number above 0")
    registration_window_seconds: PositiveInt = Field(3600, description="whole seconds above 0")

    @field_validator("exchanges", "endpoints", "fees")
    @classmethod
    def _names_differ(cls, named: Any) -> Any:
        values.distinct(named or ())
        return named

    def endpoints_of(self, exchange: Exchange) -> Endpoints:
        """Where to reach this exchange: its own addresses, where no other ones are set."""
        other: EndpointSetting | None = values.named(self.endpoints, exchange.name)
        own = exchange.endpoints
        return own if other is None else Endpoints(other.rest or own.rest, other.ws or own.ws)

    def taker_fee_of(self, exchange: Exchange) -> Decimal:
        fee: Decimal | None = values.named(self.fees, exchange.name)
        return exchange.taker_fee if fee is None else fee


def load_settings(**overrides: Any) -> Settings:
    """The settings; an override goes before the environment, and that before `.env`. None overrides nothing.

    Raises WrongSetting: one line that names the variable and what would be right, without secrets.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        # None of the input survives in the chain: it may be a secret.
        raise WrongSetting(_explain(error)) from None
    except (OSError, UnicodeDecodeError):
        raise WrongSetting(f"{ENV_FILE} can't be read as UTF-8 text") from None


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Names that begin like ours and mean nothing, in the environment and in `.env`; worth a warning.

    No error: a newer version's setting, or another program's, must not stop the start.
    """
    given = {*(os.environ if environment is None else environment), *dotenv_values(ENV_FILE)}
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]).lower()
    inner = [str(part) for part in first["loc"][1:] if part != "[key]"]
    wanted = Settings.model_fields[name].description
    if first["type"] == "value_error":
        problem = str(first["ctx"]["error"])
    elif name in UNSHOWN or isinstance(first["input"], dict | list | tuple):
        problem = first["msg"]
    else:
        problem = f"{str(first['input'])[:80]!a}: {first['msg']}"
    where = f" ({' '.join(inner)})" if inner else ""
    text = f"{PREFIX}{name.upper()}{where}: {problem}; wanted: {wanted}"
    return " ".join(text.split())  # one line, whatever a name holds
