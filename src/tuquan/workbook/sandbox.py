"""Read files from outside in a child process with limits on memory, processor and wall time.

A damaged or hostile file can then at worst end its child: that one file is refused, a new child reads the rest.
The child answers each path with one line of JSON, so nothing that it was tricked into can come back as an object.
"""

import gc
import resource
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.phrases import load_checks
from tuquan.workbook.reading import read_file
from tuquan.workbook.remarks import quoted
from tuquan.workbook.submission import Finding, ReadFile

MEMORY_BYTES = 1_000_000_000  # address space; an ordinary form needs 60 MB of it
CPU_SECONDS = 5  # per file; an ordinary form needs 0.003
WALL_SECONDS = 15  # per file


class _Question(msgspec.Struct):
    path: str
    declared_name: str


class SandboxedReader:
    """One child process that reads one file after another; started at the first file, restarted when it dies."""

    def __init__(self) -> None:
        self._child: _Child | None = None

    def read(self, path: Path, declared_name: str) -> ReadFile:
        """Return what :func:`tuquan.workbook.reading.read_file` reads, or a refusal when the child did not survive."""
        if self._child is None or not self._child.is_alive():
            self.close()
            self._child = _Child()
        answer = self._child.ask(msgspec.json.encode(_Question(str(path), declared_name)))
        if answer:
            return msgspec.json.decode(answer, type=ReadFile)
        self.close()
        return _refusal(declared_name)

    def close(self) -> None:
        """End the child; safe to call twice."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Child:
    """The process itself, with a pipe in each direction."""

    def __init__(self) -> None:
        theirs, self._ours = socket.socketpair()
        command = [sys.executable, "-m", "tuquan.workbook.sandbox", str(theirs.fileno())]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        theirs.close()
        self._ours.settimeout(WALL_SECONDS)
        self._lines = self._ours.makefile("rb")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, line: bytes) -> bytes:
        """Return the child's line, or nothing when it ended or kept silent for too long."""
        try:
            self._ours.sendall(line + b"\n")
            return self._lines.readline()
        except (TimeoutError, ConnectionError):
            return b""

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._lines.close()
        self._ours.close()


def _refusal(declared_name: str) -> ReadFile:
    check = load_checks()["file_can_be_read_within_limits"]
    finding = Finding(
        check_name=check.check,
        severity="refused",
        sheet=None,
        cell=None,
        indicator=None,
        as_written=None,
        read_as=None,
        suggested_value=None,
        message_vi=check.message(file=quoted(declared_name.rsplit("/", 1)[-1]), limit=WALL_SECONDS),
    )
    # Nobody knows what is in it.
    return ReadFile(file_format="unknown", submissions=[], findings=[finding], status="refused", storage="quarantine")


def main(descriptor: int) -> None:
    """Answer the paths that come through the socket ``descriptor`` until it closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    encoder = msgspec.json.Encoder()
    load_register()
    load_catalogue()
    gc.collect()
    gc.freeze()  # 17,000 areas stay for good: not worth a look at every collection
    with socket.socket(fileno=descriptor) as pipe, pipe.makefile("rwb") as lines:
        for line in lines:
            question = msgspec.json.decode(line, type=_Question)
            used = resource.getrusage(resource.RUSAGE_SELF)
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS, hard))
            lines.write(encoder.encode(read_file(Path(question.path), question.declared_name)) + b"\n")
            lines.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
