"""Draw the pictures of guide and README (``make pictures``). Needs soffice, pdftoppm and chromium on this machine.

Of the guide's own example: the form as it was filled in, and the table of the workbook that comes back, with one of its
notes opened. Of the sample, in a real Airflow: a period that is held, the pages on which it is reviewed, and the first
page of a release.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from PIL import Image, ImageChops, ImageOps
from playwright.sync_api import Page, sync_playwright

from tuquan import handoffs, publish, review, settings
from tuquan.guide import load_example
from tuquan.local_airflow import DEMO_REVIEWER, LocalAirflow
from tuquan.sample import lay_out_sample

IMAGES = Path(__file__).with_name("images")
DOTS_PER_INCH = 200
MARGIN = 12  # pixels around what is drawn
COLOURS = 64  # a form has a dozen, and the edges of letters
WINDOW, LOW = {"width": 1280, "height": 860}, {"width": 1280, "height": 600}
PATIENCE = 120_000  # ms until Airflow has drawn its page
HELD = "2023-S1"  # of the sample: its gate is closed until a question is answered
PRINTED = "2021"  # of the sample: may be released with one commune missing
APPROVER = "Lãnh đạo Phòng"
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
    folder = workbook.parent
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, workbook], check=True, timeout=120
    )
    _first_page(workbook.with_suffix(".pdf"), target)


def _first_page(pdf: Path, target: Path) -> None:
    """Write what is drawn on the first page, with few colours: a picture is to be small."""
    shot = target.with_suffix("")
    subprocess.run(["pdftoppm", "-r", str(DOTS_PER_INCH), "-png", "-singlefile", pdf, shot], check=True)
    with Image.open(target) as image:
        drawn = image.convert("RGB")
    box = ImageChops.invert(drawn.convert("L")).getbbox()
    framed = ImageOps.expand(drawn.crop(box), MARGIN, "white")
    framed.quantize(COLOURS).save(target, optimize=True)


def draw_pages() -> None:
    """Let a real Airflow build the sample, and write the pictures of its pages into ``docs/images/``."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        os.environ |= {"TUQUAN_HOME": folder, "TUQUAN_SETTLE_SECONDS": "0"}
        lay_out_sample(settings.load().inbox, 1)
        with LocalAirflow() as airflow, sync_playwright() as playwright:
            airflow.unpause()
            airflow.trigger(handoffs.COLLECT)
            _wait_for_builds(airflow)
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_context(viewport=WINDOW, locale="vi-VN").new_page()
            _sign_in(page, airflow)
            build = next(run for run in airflow.runs(handoffs.BUILD) if run.conf["time_period"] == HELD)
            page.goto(f"{airflow.url}/dags/{handoffs.BUILD}/runs/{build.run_id}")
            page.set_viewport_size(LOW)
            page.get_by_role("button", name=re.compile("^Show Graph")).click(timeout=PATIENCE)
            page.get_by_role("button", name="Collapse Details Panel").click()
            page.locator(".react-flow__node").first.wait_for(timeout=PATIENCE)
            time.sleep(2)  # the graph moves into its place
            page.locator(".react-flow__controls-fitview").click()
            time.sleep(2)
            _shoot(page, "airflow.png")
            page.set_viewport_size(WINDOW)
            for path, name in (("", "duyet-cau-hoi.png"), ("/tiep-nhan", "duyet-tiep-nhan.png")):
                page.goto(f"{airflow.url}/duyet/ky/{HELD}{path}")
                _shoot(page, name)
            browser.close()
        review.record_approval(PRINTED, review.candidate(PRINTED), APPROVER, approved=True)
        _first_page(publish.publish(PRINTED) / "bang-so-lieu.pdf", IMAGES / "ban-in.png")


def _wait_for_builds(airflow: LocalAirflow) -> None:
    while not (runs := airflow.runs(handoffs.BUILD)) or not all(
        run.is_over for dag_id in (handoffs.COLLECT, handoffs.BUILD) for run in airflow.runs(dag_id)
    ):
        airflow.check_alive()
        time.sleep(1)
    if failed := [run.run_id for run in runs if run.state == "failed"]:
        raise RuntimeError(f"{', '.join(failed)} failed; see {airflow.log_folder}")


def _sign_in(page: Page, airflow: LocalAirflow) -> None:
    password = json.loads(airflow.passwords_file.read_text())[DEMO_REVIEWER]
    sent = {"username": DEMO_REVIEWER, "password": password}
    token = httpx.post(f"{airflow.url}/auth/token", json=sent, timeout=30).raise_for_status().json()["access_token"]
    page.context.add_cookies([{"name": "_token", "value": token, "url": airflow.url}])


def _shoot(page: Page, name: str) -> None:
    """Write what the window shows, with few colours as well."""
    target = IMAGES / name
    page.screenshot(path=target)
    with Image.open(target) as image:
        image.convert("RGB").quantize(4 * COLOURS).save(target, optimize=True)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["forms", "pages"]
    if "forms" in wanted:
        draw()
    if "pages" in wanted:
        draw_pages()
