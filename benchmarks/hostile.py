"""What each hostile file costs its reader: outcome, CPU and peak memory.

The files are those of the tests; in front of them stand the largest that an office may send, which have to pass. Each
is read in a process of its own, under the limits of ``tuquan.workbook.sandbox``, that has read a form before.
"""

import argparse
import io
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tuquan.simulate import Figures, form_values, illustrate
from tuquan.vocabulary.areas import COUNTRY, Area, load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.reading import read_file
from tuquan.workbook.sandbox import CPU_SECONDS, MEMORY_BYTES
from tuquan.workbook.template import write_form

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fixtures"))
from hostile_files import hostile_files

MOST_CPU_MS, MOST_MEGABYTES = 2000, 300
KILOBYTES_OR_BYTES = 1 if sys.platform == "darwin" else 1024
PERIOD = parse_period("2026")
PASSES = "accepted"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="files with this in their name")
    only = parser.parse_args().only
    files = [*LARGEST_OF_OFFICES, *((hostile.name, hostile.build, hostile.check) for hostile in hostile_files())]
    missed = []
    print(f"{'file':48} {'bytes':>10} {'CPU ms':>7} {'peak MB':>8}  outcome")
    with tempfile.TemporaryDirectory(prefix="tuquan-bench-") as folder:
        path = Path(folder) / "received"
        _apart(lambda: path.write_bytes(year_form()))
        read_file(path, "warm.xlsx")
        for name, build, expected in files:
            if only in name:
                _apart(lambda build=build: path.write_bytes(build()))
                outcome, cpu_ms, peak = read_alone(path, name)
                print(f"{name[:48]:48} {path.stat().st_size:10} {cpu_ms:7.0f} {peak:8.0f}  {outcome}", flush=True)
                if expected not in outcome.split() or cpu_ms > MOST_CPU_MS or peak > MOST_MEGABYTES:
                    missed.append(name)
    print(f"\nover {MOST_CPU_MS} ms, over {MOST_MEGABYTES} MB, or with another outcome: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


def _apart(write: Callable[[], object]) -> None:
    """Do it in another process, so that what it takes is not inherited by those that are measured."""
    child = os.fork()
    if child == 0:
        write()
        os._exit(0)
    os.waitpid(child, 0)


def read_alone(path: Path, name: str) -> tuple[str, float, float]:
    """Return status and check (or how the process ended), CPU in ms and peak memory in MB."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            file = read_file(path, name)
        except MemoryError:
            os._exit(1)
        findings = [*file.findings, *(finding for one in file.submissions for finding in one.findings)]
        os.write(tell, f"{file.status} {findings[0].check_name if findings else ''}".encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as outcome:
        said = outcome.read()
    _, status, used = os.wait4(child, 0)
    said = said or f"ended with {os.waitstatus_to_exitcode(status)}"
    return said, 1000 * (used.ru_utime + used.ru_stime), used.ru_maxrss * KILOBYTES_OR_BYTES / 1_000_000


@cache
def figures_of(communes: int) -> dict[Area, Figures]:
    areas = load_register().communes(COUNTRY, PERIOD.end)[:communes]
    figures = illustrate(areas, PERIOD)
    return {area: figures[area.area_key] for area in areas}


def year_form() -> bytes:
    """A year form with all its figures."""
    ((area, figures),) = figures_of(1).items()
    buffer = io.BytesIO()
    write_form(buffer, area, PERIOD, values=form_values(figures, PERIOD))
    return buffer.getvalue()


def table_of_a_province() -> bytes:
    """A line for each figure of 600 communes."""
    lines = ["ref_area,time_period,indicator,measure,obs_value"]
    for area, figures in figures_of(600).items():
        values = form_values(figures, PERIOD).items()
        lines += [f"{area.ref_area},{PERIOD.code},{name},{measure},{value}" for (name, measure), value in values]
    return "\n".join(lines[:49_000]).encode()


def workbook_of_a_district() -> bytes:
    """The year forms of 60 communes in one workbook, a sheet each."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for area, figures in figures_of(60).items():
        buffer = io.BytesIO()
        write_form(buffer, area, PERIOD, values=form_values(figures, PERIOD))
        sheet = book.create_sheet(area.ref_area)
        for row in openpyxl.load_workbook(buffer).worksheets[0].iter_rows():
            for cell in row:
                if cell.value is not None:
                    sheet[cell.coordinate] = cell.value
                    sheet[cell.coordinate].number_format = cell.number_format
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


LARGEST_OF_OFFICES: list[tuple[str, Callable[[], bytes], str]] = [
    ("a year form", year_form, PASSES),
    ("600 communes, a line for each figure", table_of_a_province, PASSES),
    ("60 communes, a sheet each", workbook_of_a_district, PASSES),
]


if __name__ == "__main__":
    sys.exit(main())
