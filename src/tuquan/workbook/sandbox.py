"""Read files from outside in a child process with limits on memory, processor and wall time.

A damaged or hostile file can then at worst end its child: that one file is refused, a new child reads the rest.
The child answers each path with one line of JSON, so nothing that it was tricked into can come back as an object.
"""

import resource
import selectors
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tuquan.vocabulary.phrases import load_checks
from tuquan.workbook.reading import read_file
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
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, path: Path, declared_name: str) -> ReadFile:
        """Return what :func:`tuquan.workbook.reading.read_file` reads, or a refusal when the child did not survive."""
        child = self._running()
        assert child.stdin is not None
        question = msgspec.json.encode(_Question(str(path), declared_name))
        try:
            child.stdin.write(question + b"\n")
            child.stdin.flush()
            answer = self._answer(child)
        except BrokenPipeError:
            answer = b""
        if answer:
            return msgspec.json.decode(answer, type=ReadFile)
        self.close()
        return _refusal(declared_name)

    def close(self) -> None:
        """End the child; safe to call twice."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    pipe.close()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tuquan.workbook.sandbox"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._child

    def _answer(self, child: subprocess.Popen[bytes]) -> bytes:
        """Return the child's line, or nothing when it ended or kept silent for too long."""
        assert child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            if not selector.select(WALL_SECONDS):
                return b""
        return child.stdout.readline()


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
        message_vi=check.message(file=declared_name, limit=WALL_SECONDS),
    )
    return ReadFile(file_format="unknown", submissions=[], findings=[finding], status="refused")


def main() -> None:
    """Answer paths from standard input until it closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The answers get a descriptor of their own, so that a stray print of a library cannot spoil them.
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr
    encoder = msgspec.json.Encoder()
    for line in sys.stdin.buffer:
        question = msgspec.json.decode(line, type=_Question)
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS, hard))
        answers.write(encoder.encode(read_file(Path(question.path), question.declared_name)) + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
