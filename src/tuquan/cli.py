"""The same steps by hand: each command does what the DAG task of its name does, without Airflow.

Exit codes: 0 done, 1 done but something was refused or held (or a gate is closed), 2 usage, 3 machinery failed.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tuquan import (
    admissions,
    calibration,
    checking,
    collect as collecting,
    demo as demonstration,
    guide as guidance,
    handout,
    issued_workbooks,
    load as loading,
    local_airflow,
    plausibility as doubting,
    provenance,
    publish as publishing,
    receipts,
    register,
    reminders,
    review,
    sample as samples,
    settings,
    simulate as simulation,
    snapshot,
    transform,
    validate,
    verification,
    withdrawals,
)
from tuquan.releases import NoEvidence, NoRelease, files_of
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import UnknownPeriod, parse_reported_period
from tuquan.vocabulary.phrases import VIETNAM, date_vi, number_vi, phrase, shown, time_vi

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
# In a pipe nothing is wrapped or cut: a line stays a line.
out = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 10_000)
errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


class Exit(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    REFUSED_OR_HELD = 1
    USAGE = 2
    MACHINERY = 3


PeriodOption = Annotated[str, typer.Option("--period", help="2026-M11, 2026-Q4, 2026-S2 or 2026.")]
AnyPeriodOption = Annotated[str | None, typer.Option("--period", help="One period only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Register a command whose errors end in a sentence and the right exit code, never in a traceback."""

    @wraps(function)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except _USAGE_ERRORS as error:
            errors.print(str(error))
            raise typer.Exit(Exit.USAGE) from None
        except _REFUSALS as error:
            errors.print(str(error))
            raise typer.Exit(Exit.REFUSED_OR_HELD) from None
        except typer.Exit:
            raise
        except Exception as error:
            place = f"; TUQUAN_HOME is {settings.load().home}" if isinstance(error, OSError) else ""
            errors.print(f"{type(error).__name__}: {error}{place}")
            raise typer.Exit(Exit.MACHINERY) from error

    return app.command()(guarded)


_USAGE_ERRORS = (
    *(typer.BadParameter, UnknownPeriod, handout.UnknownArea, review.NoSuchFlag, review.NoCandidate),
    provenance.NoSuchCell,
    ValueError,
)
_REFUSALS = (*(publishing.PublicationRefused, NoRelease, NoEvidence, review.NotBuilt, transform.NotBuilt),)


@command
def template(
    period: PeriodOption,
    area: Annotated[
        str | None, typer.Option(help="Code of one commune; with --all of any area, such as 38: only its communes.")
    ] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="The workbook to write.")] = None,
    all_in: Annotated[Path | None, typer.Option("--all", help="Folder for the forms of all who owe one.")] = None,
) -> None:
    """Write blank forms, prefilled with area, period and the figures of the period before."""
    if (out_file is None) == (all_in is None) or (all_in is None and area is None):
        raise typer.BadParameter("give either --area and --out, or --all with or without --area")
    if all_in is not None:
        written = handout.write_owed_forms(period, all_in, *([area] if area else []))
        out.print(phrase("cli.forms_written", count=number_vi(len(written)), path=all_in))
    else:
        handout.write_blank_form(area, period, out_file)
        out.print(phrase("cli.forms_written", count=1, path=out_file))


@command
def guide(
    out_file: Annotated[
        Path | None, typer.Option("--out", help="The PDF to write. Default: docs/huong-dan-xa.pdf.")
    ] = None,
) -> None:
    """Print the guide for commune officers, in the words of the seeds."""
    out.print(phrase("cli.guide_printed", path=guidance.print_guide(out_file)))


@command
def collect(
    inbox: Annotated[Path | None, typer.Option(help="Folder to read instead of the inbox of TUQUAN_HOME.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Take the inbox into the raw store and the register, load what can be read, answer each file with a receipt."""
    if inbox is not None and not inbox.is_dir():
        raise typer.BadParameter(f"{inbox} is not a folder")
    settled = register.newest_settled()
    collected = collecting.register_inbox(inbox)
    loaded = loading.load_registered()
    receipts.write_receipts()
    files = register.received_files(after=settled)
    outcomes = Counter(file["status"] for file in files)
    counts = {status: outcomes[status] for status in ("accepted", "held", "refused", "ignored", "duplicate")}
    counts |= {"unchanged": collected.unchanged, "waiting": len(collected.waiting)}
    if as_json:
        _print_json({**counts, "figures": loaded.figures, "periods": sorted(loaded.periods), "files": files})
    else:
        out.print(phrase("cli.collected", **{name: number_vi(count) for name, count in counts.items()}))
        for file in files:
            for finding in _questions([file]):
                out.print(f"  {shown(file['file'])}: {finding['message_vi']}")
        out.print(phrase("demo.receipts", path=settings.load().receipts))
    if counts["held"] or counts["refused"]:
        raise typer.Exit(Exit.REFUSED_OR_HELD)


@command
def check(
    files: Annotated[list[Path], typer.Argument(help="Files as a commune would send them, in this order.")],
    as_json: JsonOption = False,
) -> None:
    """Say what a file would be answered if it were sent now, without taking it. Exit 1 when one is held or refused."""
    for file in files:
        if not os.path.lexists(file):
            raise typer.BadParameter(f"{file} is not there")
    answers = checking.check_files(files)
    if as_json:
        _print_json([answer.file for answer in answers])
    else:
        out.print("\n".join(answer.receipt for answer in answers))
    if any(answer.file["status"] in ("held", "refused") for answer in answers):
        raise typer.Exit(Exit.REFUSED_OR_HELD)


@command
def remind(
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Another day than today.")] = None,
) -> None:
    """Show what would be told today, without addresses, and send nothing; the DAG remind_and_digest sends."""
    when = (day or datetime.now(VIETNAM)).date()
    if reminders.is_quiet(when):
        out.print(phrase("remind.quiet", date=date_vi(when)))
        return
    due = reminders.preview(when)
    for subject, text in due:
        out.print(subject, text, "─" * 40, sep="\n")
    if not due:
        out.print(phrase("remind.nothing", date=date_vi(when)))


@command
def submissions(
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="AREA PERIOD", help="What each version of a report changed, such as 15127 2026-M06."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the register: one line (or JSON object) per received file, with its outcome and findings."""
    if diff is not None:
        _show_versions(register.versions(diff[0], _checked(diff[1])), as_json)
        return
    files = register.received_files()
    if as_json:
        _print_json(files)
        return
    table = _table(*map(_heading, ("file", "outcome", "area", "period", "version", "questions")))
    for file in files:
        waiting = [phrase("cli.waits", **one) for one in file["submissions"] if _waits(one)]
        version = _text(file["version"]) or "; ".join(waiting)
        known = (file["ref_area"], file["time_period"], version, str(len(_questions([file]))))
        table.add_row(shown(file["file"]), phrase(f"status.{file['status']}"), *known)
    out.print(table)


@command
def admit(
    submission: Annotated[str, typer.Argument(help="Id of a report that waits as a whole, or its beginning.")],
    by: Annotated[str, typer.Option(help="Who takes it.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the name.")],
) -> None:
    """Let a report that waits as a whole count as the next version: a revision, old bytes, figures taken back."""
    submission_id, version = admissions.admit(submission, by, reason)
    receipts.write_digest(submission_id)
    out.print(phrase("cli.admitted", submission_id=submission_id, version=version))


@command
def build(period: AnyPeriodOption = None) -> None:
    """Run dbt: staging, marts and flags. Without --period: every period that received something."""
    periods = [_checked(period)] if period else transform.periods_with_news()
    for time_period in periods:
        results = transform.build(time_period)
        done = phrase("cli.built", nodes=len(results)) if results else phrase("cli.up_to_date")
        out.print(f"{time_period}: {done}")
    if not periods:
        out.print(phrase("cli.nothing_new"))


@command
def gate(period: PeriodOption, as_json: JsonOption = False) -> None:
    """Let the gates of expectations/ judge a built period, and write the review list. Exit 1 when one is closed."""
    transform.ensure_built(_checked(period))
    outcome = validate.run_gates(period)
    summary_file = review.write_review_list(period)
    if as_json:
        _print_json(asdict(outcome))
    else:
        out.print(phrase(f"gate_status.{outcome.gate_status}"))
        out.print(phrase("cli.review_list", path=summary_file.parent))
    if outcome.gate_status == "closed":
        raise typer.Exit(Exit.REFUSED_OR_HELD)


@command
def flags(
    period: AnyPeriodOption = None,
    until_stable: Annotated[
        bool,
        typer.Option("--until-stable", help="Only as far as an answer may change a rounded total of the province."),
    ] = False,
    workbook: Annotated[
        Path | None,
        typer.Option(help="Write the questions of --period as a workbook to decide in; it is sent back by the inbox."),
    ] = None,
    by: Annotated[str, typer.Option(help="Who decides in the workbook.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the open questions about figures, the gravest and those with the largest effect first."""
    if workbook is not None:
        _issue_workbook(period, workbook, by)
        return
    found = review.open_questions(_checked(period) if period else None, until_stable)
    if as_json:
        _print_json(found)
        return
    table = _table(*map(_heading, ("flag", "severity", "state", "question")))
    for one in found:
        words = (phrase(f"severity.{one['severity']}"), phrase(f"question_state.{one['state']}"), one["message_vi"])
        table.add_row(one["question_id"][:8], *words)
    out.print(table)
    if until_stable:
        left = len(review.open_questions(period)) - len(found)
        out.print(phrase("cli.until_stable" if found or not left else "review.stable_already", count=number_vi(left)))


def _issue_workbook(period: str | None, path: Path, by: str) -> None:
    if period is None or not by.strip():
        raise typer.BadParameter("a workbook is of one --period, and --by says who decides in it")
    seen = snapshot.read(_checked(period))
    if seen is None:
        raise review.NotBuilt(f"{period} has not been built yet; run `tuquan build` first")
    content = issued_workbooks.issue(seen, by.strip())
    if content is None:
        out.print(phrase("page.nothing_to_decide"))
        return
    path.write_bytes(content)
    out.print(phrase("cli.workbook_written", path=path))


@command
def decide(
    question: Annotated[str, typer.Argument(help="Id of the question, or of one flag in it, or its beginning.")],
    choice: Annotated[str, typer.Argument(help="confirm, correct, return (to the commune) or hold.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    value: Annotated[float | None, typer.Option(help="The right value, for correct.")] = None,
) -> None:
    """Record a decision about a question. It holds for the values judged and lapses when the commune sends others."""
    figures = review.decide(question, choice, reason, by, None if value is None else Decimal(str(value)))
    if choice == "return":
        receipts.write_returned()
    out.print(phrase("cli.decided", figures=number_vi(figures)))


@command
def apply_decisions() -> None:
    """Apply the decisions that wait as files, such as those of the review page, and say which periods to build anew."""
    periods = review.apply_verdicts()
    receipts.write_returned()
    out.print(phrase("cli.applied", periods=", ".join(periods)) if periods else phrase("cli.nothing_new"))


@command
def confirm_event(
    area: Annotated[str, typer.Option(help="Code of the commune.")],
    period: PeriodOption,
    indicator: Annotated[list[str], typer.Option(help="Indicator that the event moved; give it once for each.")],
    reason: Annotated[str, typer.Option(help="What happened: a campaign, a new model, a merger …")],
    by: Annotated[str, typer.Option(help="Who decides.")],
) -> None:
    """Confirm figures that are unusual for a good reason, before or after they are asked about."""
    figures = review.confirm_event(area, _checked(period), indicator, reason, by)
    out.print(phrase("cli.decided", figures=number_vi(figures)))


@command
def recalibrate(
    write: Annotated[
        bool, typer.Option("--write", help="Write the proposed numbers to seeds/causes.csv and seeds/thresholds.csv.")
    ] = False,
) -> None:
    """Compare the scores of answered questions with the answers, and propose other priors and thresholds."""
    proposals = calibration.propose()
    table = _table(*map(_heading, ("calibrated", "answered", "expected_mistakes", "mistakes", "before", "after")))
    for one in proposals:
        counts = (one.answered, round(one.expected, 1), one.mistakes)
        table.add_row(
            one.label_vi, *map(number_vi, counts), calibration.shown(one.before), calibration.shown(one.after)
        )
    out.print(table)
    if not any(one.is_change for one in proposals):
        out.print(phrase("cli.calibrated_already"))
    elif write:
        calibration.write(proposals)
        out.print(phrase("cli.recalibrated"))
    else:
        out.print(phrase("cli.recalibration_proposed"))


@command
def approve(
    period: PeriodOption,
    by: Annotated[str, typer.Option(help="Who approves.")],
    note: Annotated[str, typer.Option(help="A note, kept with the approval.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Say no instead.")] = False,
) -> None:
    """Approve (or reject) the newest candidate of a period. The approval signs its content.

    Who decided about figures of the period does not approve it.
    """
    digest = review.candidate(_checked(period))
    if digest is None:
        raise review.NoCandidate(
            f"{period} has nothing to approve: not judged since the last change, gate closed, or already released"
        )
    review.record_approval(period, digest, by, approved=not reject, note=note)
    out.print(phrase("approval.rejected" if reject else "approval.approved"))


@command
def draft(period: PeriodOption) -> None:
    """Write the package of a period as it would be published now, marked DỰ THẢO, into its review folder."""
    out.print(phrase("cli.draft", path=publishing.write_draft(_checked(period))))


@command
def publish(
    period: PeriodOption,
    revise: Annotated[bool, typer.Option("--revise", help="Write the next revision if the contents changed.")] = False,
) -> None:
    """Write the release of an approved period."""
    folder = publishing.publish(_checked(period), revise=revise)
    publishing.announce(period)
    out.print(phrase("demo.release", path=folder))


@command
def verify(
    folder: Annotated[Path, typer.Argument(help="The folder of a release, wherever it was copied to.")],
    as_json: JsonOption = False,
) -> None:
    """Say whether a release is what was published, byte for byte. Needs nothing else. Exit 1 when it is not."""
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder")
    try:
        faults = verification.verify(folder)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        _print_json({"is_whole": not faults, "faults": [asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            out.print(shown(fault.message_vi))
        files = number_vi(len(files_of(folder)))
        name = "cli.not_verified" if faults else "cli.verified"
        out.print(phrase(name, path=folder, files=files, faults=number_vi(len(faults))))
    if faults:
        raise typer.Exit(Exit.REFUSED_OR_HELD)


@command
def why(
    release: Annotated[str, typer.Argument(help="A period (its newest release), PERIOD/rN, or a folder.")],
    cell: Annotated[str, typer.Argument(help="REF_AREA/INDICATOR or REF_AREA/PERIOD/INDICATOR.")],
    as_json: JsonOption = False,
) -> None:
    """Lead from a published figure to the bytes behind it, and compute it anew from them. Exit 1 when it differs."""
    explained = provenance.Evidence(provenance.find_release(release)).explain(cell)
    if as_json:
        _print_json(explained)
    else:
        out.print("\n".join(provenance.told(explained)))
    if not explained["is_equal"]:
        raise typer.Exit(Exit.REFUSED_OR_HELD)


@command
def withdraw(
    period: PeriodOption,
    by: Annotated[str, typer.Option(help="Who takes the release back.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the notice.")],
) -> None:
    """Take back the newest release of a period by a new revision without figures. Nothing is overwritten."""
    folder = withdrawals.withdraw(_checked(period), by, reason)
    out.print(phrase("cli.withdrawn", path=folder / withdrawals.NOTICE))


@command
def sql(
    query: Annotated[str, typer.Argument(help="One SQL query on the released marts, read-only.")],
    as_json: JsonOption = False,
) -> None:
    """Answer a query from the newest revision of every released period."""
    names, found = publishing.query(query)
    if as_json:
        _print_json([dict(zip(names, row, strict=True)) for row in found])
        return
    table = _table(*names)
    for row in found:
        table.add_row(*map(_text, row))
    out.print(table)


@command
def sample(
    folder: Annotated[Path | None, typer.Option("--out", help="Default: the inbox of TUQUAN_HOME.")] = None,
    wave: Annotated[int, typer.Option(min=1, max=2, help="1: with mistakes; 2: the corrected workbooks.")] = 1,
) -> None:
    """Lay out sample submissions whose sums over the communes equal the published figures."""
    target = folder or settings.load().inbox
    out.print(phrase("demo.inbox", files=number_vi(len(samples.lay_out_sample(target, wave)))))
    out.print(phrase("sample.notice"))


@command
def simulate(
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the workbooks.")],
    areas: Annotated[int, typer.Option(min=1, help="How many communes.")] = 3321,
    periods: Annotated[int, typer.Option(min=1, help="How many months, the first being 2026-M01.")] = 1,
    seed: Annotated[int, typer.Option(help="Another number, other figures.")] = 0,
) -> None:
    """Write filled workbooks of many communes and months, for trials and benchmarks."""
    written = simulation.simulate(areas, periods, out_folder, seed)
    out.print(phrase("cli.forms_written", count=number_vi(written), path=out_folder))


@command
def plausibility(
    panel: Annotated[Path, typer.Option(help="CSV: ref_area, time_period, indicator, obs_value.")],
    indicators: Annotated[Path, typer.Option(help="CSV: indicator, statistical_kind, whole, driver, form_order.")],
    areas: Annotated[Path, typer.Option(help="CSV: ref_area, district, area_type, households.")],
    out_file: Annotated[Path, typer.Option("--out", help="The CSV to write, most suspicious figures first.")],
    area_changes: Annotated[Path | None, typer.Option(help="CSV: ref_area, time_period, change, other_area.")] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(help="CSV: ref_area, time_period, indicator, obs_value, decision, corrected_value."),
    ] = None,
) -> None:
    """Find the implausible figures of any panel, with the likely mistake and the likely figure."""
    figures, flags = doubting.find_implausible(
        doubting.Panel(panel, indicators, areas, area_changes, decisions), out_file
    )
    out.print(phrase("cli.panel_checked", figures=number_vi(figures), flags=number_vi(flags), path=out_file))


@command
def demo() -> None:
    """Run the main job end to end through Airflow on the sample submissions, and print what came of it."""
    demonstration.run(out)


@command
def up() -> None:
    """Start Airflow and its UI on 127.0.0.1 and stay until Ctrl-C."""
    local_airflow.up()


def _checked(period: str) -> str:
    return parse_reported_period(period).code


def _waits(submission: dict[str, Any]) -> bool:
    return submission["status"] == "held" and not submission["is_loaded"]


def _show_versions(versions: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        _print_json(versions)
        return
    if not versions:
        out.print(phrase("cli.no_version"))
    catalogue = load_catalogue()
    for number, version in enumerate(versions):
        places = {
            "file": shown(version["file"]),
            "time": time_vi(version["received_at"]),
            "figures": number_vi(version["figures"]),
        }
        name = "cli.version" if version["is_loaded"] else "cli.waiting_version"
        out.print(phrase(name, **places, version=version["version"], submission_id=version["submission_id"]))
        if version["admitted_by"]:
            reason = shown(version["admission_reason"])
            out.print(phrase("cli.version_admitted", name=shown(version["admitted_by"]), reason=reason))
        if version["changes"]:
            table = _table(*map(_heading, ("indicator", "before", "after")))
            for change in version["changes"]:
                known = change["indicator"] in catalogue
                name = catalogue[change["indicator"]].name_vi if known else change["indicator"]
                decimals = catalogue[change["indicator"]].decimals if known else 0
                sides = (_figure(change[side], decimals) for side in ("before", "after"))
                table.add_row(f"{name} ({phrase('measure.' + change['measure'])})", *sides)
            out.print(table)
        elif number:
            out.print(phrase("cli.unchanged_version"))


def _figure(cell: dict[str, Any] | None, decimals: int) -> str:
    if cell is None:
        return phrase("cell_status.absent")
    if cell["status"] == "read":
        return number_vi(cell["obs_value"], decimals)
    held = "blank" if cell["status"] == "blank" else "held"
    return phrase(f"cell_status.{held}", written=shown(cell["written"] or ""))


def _questions(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [finding for file in files for finding in file["findings"] if finding["severity"] in ("held", "refused")]


def _heading(name: str) -> str:
    return phrase(f"column.{name}")


def _table(*columns: str) -> Table:
    # Wrapped text stays readable in a terminal; in a pipe nothing is cut.
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _text(value: object) -> str:
    return "" if value is None else f"{_as_json(value)}" if isinstance(value, Decimal | date) else str(value)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_as_json) + "\n")


def _as_json(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)  # what a query may give: an interval, an identifier
