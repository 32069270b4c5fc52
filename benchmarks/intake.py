"""Five thousand files at once, a fifth of them bad: one pass of `tuquan collect`, every file with an outcome.

First the good workbooks alone, which gives CPU per workbook; then all files together, which gives the outcomes and the
peak memory of all processes. Bad are those of the tests for hostile files, and many of each kind that offices send by
mistake: cut, damaged, with personal data, with doubtful figures, of another year, no form, print-outs, repeats.
"""

import argparse
import io
import itertools
import os
import random
import shutil
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench import StepFailed, measure

from tuquan import warehouse
from tuquan.simulate import simulate
from tuquan.vocabulary.areas import COUNTRY, load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fixtures"))
from hostile_files import hostile_files, xlsx

COMMUNES = 3321  # in force; the rest of the good workbooks are of the month after
MONTHS = ("2026-M01", "2026-M02")
MOST_CPU_MS, MOST_MEGABYTES = 6.0, 1500.0
TAKEN = ("accepted",)
STOPPED = ("held", "refused")
EXPECTED = {"good": TAKEN, "sent again": ("duplicate",)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5000)
    files = parser.parse_args().files
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    tuquan = str(Path(sys.executable).with_name("tuquan"))
    with tempfile.TemporaryDirectory(prefix="tuquan-bench-") as folder:
        good = files - files // 5
        homes = {name: Path(folder) / name for name in ("small", "good", "all")}
        lay_good(homes["good"] / "inbox", good)
        shutil.copytree(homes["good"] / "inbox", homes["all"] / "inbox")
        kinds = lay_bad(homes["all"] / "inbox", files - good)
        lay_good(homes["small"] / "inbox", 4)
        costs = {}
        for name, home in homes.items():  # the small one compiles what is imported
            os.environ["TUQUAN_HOME"] = str(home)
            costs[name] = measure(f"collect {name}", [tuquan, "collect"], good)
        outcomes = outcomes_by_kind(kinds)
    total = outcomes.total()
    of_good, of_all = costs["good"], costs["all"]
    print(f"{good} good workbooks alone: {of_good.cpu_ms_per_workbook:.2f} CPU ms each, {of_good.wall_seconds:.1f} s")
    print(
        f"all {files} files: {of_all.wall_seconds:.1f} s, {of_all.cpu_seconds:.1f} CPU s, largest process "
        f"{of_all.largest_process_mb:.0f} MB, all processes together {of_all.all_processes_mb:.0f} MB\n"
    )
    for (kind, status), count in sorted(outcomes.items()):
        print(f"{kind:20} {status:12} {count:5}")
    wrong = [key for key in outcomes if key[1] not in EXPECTED.get(key[0], STOPPED)]
    over = of_good.cpu_ms_per_workbook > MOST_CPU_MS or of_all.all_processes_mb > MOST_MEGABYTES
    print(f"\nsum {total}; with another outcome than expected: {wrong or 'none'}; bars {'missed' if over else 'kept'}")
    return 1 if wrong or over or total != files else 0


def lay_good(inbox: Path, count: int) -> None:
    """Write workbooks as communes send them."""
    simulate(min(count, COMMUNES), [MONTHS[0]], inbox)
    if count > COMMUNES:
        simulate(count - COMMUNES, [MONTHS[1]], inbox)


def lay_bad(inbox: Path, count: int) -> dict[str, str]:
    """Write ``count`` bad files beside the good ones; return the kind of each by its declared name."""
    originals = sorted(inbox.rglob("*.xlsx"))
    random.Random(1).shuffle(originals)  # noqa: S311
    kinds = {str(path.relative_to(inbox)): "good" for path in originals}
    hostile = ((one.name, "hostile", one.build()) for one in hostile_files() if one.build())
    for number, (name, kind, content) in enumerate(
        itertools.islice(itertools.chain(hostile, mistakes(originals)), count)
    ):
        declared = f"cần xem/{letters(number)} {name}"
        (inbox / declared).parent.mkdir(exist_ok=True)
        (inbox / declared).write_bytes(content)
        kinds[declared] = kind
    return kinds


def letters(number: int) -> str:
    """A name without digits, which could be taken for the code of an area."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:04}")


def mistakes(originals: list[Path]) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, kind and content without end: one of each kind in turn."""
    chance = random.Random(2)  # noqa: S311
    year, later = parse_period("2021"), parse_period("2026-M03")
    strangers = load_register().communes(COUNTRY, year.end)
    senders = load_register().communes(COUNTRY, later.end)
    figure = (load_catalogue().on_form(current_form().form, later)[0].indicator, "period")
    for number, original in enumerate(itertools.cycle(originals)):
        content = original.read_bytes()
        sender = senders[number % len(senders)]
        yield "bieu.xlsx", "sent again", content
        yield "bieu.xlsx", "cut", content[: chance.randrange(100, len(content))]
        yield "bieu.xlsx", "damaged", _flipped(content, chance)
        yield "bieu.xlsx", "with a telephone", _form(sender, later, {figure: "SĐT 0912345678"})
        yield "bieu.xlsx", "doubtful", _form(sender, later, {figure: "khoảng 50"})
        yield "bieu.xlsx", "of another year", _form(strangers[5000 + number], year, {figure: 3})
        yield "bao cao.xlsx", "no form", xlsx(f"<worksheet><sheetData/><!--{number}--></worksheet>")
        yield "bieu.pdf", "print-out", b"%PDF-1.7\n" + chance.randbytes(5000)
        yield "bieu.xls", "web page", f"<html><table><tr><td>{number}</td></tr></table></html>".encode()
        yield (
            "bang.csv",
            "unknown area",
            f"ref_area,time_period,indicator,obs_value\n9{number:04},2026-M01,x,1\n".encode(),
        )


def _flipped(content: bytes, chance: random.Random) -> bytes:
    """Change one byte of the packed sheet; in a time or an attribute of the container it would not matter."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    begin = part.header_offset + 30 + len(part.filename)
    at = chance.randrange(begin, begin + part.compress_size)
    return content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]


def _form(area, period, values) -> bytes:
    buffer = io.BytesIO()
    write_form(buffer, area, period, values=values)
    return buffer.getvalue()


def outcomes_by_kind(kinds: dict[str, str]) -> Counter[tuple[str, str]]:
    """Count the outcomes in the register by the kind of file that was laid out."""
    with warehouse.connect() as connection:
        found = connection.execute("select declared_name, status from raw.arrivals").fetchall()
    return Counter((kinds.get(name, "nobody's"), status) for name, status in found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StepFailed as error:
        sys.exit(str(error))
