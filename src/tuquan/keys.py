"""Keys that the processes of one installation share, each made by whoever needs it first.

They lie in ``review/`` and only the account of the system reads them. What was sealed with a key that is gone has to be
made anew.
"""

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuquan import settings

LENGTH = 32
LOG = logging.getLogger(__name__)


def key(name: str) -> bytes:
    """Return the 32 bytes of the key called ``name``.

    One of another length, such as an empty one, is none: whoever knows that could seal what they like.
    """
    path = settings.load().review / f".{name}-key"
    if (found := _read(path)) is not None:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(path.parent):
        if (found := _read(path)) is None:
            if path.exists():
                LOG.warning("the key %s was damaged and is made anew; what it sealed is void", path)
            found = secrets.token_bytes(LENGTH)
            _keep(path, found)
    return found


def _read(path: Path) -> bytes | None:
    """Return a whole key, which nobody else reads from now on; None without one."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:  # as after a copy of the folder
                os.fchmod(file.fileno(), 0o600)
            content = file.read(LENGTH + 1)
    except FileNotFoundError:
        return None
    return content if len(content) == LENGTH else None


def _keep(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process after another make its key: both would go on with their own."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
