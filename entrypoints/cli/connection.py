"""How commands reach the server, and where a login's tokens are kept between them."""

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twap.ports.errors import TwapError

if TYPE_CHECKING:
    from twap.entrypoints.client import Tokens, TwapClient

TOKEN_VARIABLE = "TWAP_TOKEN"  # noqa: S105 the variable's name
URL_VARIABLE = "TWAP_URL"

ServerUrl = Annotated[str, typer.Option("--url", envvar=URL_VARIABLE, help="Address of the server.")]
LOCAL = "http://127.0.0.1:8000"


class FileKeeper:
    """Implements twap.entrypoints.client.TokenKeeper: one file for all servers, for its owner's eyes only."""

    def __init__(self, url: str, file: Path) -> None:
        self._url = url.rstrip("/")
        self._file = file

    def load(self) -> "Tokens | None":
        from twap.entrypoints.client import Tokens

        with suppress(KeyError, TypeError):
            return Tokens(**self._all()[self._url])
        return None

    def save(self, tokens: "Tokens | None") -> None:
        logins = self._all()
        logins.pop(self._url, None)
        if tokens is not None:
            logins[self._url] = asdict(tokens)
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(logins, file)
        draft.replace(self._file)

    def _all(self) -> dict[str, Any]:
        try:
            logins = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise TwapError(f"{self._file} can't be read: {error}; delete it and log in anew") from error
        return logins if isinstance(logins, dict) else {}


def logins_file() -> Path:
    from platformdirs import user_config_dir

    return Path(user_config_dir("twap", appauthor=False)) / "logins.json"


def keeper(url: str) -> FileKeeper:
    return FileKeeper(url, logins_file())


def signed_client(url: str) -> "TwapClient":
    """With the token of TWAP_TOKEN, else of `twap login`. Raises TwapError where there is neither."""
    from twap.entrypoints.client import TwapClient

    token = os.environ.get(TOKEN_VARIABLE)
    if token:
        return TwapClient(url, token)
    kept = keeper(url)
    if kept.load() is None:
        raise TwapError(f"not logged in at {url}: run `twap login NAME`, or set {TOKEN_VARIABLE}")
    return TwapClient(url, keeper=kept)
