"""The keys that sign tokens, and the file that keeps them."""

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twap.ports.errors import WrongSetting

FILE_NAME = "secret.json"
KEY_BYTES = 32
MIN_SECRET_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Keyring:
    """keys: by key id, oldest first. The newest signs, all verify."""

    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def signing_id(self) -> str:
        return list(self.keys)[-1]


def load_keyring(secret: str | None, folder: Path) -> Keyring:
    """One key derived from `secret` (TWAP_SECRET_KEY), else those of the file in `folder`.

    The file is made if it is missing; of two processes that start at once, both get the same keys.
    Raises WrongSetting for a short secret, and for a file that is damaged, unreadable or open to others.
    """
    if secret is not None:
        return _derived(secret)
    path = folder / FILE_NAME
    try:
        if not path.exists():
            _create(path)
        return _read(path)
    except OSError as error:
        raise WrongSetting(f"{path} can't be used for the signing keys: {error.strerror}") from error


def rotate(folder: Path) -> Keyring:
    """Add a new signing key to the file; tokens of the older keys stay valid. Takes effect at a start."""
    keyring = load_keyring(None, folder)
    key = secrets.token_bytes(KEY_BYTES)
    rotated = Keyring({**keyring.keys, _key_id(key): key})
    path = folder / FILE_NAME
    successor = path.with_suffix(".json.new")
    try:
        # The name is the same for all, so that of two rotations at once one is refused.
        _write_new(successor, rotated)
        successor.replace(path)
    except FileExistsError as error:
        raise WrongSetting(
            f"{successor} is there: another rotation is under way (if there is none, delete it)"
        ) from error
    except OSError as error:
        raise WrongSetting(f"{path} can't be written: {error.strerror}") from error
    return rotated


def _derived(secret: str) -> Keyring:
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise WrongSetting(
            f"TWAP_SECRET_KEY: it has {len(secret)} characters; at least {MIN_SECRET_CHARACTERS} are wanted"
        )
    key = hashlib.blake2b(
        secret.encode("utf-8", "surrogateescape"), digest_size=KEY_BYTES, person=b"twap tokens"
    ).digest()
    return Keyring({_key_id(key): key})


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_bytes(KEY_BYTES)
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    _write_new(draft, Keyring({_key_id(key): key}))
    try:
        # A link appears whole or not at all, and never replaces the one that another process made.
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _write_new(path: Path, keyring: Keyring) -> None:
    text = json.dumps({"keys": [{"kid": kid, "key": key.hex()} for kid, key in keyring.keys.items()]})
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> Keyring:
    with path.open(encoding="ascii") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise WrongSetting(f"{path} is open to other users (mode {mode:o}); run: chmod 600 {path}")
        try:
            entries = json.load(file)["keys"]
            keys = {str(entry["kid"]): bytes.fromhex(entry["key"]) for entry in entries}
        except (ValueError, TypeError, KeyError) as error:
            raise WrongSetting(f"{path} is damaged; restore it, or delete it to end all logins") from error
    if not keys or any(len(key) < KEY_BYTES for key in keys.values()):
        raise WrongSetting(f"{path} has no key, or one under 256 bits; delete it to have it made anew")
    return Keyring(keys)
