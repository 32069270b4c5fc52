"""Read the directory and the streams of an OLE compound file: the container of .xls, .doc, .msg and locked .xlsx.

No sector is read twice for one chain, and the tree of names is walked without recursion: libraries can be made to run
for hours by a directory whose branches meet again.
"""

import struct
from collections.abc import Callable
from itertools import chain

from tuquan.workbook.container import UnreadableFile, damaged

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = struct.Struct("<30xHH14xI4xII4xI4x")
_ENTRY = struct.Struct("<64sHBx3I36xII4x")
_STORAGE, _STREAM = 1, 2
_LAST_SECTOR = 0xFFFFFFFA  # greater numbers are marks, not sectors


class CompoundFile:
    """An opened compound file: ``names`` of all its entries, and streams of its root by name."""

    def __init__(self, data: bytes) -> None:
        """Read the directory of ``data``.

        Raises:
            UnreadableFile: it is cut off, or its sectors do not form chains.
        """
        try:
            self._open(data)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise damaged("damaged_zip") from error

    def _open(self, data: bytes) -> None:
        self._data = data
        shift, small_shift, first_entry, self._small_below, first_small, first_more = _HEADER.unpack_from(data)
        if shift not in (9, 12) or small_shift != 6:
            raise damaged("damaged_zip")
        self._size = 1 << shift
        places = list(struct.unpack("<109I", data[76:512]))
        seen = set()
        while first_more < _LAST_SECTOR and first_more not in seen:
            seen.add(first_more)
            *more, first_more = self._numbers(self._sector(first_more))
            places.extend(more)
        self._next = list(
            chain.from_iterable(self._numbers(self._sector(at)) for at in dict.fromkeys(places) if at < _LAST_SECTOR)
        )
        directory = self._chained(first_entry, self._next, self._sector)
        entries = [_ENTRY.unpack_from(directory, at) for at in range(0, len(directory) - _ENTRY.size + 1, _ENTRY.size)]
        self._entries = [
            (name[: max(0, length - 2)].decode("utf-16-le", "replace"), *rest) for name, length, *rest in entries
        ]
        if not self._entries:
            raise damaged("damaged_zip")
        self.names = frozenset(name.lower() for name, kind, *_ in self._entries if kind in (_STORAGE, _STREAM))
        *_, first, size = self._entries[0]
        self._small = self._chained(first, self._next, self._sector)[:size]
        self._next_small = list(self._numbers(self._chained(first_small, self._next, self._sector)))
        self._root = self._entries_of_the_root()

    def stream(self, name: str) -> bytes | None:
        """Return the bytes of a stream in the root, or None when there is none of that name."""
        found = self._root.get(name.lower())
        if found is None:
            return None
        first, size = found
        if size < self._small_below:
            return self._chained(first, self._next_small, self._small_sector)[:size]
        return self._chained(first, self._next, self._sector)[:size]

    def _entries_of_the_root(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        waiting, seen = [self._entries[0][4]], set()
        while waiting:
            at = waiting.pop()
            if at in seen or at >= len(self._entries):
                continue
            seen.add(at)
            name, kind, left, right, _, first, size = self._entries[at]
            waiting += [left, right]
            if kind == _STREAM:
                found.setdefault(name.lower(), (first, size))
        return found

    def _chained(self, first: int, following: list[int], sector: Callable[[int], bytes]) -> bytes:
        parts: list[bytes] = []
        seen, at = set(), first
        while at < _LAST_SECTOR:
            if at in seen or at >= len(following):
                raise damaged("damaged_zip")
            seen.add(at)
            parts.append(sector(at))
            at = following[at]
        return b"".join(parts)

    def _sector(self, number: int) -> bytes:
        begin = (number + 1) * self._size
        if begin >= len(self._data):
            raise damaged("damaged_zip")
        return self._data[begin : begin + self._size]

    def _small_sector(self, number: int) -> bytes:
        return self._small[number * 64 : number * 64 + 64]

    @staticmethod
    def _numbers(data: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def refuse_what_is_no_workbook(file: CompoundFile) -> None:
    """Raise when the compound file is locked, carries macros, or is of another program."""
    if {"encryptedpackage", "encryptioninfo"} & file.names:
        raise UnreadableFile("workbook_is_not_encrypted", "ole")
    if {"_vba_project_cur", "macros", "vba"} & file.names:
        raise UnreadableFile("workbook_has_no_macros", "unexpected")
    if not {"workbook", "book"} & file.names:
        kind = next((reason for sign, reason in _OTHERS.items() if sign in file.names), "ole")
        raise UnreadableFile("file_format_is_supported", kind)


_OTHERS = {"worddocument": "doc", "__properties_version1.0": "msg"}
