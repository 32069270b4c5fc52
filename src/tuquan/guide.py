"""The guide for commune officers, printed from ``docs/huong-dan-xa.typ``: two pages on one form and its answer.

What it says about forms, figures and answers comes from where the system takes it: sentences from the seeds, readings
from the decision table, and the answer from reading the example form. So the guide cannot promise anything else.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tuquan import settings
from tuquan.answers import receipt_text
from tuquan.corrections import correction_for
from tuquan.judging import Arrival, Known, judge
from tuquan.load import finding_rows, submission_rows
from tuquan.typesetting import print_pdf
from tuquan.vocabulary.areas import Area, load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.duties import duty_of
from tuquan.vocabulary.figures import highest_possible, read_figure
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import Period, parse_period
from tuquan.vocabulary.phrases import date_vi, number_vi, period_vi, phrase
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.reading import read_file
from tuquan.workbook.template import Figure, write_form

SOURCE = "huong-dan-xa.typ"


@dataclass(frozen=True)
class ExampleAnswer:
    """What comes back for the example form with its mistakes."""

    receipt: str
    workbook: bytes


@dataclass(frozen=True)
class Example:
    """The example of the guide (``docs/huong-dan-xa.json``): a commune, a period, figures and ways of writing them."""

    told: Mapping[str, Any]

    @property
    def period(self) -> Period:
        return parse_period(self.told["period"], current_form().calendar)

    @property
    def area(self) -> Area:
        area = load_register().at(self.told["area"], self.period.end)
        if area is None:
            raise LookupError(f"the guide's example area {self.told['area']} is not in force on {self.period.end}")
        return area

    def write_form(self, target: Path, *, with_mistakes: bool) -> None:
        """Write the filled form, as it should be or with the mistakes of the example."""
        mistakes = self.told["mistakes"] if with_mistakes else {}
        values: dict[tuple[str, str], Figure] = {
            (indicator, "period"): value for indicator, value in (self.told["figures"] | mistakes).items()
        }
        values |= {(indicator, "year_to_date"): value for indicator, value in self.told["year_so_far"].items()}
        earlier = {(indicator, "period"): Decimal(value) for indicator, value in self.told["earlier"].items()}
        write_form(target, self.area, self.period, values=values, previous=earlier)

    def answer(self) -> ExampleAnswer:
        """Return the answer to the form with its mistakes, were it the first file that ever arrived."""
        received_at = datetime.fromisoformat(self.told["received_at"])
        with TemporaryDirectory() as folder:
            path = Path(folder) / self.told["file"]
            self.write_form(path, with_mistakes=True)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            judged = judge(Arrival(1, path.name, digest, received_at), read_file(path, path.name), Known())
            (submission,) = judged.file.submissions
            statuses = [cell.status for cell in submission.cells]
            row = submission_rows(judged, received_at)[0] | {
                "cells_read": statuses.count("read"),
                "cells_blank": statuses.count("blank"),
                "cells_held": statuses.count("held") + statuses.count("refused"),
            }
            # Without the line of the fingerprint: it would change with each byte of the form.
            arrival = {"declared_name": path.name, "received_at": received_at, "sha256": None}
            arrival |= {"status": judged.status, "stored_in": judged.file.storage}
            findings = finding_rows(judged)
            correction = correction_for(arrival, [row], findings, lambda _: (), path)
        if correction is None or correction.kind != "workbook":
            raise LookupError(
                "the guide's example form is not sent back; its mistakes in docs/huong-dan-xa.json are none"
            )
        enclosed = correction.sentences(correction.file_name(path.stem))
        return ExampleAnswer(receipt_text(arrival, [row], findings, enclosed), correction.content)

    def readings(self) -> list[dict[str, str]]:
        """Return how the decision table reads each way of writing: written, status, value and what to write instead."""
        indicator = load_catalogue()[self.told["read_as"]]
        highest = highest_possible(indicator, self.period, "period")
        readings = []
        for way in self.told["ways_of_writing"]:
            reading = read_figure(way["written"], way["type"], indicator, highest=highest)
            instead = reading.suggestion or way.get("instead", "")
            readings.append(
                {
                    "written": way["written"] or phrase("receipt.empty_cell"),
                    "status": reading.status,
                    "value": number_vi(reading.value),
                    "instead": instead,
                }
            )
        return readings


def load_example() -> Example:
    """Read the example of the guide."""
    return Example(json.loads((_folder() / SOURCE).with_suffix(".json").read_text(encoding="utf-8")))


def print_guide(out: Path | None = None) -> Path:
    """Print the guide to ``out`` (default: beside its source) and return where it is."""
    source = _folder() / SOURCE
    target = out or source.with_suffix(".pdf")
    print_pdf(source, target, _data(load_example()))
    return target


def _folder() -> Path:
    return settings.load().project / "docs"


def _data(example: Example) -> dict[str, Any]:
    form, period, area = current_form(), example.period, example.area
    duty = duty_of(area, form.form, period, load_register())
    return {
        "phrases": {row["phrase"]: row["text_vi"] for row in read_seed("phrases")},
        "checks": {row["check"]: row for row in read_seed("checks")},
        "form": {"code": form.form, "version": form.form_version, "name": form.name_vi},
        "area": {"code": area.ref_area, "name": area.name_vi},
        "period": {"code": period.code, "name": period_vi(period)},
        "period_days": [date_vi(period.start), date_vi(period.end)],
        "due_after_days": duty.due_after_days if duty else None,
        "closes_after_days": duty.closes_after_days if duty else None,
        "file": example.told["file"],
        "receipt": example.answer().receipt.splitlines(),
        "readings": example.readings(),
    }
