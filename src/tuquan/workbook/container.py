"""Take a ZIP container apart within limits that hold whatever the file claims about its sizes.

Only the list of parts comes from the standard library; unpacking, checksums and the agreement of the two headers of
each part are checked here, so that nothing is read that an office program would not read the same way.
"""

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

MEBIBYTE = 1024 * 1024
MAX_FILE_BYTES = 10 * MEBIBYTE  # a filled form has 15 kB
MAX_UNPACKED_BYTES = 40 * MEBIBYTE  # of all parts together
MAX_RATIO = 250  # sheets of one repeated row reach about 100; bombs have 1,000
RATIO_COUNTS_FROM_BYTES = MEBIBYTE  # small parts may be as repetitive as they like
MAX_MEMBERS = 400  # a form has 12, an office workbook with pictures some dozens
MAX_MEMBER_NAME = 200
END_RECORD_BYTES = 22  # the last thing in a container without a comment

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_ERRORS_OF_A_BAD_CONTAINER = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,  # how zipfile says that it does not know a compression
    OSError,
    ValueError,
    OverflowError,
    IndexError,
)


class UnreadableFile(Exception):
    """The file cannot be read as a whole.

    ``check`` is a line of ``seeds/checks.csv``, ``reason`` a phrase ``reason.<reason>``; ``value`` and ``limit`` are
    given when something is too large, ``value`` alone when something is missing.
    """

    def __init__(self, check: str, reason: str, value: int | str | None = None, limit: int | None = None) -> None:
        super().__init__(f"{check}: {reason}" + ("" if limit is None else f" ({value} > {limit})"))
        self.check = check
        self.reason = reason
        self.value = value
        self.limit = limit


def damaged(reason: str) -> UnreadableFile:
    """The file is no sound workbook."""
    return UnreadableFile("file_is_a_readable_workbook", reason)


def too_large(what: str, value: int, limit: int) -> UnreadableFile:
    """The file exceeds a limit."""
    return UnreadableFile("file_is_of_a_safe_size", what, value, limit)


def read_members(path: Path) -> dict[str, bytes]:
    """Return every part of the ZIP container at ``path`` by name, unpacked and with its checksum tested.

    Raises:
        UnreadableFile: damaged, too large, or with names, offsets or bytes that no office program writes.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise too_large("size", size, MAX_FILE_BYTES)
    return members_of(path.read_bytes())


def members_of(data: bytes) -> dict[str, bytes]:
    """Return every part of a ZIP container, as :func:`read_members`."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        if len(infos) > MAX_MEMBERS:
            raise too_large("members", len(infos), MAX_MEMBERS)
        if not infos:
            raise damaged("damaged_zip")
        if infos[0].header_offset != 0 or not data.startswith(b"PK\x05\x06", len(data) - END_RECORD_BYTES):
            raise damaged("polyglot")
        return _unpacked(data, infos)
    except _ERRORS_OF_A_BAD_CONTAINER as error:
        raise damaged("damaged_zip") from error


def _unpacked(data: bytes, infos: list[zipfile.ZipInfo]) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    seen: set[str] = set()
    total, free_from = 0, 0
    for info in infos:
        name = info.orig_filename
        if not _is_plain_name(name) or name.lower() in seen:
            raise damaged("odd_member")
        seen.add(name.lower())
        if info.flag_bits & 0x1:
            raise UnreadableFile("workbook_is_not_encrypted", "unexpected")
        start = _start_of_content(data, info)
        end = start + info.compress_size
        if info.header_offset < free_from or end > len(data):
            raise damaged("damaged_zip")
        free_from = end
        content = _inflated(data[start:end], info, MAX_UNPACKED_BYTES - total)
        total += len(content)
        if not name.endswith("/"):
            members[name] = content
    return members


def _is_plain_name(name: str) -> bool:
    parts = name.removesuffix("/").split("/")
    is_clean = name.isprintable() and not any(sign in name for sign in '\\:*?"<>|')
    return is_clean and len(name) <= MAX_MEMBER_NAME and all(part not in ("", ".", "..") for part in parts)


def _start_of_content(data: bytes, info: zipfile.ZipInfo) -> int:
    """Where the packed bytes begin; the header in front of them must name the same part as the directory does."""
    header = _LOCAL_HEADER.unpack_from(data, info.header_offset)
    begin = info.header_offset + _LOCAL_HEADER.size
    name = data[begin : begin + header[9]].decode("utf-8" if header[2] & 0x800 else "cp437")
    if header[0] != b"PK\x03\x04" or name != info.orig_filename:
        raise damaged("damaged_zip")
    return begin + header[9] + header[10]


def _inflated(packed: bytes, info: zipfile.ZipInfo, room: int) -> bytes:
    if info.compress_type == zipfile.ZIP_STORED:
        content = packed
    elif info.compress_type == zipfile.ZIP_DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        content = inflater.decompress(packed, room + 1)
        if len(content) <= room and (not inflater.eof or inflater.unused_data):
            raise damaged("damaged_zip")
    else:
        raise damaged("damaged_zip")
    if len(content) > room:
        raise too_large("unpacked", max(info.file_size, MAX_UNPACKED_BYTES + 1), MAX_UNPACKED_BYTES)
    if len(content) > max(RATIO_COUNTS_FROM_BYTES, MAX_RATIO * len(packed)):
        raise too_large("ratio", len(content) // max(1, len(packed)), MAX_RATIO)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise damaged("damaged_zip")
    return content
