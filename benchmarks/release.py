"""How long the printed figures of 600 communes and the workbook of 3,321 take, with all indicators.

Run it with ``make bench-release``; ``--keep FOLDER`` leaves the files to look at.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from tuquan import settings
from tuquan.release_paper import print_release
from tuquan.workbook.release_workbook import write_release_workbook

sys.path.insert(0, str(settings.load().project / "tests" / "fixtures"))
from large_release import made_up

PRINTED, WRITTEN = 600, 3321


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for the files")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = chosen.keep or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        for communes, provinces, what, make in (
            (PRINTED, 1, "both PDF", lambda book: print_release(folder, book)),
            (WRITTEN, 34, "XLSX", lambda book: write_release_workbook(folder / "bang-so-lieu.xlsx", book)),
        ):
            book = made_up(communes, provinces)
            before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
            make(book)
            seconds, cpu = (
                time.perf_counter() - before[0],
                resource.getrusage(resource.RUSAGE_SELF).ru_utime - before[1],
            )
            print(f"{communes:5} communes, {what:8} {seconds:5.2f} s ({cpu:.2f} s of CPU)")


if __name__ == "__main__":
    main()
