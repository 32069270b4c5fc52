"""Forms to test with: a commune, a period, and a filled workbook with sensible defaults."""

import os
import shutil
import subprocess
from io import BytesIO

import openpyxl
import pytest
from legacy_encoders import LEGACY_ENCODERS, LETTERS

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.reading import read_file
from tuquan.workbook.template import write_form

CAM_THUY = "390"  # a district of Thanh Hóa; 17 communes in December 2021


@pytest.fixture
def converted(tmp_path):
    """Lets the LibreOffice of this machine save a workbook as another kind of file, and returns the path of that.

    Where there is none these tests are skipped, but never in CI (.ci/run installs it).
    """
    if shutil.which("soffice") is None and os.environ.get("CI") != "true":
        pytest.skip("soffice is not installed")

    def convert(source, kind):
        folder, profile = tmp_path / "converted", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        command = ["soffice", profile, "--headless", "--convert-to", kind, "--outdir", str(folder), str(source)]
        subprocess.run(command, check=True, timeout=120, capture_output=True, env={**os.environ, "HOME": str(tmp_path)})
        return folder / f"{source.stem}.{kind}"

    return convert


@pytest.fixture
def period():
    return parse_period("2021")


@pytest.fixture
def commune(period):
    return load_register().communes(CAM_THUY, period.end)[0]


@pytest.fixture
def form_file(tmp_path, commune, period):
    """Writes a form and returns its path; ``values`` by (indicator, measure)."""

    def write(values=None, *, area=commune, of_period=period, name="bieu.xlsx", **more):
        path = tmp_path / name
        write_form(path, area, of_period, values={("households_total", "period"): 1288} | (values or {}), **more)
        return path

    return write


@pytest.fixture
def edited(form_file):
    """Writes a form, lets a clerk (openpyxl) change it, and returns what is read."""

    def edit(change, values=None, **more):
        path = form_file(values, **more)
        book = openpyxl.load_workbook(path)
        for merged in list(book.worksheets[0].merged_cells.ranges):
            book.worksheets[0].unmerge_cells(str(merged))  # openpyxl does not move them with inserted rows
        change(book.worksheets[0])
        book.save(path)
        return read_file(path, path.name)

    return edit


@pytest.fixture
def form_bytes():
    def write(area, period, **more):
        buffer = BytesIO()
        write_form(buffer, area, period, **more)
        return buffer.getvalue()

    return write


@pytest.fixture
def vietnamese_letters():
    return LETTERS


@pytest.fixture
def encode():
    """Writes text in an encoding of Python or of old Vietnamese fonts."""
    return lambda text, encoding: LEGACY_ENCODERS.get(encoding, lambda text: text.encode(encoding))(text)
