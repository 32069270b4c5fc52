"""Read files from outside in a child process with limits on memory, processor and wall time.

A damaged or hostile file can then at worst end its child: that one file is refused, a new child reads the rest. A
child that a file left large is replaced as well, so that no file finds less room because of those before it. The child
answers each path with one line of JSON, so nothing that it was tricked into can come back as an object.
"""

import gc
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import psutil

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.phrases import load_checks
from tuquan.workbook.reading import read_file
from tuquan.workbook.remarks import quoted
from tuquan.workbook.submission import Finding, ReadFile

# Of what the child itself allocates; the interpreter has 40 MB of it, a province's table of 34,800 lines 70. What it
# maps (libraries, locales) comes on top and differs between systems.
MEMORY_BYTES = 260_000_000
CPU_SECONDS = 1.8  # per file; an ordinary form needs 0.003, a province's table 0.8
WALL_SECONDS = 15  # per file
KEPT_BYTES = 110_000_000  # a child that still holds more than this after a file is replaced; a new one has 50 MB


class _Question(msgspec.Struct):
    path: bytes  # a name in a file system need not be UTF-8
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
        answer = self._child.ask(msgspec.json.encode(_Question(os.fsencode(path), declared_name)))
        if answer:
            if self._child.resident_bytes() > KEPT_BYTES:
                self.close()
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

    def resident_bytes(self) -> int:
        try:
            return psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:  # it ended meanwhile
            return 0

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
        message_vi=check.message(file=quoted(declared_name.rsplit("/", 1)[-1])),
    )
    # Nobody knows what is in it.
    return ReadFile(file_format="unknown", submissions=[], findings=[finding], status="refused", storage="quarantine")


def main(descriptor: int) -> None:
    """Answer the paths that come through the socket ``descriptor`` until it closes."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    encoder = msgspec.json.Encoder()
    load_register()
    load_catalogue()
    gc.collect()
    gc.freeze()  # 17,000 areas stay for good: not worth a look at every collection
    with socket.socket(fileno=descriptor) as pipe, pipe.makefile("rwb") as lines:
        for line in lines:
            question = msgspec.json.decode(line, type=_Question)
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # nobody handles its signal, so that it ends the process
            try:
                answer = encoder.encode(read_file(Path(os.fsdecode(question.path)), question.declared_name))
            except MemoryError:
                return
            lines.write(answer + b"\n")
            lines.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
