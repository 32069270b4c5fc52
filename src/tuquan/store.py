"""The files of received bytes, each named by its sha256: first in ``incoming/``, then where they may stay.

``raw/`` holds what was read and screened, read-only and for ever. ``quarantine/`` holds what nobody could look inside;
only the account of the system reads it. What must not be stored is deleted. Under the writer's lock ``incoming/`` holds
what the register still waits for, and nothing else after :func:`sweep`.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tuquan import settings

_FOLDER_MODES = {"raw": 0o755, "quarantine": 0o700}
_FILE_MODES = {"raw": 0o444, "quarantine": 0o400}
PLACES = tuple(_FILE_MODES)


class RawFileMissing(RuntimeError):
    """The store lost a file that the register knows. Machinery, not data: nothing is decided about the file."""


@contextmanager
def incoming() -> Iterator[Callable[[bytes], str]]:
    """Yield a function that keeps bytes and returns their digest; after the block, all of them survive a power cut."""
    folder = settings.load().incoming
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept: set[str] = set()

    def keep(content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        (folder / f".{sha256}").write_bytes(content)
        kept.add(sha256)
        return sha256

    yield keep
    # All are written before the first is waited for: the disk then has little left to do.
    for sha256 in sorted(kept):
        _wait_for_disk(folder / f".{sha256}", os.fdatasync)
        (folder / f".{sha256}").replace(folder / sha256)
    _wait_for_disk(folder, os.fsync)


def find(sha256: str) -> Path:
    """Return where the bytes with this digest lie.

    Raises:
        RawFileMissing: they are gone.
    """
    paths = settings.load()
    waiting = paths.incoming / sha256
    if waiting.exists():
        return waiting
    for place in PLACES:
        if (path := paths.stored_file(place, sha256)).exists():
            return path
    raise RawFileMissing(f"{waiting} is registered but gone; restore it from a backup")


def move(places: Mapping[str, str]) -> None:
    """Move incoming files (digest → "raw" or "quarantine") to their place; when this returns, they survive a power cut.

    What lies there already stays as it is, and what a killed run moved stays moved.
    """
    paths = settings.load()
    touched = {paths.incoming}
    for sha256, place in places.items():
        source, target = paths.incoming / sha256, paths.stored_file(place, sha256)
        folder = target.parent
        if folder not in touched:
            folder.parent.mkdir(mode=_FOLDER_MODES[place], parents=True, exist_ok=True)
            folder.mkdir(mode=_FOLDER_MODES[place], exist_ok=True)
            touched |= {folder, folder.parent}
        if source.exists() and not target.exists():
            source.chmod(_FILE_MODES[place])
            source.replace(target)
    for folder in touched:
        _wait_for_disk(folder, os.fsync)


def sweep(waiting: Collection[str]) -> None:
    """Delete every incoming file but those that the register waits for: copies, what a killed run left, and what must
    not be stored. Only under the writer's lock."""
    folder = settings.load().incoming
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in waiting:
                path.unlink()
        _wait_for_disk(folder, os.fsync)


def _wait_for_disk(path: Path, sync: Callable[[int], None]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
