"""What a database URL says."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from twap.ports.errors import WrongSetting

MEMORY = ":memory:"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """file: a path, or `:memory:` for a database that lives as long as its connection."""

    file: str

    def __str__(self) -> str:
        return self.file if self.file == MEMORY else str(Path(self.file).absolute())


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """schema: where the tables are, if not where the server puts them. sslmode: as in libpq."""

    host: str
    port: int
    database: str
    user: str | None
    password: str | None = field(repr=False)
    schema: str | None = None
    sslmode: str | None = None

    def __str__(self) -> str:
        return f"postgresql://{self.host}:{self.port}/{self.database}"


Address = SqliteAddress | PostgresAddress


def wrong_url(problem: str) -> WrongSetting:
    return WrongSetting(f"TWAP_DATABASE_URL: {problem}")


def parse_address(url: str) -> Address:
    """Raises WrongSetting; its text never holds the URL itself, which may hold a password."""
    scheme, separator, rest = url.partition("://")
    match scheme if separator else "":
        case "sqlite":
            return SqliteAddress(_sqlite_file(rest))
        case "postgres" | "postgresql":
            return _postgres(url)
    raise wrong_url(
        "not a database URL; it is sqlite:///path/to/file.sqlite3 or postgresql://user:password@host:5432/database"
    )


def _sqlite_file(rest: str) -> str:
    """`:memory:`, `/relative/path` or `//absolute/path`."""
    if rest == MEMORY:
        return MEMORY
    if not rest.startswith("/") or rest.strip("/") == "":
        raise wrong_url("a SQLite URL has three slashes before a relative path, four before an absolute one")
    return unquote(rest[1:])


def _postgres(url: str) -> PostgresAddress:
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise wrong_url("the PostgreSQL URL has a wrong port, host or query") from None
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise wrong_url("the PostgreSQL URL names no database")
    if unknown := options.keys() - {"schema", "sslmode"}:
        raise wrong_url(f"unknown option {min(unknown)!r} of the PostgreSQL URL; known: schema, sslmode")
    return PostgresAddress(
        host=parts.hostname or "127.0.0.1",
        port=port,
        database=database,
        user=_unquoted(parts, "username"),
        password=_unquoted(parts, "password"),
        schema=options.get("schema"),
        sslmode=options.get("sslmode"),
    )


def _unquoted(parts: SplitResult, name: str) -> str | None:
    text = getattr(parts, name)
    return None if text is None else unquote(text)
