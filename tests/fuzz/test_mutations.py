"""Mutated files of every format: an outcome each, soon, and never a figure that the file does not state.

Short by default; ``TUQUAN_FUZZ_SECONDS=600 pytest tests/fuzz`` (or ``make fuzz SECONDS=600``) goes on for longer. The
seed is printed; ``TUQUAN_FUZZ_SEED`` begins with it again. What fails is shown as the smallest mutation that fails.
"""

import contextlib
import io
import itertools
import os
import random
import re
import signal
import struct
import time
import unicodedata
import zipfile
import zlib
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import hypothesis
import msgspec
import pytest
from form_files import form_files
from hypothesis import HealthCheck, given, strategies as st

from tuquan.workbook.reading import read_file
from tuquan.workbook.sandbox import SandboxedReader

SECONDS = float(os.environ.get("TUQUAN_FUZZ_SECONDS", "6"))
SEED = int(os.environ.get("TUQUAN_FUZZ_SEED", str(random.SystemRandom().randrange(2**32))))
EXAMPLES_A_ROUND = 250
CPU_SECONDS = 2.0
SANDBOXED_OF = 40  # one file of so many is read by the child as well, and every slow one
SLOW_SECONDS = 0.3

QUICK = hypothesis.settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
TELEPHONE = "0912345678"
PIECES = [
    *("<", ">", '"', "\0", "\xff", "-1", "&amp;", "&x;", "]]>", "<!--", "<!DOCTYPE x>", "PK\x05\x06", "PK\x03\x04"),
    *("0", "1", "-0", "1e308", "NaN", "Infinity", "99999999999", "4294967295", "2147483648", "65536", "1048577"),
    *(
        "XFD1048576",
        "ZZZZ99999999",
        "A0",
        "A1",
        "E14",
        "$E$14",
        "R1C1",
        "'",
        ";",
        ",",
        "\t",
        "\r\n",
        "\u2028",
        "\ufeff",
    ),
    *("1.288", "1,288", "1 288", "12.5", "~500", "=1+1", "@x", "{{ ds }}", "../../x", "١٢٨٨", "１２８８", "1_288", "½"),
    *("Xã Cẩm Thủy", "2021", "2026-M01", "390", "MẬT", TELEPHONE, f"SĐT {TELEPHONE}", "\u202e8821", "1\u200b288"),
]
TEXTS = st.one_of(st.sampled_from(PIECES), st.text(max_size=30), st.integers(-(2**40), 2**40).map(str))
PLACES = st.floats(0, 1, exclude_max=True)


class Mutation(NamedTuple):
    """What is done to a file, and where: ``place`` and ``other`` are shares of whatever there is to choose from."""

    kind: str
    place: float
    other: float
    count: int
    text: str


MUTATIONS = st.builds(
    Mutation,
    st.sampled_from(["flip", "cut", "repeat", "insert", "swap", "twice", "number", "word", "fold", "length", "drop"]),
    PLACES,
    PLACES,
    st.one_of(st.integers(1, 8), st.integers(1, 3000)),
    TEXTS,
)


def chosen(items, share):
    return items[int(share * len(items))]


def mutated(content: bytes, mutations: list[Mutation], *, inside: bool) -> bytes:
    """Return the file with the mutations, in its container or ``inside`` the parts of it (with right checksums)."""
    if not inside or not content.startswith(b"PK"):
        for mutation in mutations:
            content = damaged(content, mutation)
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    for mutation in mutations:
        at = int(mutation.place * len(parts))
        if mutation.kind == "swap":
            to = int(mutation.other * len(parts))
            (one, first), (two, second) = parts[at], parts[to]
            parts[at], parts[to] = (one, second), (two, first)
        elif mutation.kind == "twice":
            parts.append(parts[at] if mutation.count % 2 else (mutation.text or "x", parts[at][1]))
        elif mutation.kind == "drop" and len(parts) > 1:
            del parts[at]
        else:
            name, part = parts[at]
            parts[at] = (name, damaged(part, mutation._replace(place=mutation.other, other=mutation.place)))
    return packed(parts)


def packed(parts):
    """Pack parts as they are, with names that ``zipfile`` would refuse or warn about."""
    body, directory = b"", b""
    for name, content in parts:
        packer = zlib.compressobj(wbits=-15)
        data = packer.compress(content) + packer.flush()
        told = name.encode("utf-8", "replace")
        common = struct.pack("<5H3L2H", 20, 0x800, 8, 0, 33, zlib.crc32(content), len(data), len(content), len(told), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + told
        body += b"PK\x03\x04" + common + told + data
    return (
        body
        + directory
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(parts), len(parts), len(directory), len(body), 0)
    )


def damaged(content: bytes, mutation: Mutation) -> bytes:
    at = int(mutation.place * (len(content) + 1))
    kind, count, text = mutation.kind, mutation.count, mutation.text.encode("utf-8", "replace")
    if kind in ("number", "word"):
        return with_another_value(content, mutation, text)
    if kind == "fold":  # one element around itself, many times
        elements = re.findall(rb"<([A-Za-z:]+)[^<>]*>", content)
        name = chosen(elements, mutation.place) if elements else b"x"
        return content[:at] + b"<" + name + b">" * 1 + content[at:] if count % 2 else folded(content, name, count)
    if kind == "length" and len(content) > at + 4:  # of a record, or whatever stands there
        return content[:at] + struct.pack("<I", int(mutation.other * 2**32)) + content[at + 4 :]
    if kind == "flip" and at < len(content):
        return content[:at] + bytes([content[at] ^ 1 << count % 8]) + content[at + 1 :]
    if kind in ("cut", "drop"):
        return content[:at] if kind == "drop" else content[:at] + content[at + count :]
    if kind == "repeat":
        return content[:at] + content[at : at + 200] * min(count, 50) + content[at:]
    if kind in ("swap", "twice"):
        to = int(mutation.other * (len(content) + 1))
        piece = content[at : at + count]
        return content[:to] + piece + content[to:]
    return content[:at] + text * (1 + count % 3) + content[at:]


def folded(content, name, count):
    opening, closing = b"<" + name + b">", b"</" + name + b">"
    place = content.rfind(b"</")
    return content[:place] + opening * count + closing * count + content[place:]


VALUE = re.compile(rb'(?<==")[^"<>]*(?=")|(?<=>)[^<>]+(?=<)|(?<=[;,:"])[^;,:"\r\n{}<>]+(?=[;,"\r\n}])')
NUMBER = re.compile(rb"\d+")


def with_another_value(content, mutation, text):
    """Replace one value of an attribute, an element or a field, or one of the numbers that stand anywhere."""
    found = list(itertools.islice((NUMBER if mutation.kind == "number" else VALUE).finditer(content), 5000))
    if not found:
        return content
    begin, end = chosen(found, mutation.place).span()
    if mutation.kind == "number":
        text = str(int(mutation.other * 10 ** (mutation.count % 12))).encode()
    return content[:begin] + text + content[end:]


class TookTooLong(BaseException):
    """More CPU than a file may take; no net of the reader catches it."""


def _stop(*_):
    raise TookTooLong


@pytest.fixture
def limited(monkeypatch):
    before = signal.signal(signal.SIGPROF, _stop)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


WRITTEN = re.compile(r"(\d{1,3}(?:[. ]\d{3})+|\d+)(?:,(\d+)|\.(\d+))?(?:\s*[^\d\s]\D*)?")


def meant_by(raw_text, raw_type="text"):
    """Read a figure in another way than the project: each number that the text may mean; for percent also its hundred.

    A number cell means the number that it stores, whatever a reader of texts would make of its dot, and the whole
    number next to it when only the last digits of a float lie between.
    """
    readings = set()
    with contextlib.suppress(InvalidOperation):
        stored = Decimal(raw_text)
        readings |= {whole for whole in (stored, stored.quantize(1)) if abs(whole - stored) < Decimal("1e-6")}
    text = " ".join(unicodedata.normalize("NFKC", raw_text).split())
    if raw_type != "number" and (found := WRITTEN.fullmatch(text)):
        readings.add(Decimal(f"{re.sub('[. ]', '', found[1])}.{found[2] or found[3] or 0}"))
    return readings | {reading * 100 for reading in readings}


PERSONAL = {"no_telephone_numbers", "no_identity_numbers", "no_email_addresses"}


def check(file):
    """What is true of the outcome of any file."""
    findings = [*file.findings, *(finding for one in file.submissions for finding in one.findings)]
    assert file.status in ("accepted", "held", "refused")
    assert file.storage in ("raw", "quarantine", "nothing")
    assert file.status == "accepted" or findings
    assert all(finding.message_vi.strip() for finding in findings)
    assert file.storage != "nothing" or not file.submissions
    worst = {finding.severity for finding in findings}
    assert file.status != "accepted" or not worst & {"held", "refused"}
    for one in file.submissions:
        assert one.status in ("accepted", "held", "refused")
        assert not one.is_loadable or (one.area_key and one.form and one.time_period)
        for cell in one.cells:
            assert (cell.obs_value is None) == (cell.status != "read")
            if cell.obs_value is not None:
                assert cell.reading_rule
                assert cell.raw_text
                assert Decimal(cell.obs_value) in meant_by(cell.raw_text, cell.raw_type), cell
                assert Decimal(cell.obs_value) >= 0
    if any(finding.check_name in PERSONAL for finding in findings):
        assert file.storage == "nothing"
        assert TELEPHONE not in repr(file)


@pytest.mark.timeout(max(120, 3 * SECONDS))
def test_no_mutation_ends_in_anything_but_an_outcome(tmp_path, caplog, limited):
    files = form_files()
    path = tmp_path / "received"
    counts = {"files": 0, "accepted": 0, "held": 0, "refused": 0, "sandboxed": 0}

    with SandboxedReader() as reader:

        @hypothesis.settings(QUICK, max_examples=EXAMPLES_A_ROUND)
        @given(
            st.sampled_from(sorted(files)),
            st.lists(MUTATIONS, min_size=1, max_size=4),
            st.sampled_from([True, True, True, False]),
        )
        def is_answered(name, mutations, inside):
            path.write_bytes(mutated(files[name], mutations, inside=inside))
            caplog.clear()
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
            file = read_file(path, name)
            signal.setitimer(signal.ITIMER_PROF, 0)
            spent = time.process_time() - began
            assert not caplog.records, "the last net caught something that the readers should know"
            check(file)
            counts["files"] += 1
            counts[file.status] += 1
            if counts["files"] % SANDBOXED_OF == 0 or spent > SLOW_SECONDS:
                counts["sandboxed"] += 1
                assert msgspec.json.encode(reader.read(path, name)) == msgspec.json.encode(file)

        deadline = time.monotonic() + SECONDS
        for seed in itertools.count(SEED):
            print(f"seed {seed}: TUQUAN_FUZZ_SEED={seed}")
            hypothesis.seed(seed)(is_answered)()
            if time.monotonic() > deadline:
                break
    print(counts)
    assert counts["accepted"]
    assert counts["held"]


@given(
    st.sampled_from(["bieu.xlsx", "bieu.ods", "bieu.csv", "bieu.json", "bang.csv", "bieu.docx"]),
    st.one_of(st.text(st.characters(blacklist_categories=["Cs"]), max_size=12), st.sampled_from(PIECES)),
)
@hypothesis.settings(QUICK, max_examples=200)
@hypothesis.seed(SEED)
def test_whatever_stands_in_a_figures_place_is_read_as_it_stands_or_not_at_all(tmp_path, caplog, name, text):
    """1288 households become any text at all; the figure is that text's number, or there is none."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    content = form_files()[name]
    if name.endswith(".csv"):
        content = content.replace(b"1288", text.replace('"', '""').encode())
    elif name.endswith(".json"):
        content = content.replace(b'"1288"', msgspec.json.encode(text))
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [(part, archive.read(part)) for part in archive.namelist()]
        told = escaped.encode("utf-8", "replace")
        parts = [(part, told.join(xml.split(b"1288")) if b"1288" in xml else xml) for part, xml in parts]
        content = packed(parts)
    path = tmp_path / "received"
    path.write_bytes(content)
    file = read_file(path, name)
    assert not caplog.records
    check(file)
    readings = {Decimal(cell.obs_value) for one in file.submissions for cell in one.cells if cell.obs_value is not None}
    assert readings <= meant_by(text) | {Decimal(4512), Decimal(3)}
