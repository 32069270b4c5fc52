"""Keys that the processes of one installation share, each made by whoever needs it first.

They lie in ``review/`` and only the account of the system reads them. What was sealed with a key that is gone has to be
made anew.
"""

import os
import secrets

from tuquan import settings


def key(name: str) -> bytes:
    """Return the 32 bytes of the key called ``name``."""
    path = settings.load().review / f".{name}-key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
    return path.read_bytes()
