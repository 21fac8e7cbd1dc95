"""The server's secret: without it the MACs in keys.db can be neither checked nor guessed."""

import hmac
import os
import secrets
import stat
from pathlib import Path

from ..errors import ConfigError

NAME = "keys.secret"
BYTES = 32


def read(folder: Path) -> bytes | None:
    """The secret of that state folder, None where none was made.

    Raises `ConfigError` where others may read it, where it cannot be read, or where it is something else.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            secret = file.read(BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; give it to this user") from error
    if mode & 0o077:
        raise ConfigError(
            f"{path} may be used by others (mode {mode:04o}): `chmod 600 {path}`; "
            f"if others may have read it, move it and keys.db away and create the keys anew"
        )
    if len(secret) != BYTES:
        raise ConfigError(
            f"{path} does not hold {BYTES} bytes; put back the file that the keys were made with"
        )
    return secret


def made(folder: Path) -> bytes:
    """The secret, made where there is none. Who calls holds the lock of keys.db: nobody else makes one."""
    found = read(folder)
    if found is None:
        found = secrets.token_bytes(BYTES)
        _write(folder / NAME, found)
    return found


def mac(secret: bytes, key: bytes) -> bytes:
    """What is kept of a key: HMAC-SHA-256, 32 bytes."""
    return hmac.digest(secret, key, "sha256")


def _write(path: Path, secret: bytes) -> None:
    """The whole file appears under its name, or none, and survives a power cut as the keys do."""
    fresh = path.with_name(f"{NAME}.new")
    fresh.unlink(missing_ok=True)  # of one that was killed here
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
