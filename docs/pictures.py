"""Draw the pictures of the guide from its own example (``make pictures``). Needs soffice and pdftoppm on this machine.

The form as it was filled in, and the table of the workbook that comes back, with one of its notes opened.
"""

import re
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops, ImageOps

from tuquan.guide import load_example

IMAGES = Path(__file__).with_name("images")
DOTS_PER_INCH = 200
MARGIN = 12  # pixels around what is drawn
COLOURS = 64  # a form has a dozen, and the edges of letters
# LibreOffice prints open notes only. The printed area is the table, and the columns over which the note reaches.
_ONE_OPEN_NOTE = {
    ".vml": [(rb"visibility:hidden", rb"visibility:visible"), (rb"<x:AutoFill>", rb"<x:Visible/><x:AutoFill>")],
    "sheet1.xml": [(rb"<pageSetup ", rb'<pageSetup cellComments="asDisplayed" ')],
    "workbook.xml": [(rb"\$B\$1:\$G\$\d+", rb"$B$11:$J$19")],
}


def draw() -> None:
    """Write the pictures into ``docs/images/``."""
    example = load_example()
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        form, returned = Path(folder) / "form.xlsx", Path(folder) / "returned.xlsx"
        example.write_form(form, with_mistakes=False)
        returned.write_bytes(example.answer().workbook)
        _prepare(form, {})
        _prepare(returned, _ONE_OPEN_NOTE)
        _picture(form, IMAGES / "bieu-mau.png")
        _picture(returned, IMAGES / "bien-nhan.png")


def _prepare(workbook: Path, changes: Mapping[str, Sequence[tuple[bytes, bytes]]]) -> None:
    """Change the parts of a workbook whose names end so, each place once, and take the foot off the page."""
    with zipfile.ZipFile(workbook) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(workbook, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            content = re.sub(rb"<oddFooter>.*?</oddFooter>", b"", content)
            for ending, places in changes.items():
                for pattern, new in places if name.endswith(ending) else ():
                    content, count = re.subn(pattern, new, content, count=1)
                    if not count:
                        raise LookupError(f"{name} has no {pattern!r}; the writer of forms or of notes has changed")
            archive.writestr(name, content)


def _picture(workbook: Path, target: Path) -> None:
    folder, page = workbook.parent, workbook.with_suffix(".png")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, workbook], check=True, timeout=120
    )
    pdf = workbook.with_suffix(".pdf")
    subprocess.run(["pdftoppm", "-r", str(DOTS_PER_INCH), "-png", "-singlefile", pdf, page.with_suffix("")], check=True)
    with Image.open(page) as image:
        drawn = image.convert("RGB")
    box = ImageChops.invert(drawn.convert("L")).getbbox()
    framed = ImageOps.expand(drawn.crop(box), MARGIN, "white")
    framed.quantize(COLOURS).save(target, optimize=True)


if __name__ == "__main__":
    draw()
