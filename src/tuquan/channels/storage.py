"""Files on an SFTP server or in a bucket → deliveries; answers go into a folder beside them.

Nothing that lies there is moved, changed or deleted. Names and keys are data: they are only ever given back to the
server that named them. A server that is down or refuses us raises; a file that cannot be read is a row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tuquan.channels.transport import CONNECT_SECONDS, ServerFailed
from tuquan.collect import NOT_SENT, STILL_ARRIVING, Delivery, Reply
from tuquan.outbox import waiting_replies
from tuquan.vocabulary.phrases import phrase

DEEPEST = 20  # folders below each other
# A folder with such a name was meant to be a file.
NAMES_OF_FILES = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".csv", ".tsv", ".docx", ".json")

Facts = Mapping[str, Any]


def sftp(connection: Any) -> Any:
    """Log in to the SFTP server of an Airflow connection and return its files, as fsspec gives them.

    The server has to show the key that extra ``host_key`` holds ("ssh-ed25519 AAAA…"), or one that the account's
    ``~/.ssh/known_hosts`` names: the ``sftp://`` of Airflow's own paths gives the password to whoever answers.
    """
    import asyncssh
    from sshfs import SSHFileSystem

    extra = connection.extra_dejson
    options: dict[str, Any] = {"known_hosts": ()}  # asyncssh: those of the account
    if host_key := extra.get("host_key"):
        options["known_hosts"] = ([asyncssh.import_public_key(host_key)], [], [])
    if private_key := extra.get("private_key"):
        options["client_keys"] = [asyncssh.import_private_key(private_key, extra.get("private_key_passphrase"))]
    elif key_file := extra.get("key_file"):
        options["client_keys"] = [key_file]
    return SSHFileSystem(
        connection.host,
        port=connection.port or 22,
        username=connection.login,
        password=connection.password or None,
        connect_timeout=CONNECT_SECONDS,
        login_timeout=CONNECT_SECONDS,
        keepalive_interval=CONNECT_SECONDS,
        sftp_client_kwargs={"path_errors": "surrogateescape"},  # one odd name does not hide all others
        skip_instance_cache=True,
        **options,
    )


def sftp_deliveries(files: Any, root: str, channel: str) -> Iterator[Delivery]:
    """Yield what lies below the folder ``root`` of an SFTP server; links, pipes and devices are refused, not followed.

    Raises:
        OSError: ``root`` itself cannot be listed.
    """
    from asyncssh.sftp import SFTPConnectionLost, SFTPError, SFTPNoConnection

    def content(path: str, most: int) -> bytes:
        try:
            with files.open(path, "rb") as opened:
                return opened.read(most + 1)
        except (SFTPConnectionLost, SFTPNoConnection) as broken:
            raise ServerFailed(f"{channel} broke off; the next pass takes what is missing") from broken
        except SFTPError as refusal:
            raise PermissionError(refusal.reason) from refusal

    def version(facts: Facts) -> str:
        return f"{facts['size']} {facts['mtime']}"

    def version_now(path: str) -> str | None:
        try:
            return version(files.info(path))
        except (SFTPConnectionLost, SFTPNoConnection):
            raise
        except (FileNotFoundError, SFTPError):
            return None

    root = root.rstrip("/")
    folders = [(root or "/", 0)]
    while folders:
        folder, depth = folders.pop()
        try:
            entries = sorted(files.ls(folder, detail=True), key=lambda facts: facts["name"])
        except (FileNotFoundError, SFTPError) as closed:
            if depth == 0 or isinstance(closed, SFTPConnectionLost | SFTPNoConnection):
                raise
            yield _refused(_delivery(channel, root, folder), "file_can_be_opened", "not_readable")
            continue
        for facts in entries:
            path, kind = facts["name"], facts["type"]
            name = path.rsplit("/", 1)[-1]
            if name.startswith(NOT_SENT) or path == reply_folder(root):
                continue
            if kind == "directory" and depth < DEEPEST and not name.lower().endswith(NAMES_OF_FILES):
                folders.append((path, depth + 1))
            elif kind == "file":
                yield _delivery(
                    channel,
                    root,
                    path,
                    version=version(facts),
                    read=lambda most, path=path: content(path, most),
                    look_again=lambda path=path: version_now(path),
                    size_bytes=facts["size"] or 0,
                    modified_ns=_nanoseconds(facts["mtime"]),
                )
            else:
                reason = "link" if kind == "link" else "not_a_file"
                yield _refused(_delivery(channel, root, path), "file_is_a_regular_file", reason)


def bucket_deliveries(files: Any, root: str, channel: str) -> Iterator[Delivery]:
    """Yield the objects whose keys begin with ``root`` ("bucket/folder"). An object is there only when it is whole.

    Raises:
        OSError: the bucket cannot be listed.
    """

    def content(path: str, size: int, most: int) -> bytes:
        try:
            # A range of nothing is an error to S3.
            return files.cat_file(path, start=0, end=most + 1) if size else b""
        except (FileNotFoundError, PermissionError):
            raise
        except OSError as broken:
            raise ServerFailed(f"{channel} did not give what it had listed") from broken

    root = root.rstrip("/")
    files.invalidate_cache()
    for path, facts in sorted(files.find(root, detail=True).items()):
        is_ours = path.startswith(f"{reply_folder(root)}/")
        if is_ours or path.endswith("/") or path.rsplit("/", 1)[-1].startswith(NOT_SENT):
            continue
        size = facts["size"]
        version = " ".join(str(facts[part]) for part in ("ETag", "size", "VersionId") if facts.get(part) is not None)
        delivery = _delivery(
            channel,
            root,
            path,
            version=version,
            read=lambda most, path=path, size=size: content(path, size, most),
            look_again=(lambda: None) if path.lower().endswith(STILL_ARRIVING) else None,
            size_bytes=size,
            modified_ns=_nanoseconds(facts["LastModified"]),
        )
        # Such a key names another object to the client library.
        yield _refused(delivery, "file_can_be_opened", "not_readable") if "?versionId=" in path else delivery


def _delivery(channel: str, root: str, path: str, **facts: Any) -> Delivery:
    # A name that is not UTF-8 stays readable and unique.
    name = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    below = path[len(root) + 1 :].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    given = {"version": "", "read": lambda _: None, **facts}
    return Delivery(channel, identity=name, declared_name=below, reply=Reply(reply_folder(root)), **given)


def _nanoseconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) * 10**9 if moment else 0  # a server need not say


def _refused(delivery: Delivery, check: str, reason: str) -> Delivery:
    return replace(delivery, refusal=check, reason=phrase(f"reason.{reason}"))


def put_replies(files: Any, channel: str) -> None:
    """Lay what waits for the senders of this channel where their files lie; then it is forgotten here.

    Raises:
        OSError: the server is down or refuses; what was not put still waits.
    """
    for reply in waiting_replies(channel):
        for file in reply.files:
            files.pipe_file(f"{reply.address}/{file.name}", file.read_bytes())
        reply.is_out()


def reply_folder(root: str) -> str:
    """Return where answers lie below ``root``; what lies there is never received."""
    return f"{root.rstrip('/')}/{phrase('channel.reply_folder')}"
