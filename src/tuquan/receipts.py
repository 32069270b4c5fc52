"""One Vietnamese answer per received file: what was taken, what waits and why, and what to do.

Below ``receipts/<period>/<commune>/`` lie, for each file, its receipt and a workbook to be corrected when there is
something to correct, and for the commune and period one digest of everything that it sent. All of it says what stands
in the register, so it can be written again at any time. What came by a channel that can be answered goes to the outbox;
of a workbook in which the office decided only how many questions it decided, because whoever sends is not known.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from tuquan import outbox, settings, warehouse
from tuquan.answers import area_vi, digest_text, due_lines, receipt_text, review_receipt_text
from tuquan.corrections import Correction, correction_for
from tuquan.given_back import returned_figures
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import period_vi, phrase
from tuquan.workbook.review_sheet import FORMAT as REVIEW_WORKBOOK

BATCH = 500  # files whose answers are in memory together
NAME_BYTES = 180  # a file system takes 255, a letter has up to 4, and something is put in front and behind
_UNSAFE = re.compile(r"[^\w.\- ]+")
_BETWEEN = f"\n{'─' * 40}\n\n"
_COUNTS = """
    count(*) filter (is_loaded and cells.status = 'read') as cells_read,
    count(*) filter (is_loaded and cells.status = 'blank' and reading_rule <> 'absent') as cells_blank,
    count(*) filter (is_loaded and cells.status in ('held', 'refused')) as cells_held
"""
# Those that one mail may answer stand together.
_PENDING = """
select arrivals.*, first_arrivals.received_at as first_received_at, replies.* exclude (arrival_id, channel)
from raw.arrivals
left join raw.arrivals as first_arrivals on arrivals.repeats_arrival_id = first_arrivals.arrival_id
left join meta.replies on arrivals.arrival_id = replies.arrival_id
where arrivals.receipt_path is null and arrivals.status <> 'registered'
order by arrivals.channel, replies.address, arrivals.arrival_id
"""
_SUBMISSIONS = f"""
select submissions.*, {_COUNTS}
from raw.submissions
left join raw.cells using (report_number, submission_id)
where submissions.arrival_id in (select unnest(?))
group by all
order by submission_id
"""  # noqa: S608 - our own words
_FINDINGS = "select * from raw.findings where arrival_id in (select unnest(?)) order by rowid"
_REVIEWS = "select * from meta.review_workbooks where arrival_id in (select unnest(?))"
_CELLS = "select * from raw.cells where submission_id = ? and reading_rule <> 'absent'"
# What was sent for the communes and periods of some files; a repeat says what the file says that it repeats.
_REPORTS = f"""
with

    files as (
        select arrivals.* exclude (status), arrivals.status as file_status,
            coalesce(repeats_arrival_id, arrival_id) as read_arrival_id
        from raw.arrivals
        where status <> 'registered'
    ),

    touched as (
        select distinct area_key, time_period
        from files
        inner join raw.submissions on submissions.arrival_id = files.read_arrival_id
        where files.arrival_id in (select unnest(?)) and area_key is not null and time_period is not null
    )

select files.*, submissions.* exclude (arrival_id), first_arrivals.received_at as first_received_at, {_COUNTS},
    submission_id in (select submission_id from meta.admissions) as is_admitted
from touched
inner join raw.submissions using (area_key, time_period)
inner join files on submissions.arrival_id = files.read_arrival_id
inner join raw.arrivals as first_arrivals on submissions.arrival_id = first_arrivals.arrival_id
left join raw.cells using (report_number, submission_id)
group by all
order by area_key, time_period, files.arrival_id, submission_id
"""  # noqa: S608 - our own words


@dataclass(frozen=True)
class _Answer:
    arrival: dict
    keys: frozenset[tuple[str, str]]  # (area_key, time_period) that it is about
    path: Path
    text: str
    correction: Correction | None
    outside: str | None = None  # what leaves the house instead of ``text``

    @property
    def workbook_path(self) -> Path | None:
        return self.path.with_name(self.correction.file_name(self.path.stem)) if self.correction else None

    @property
    def files(self) -> dict[Path, bytes]:
        """Receipt and workbook, by their place below the folder of receipts."""
        files = {self.path: self.text.encode()}
        return files | {self.workbook_path: self.correction.content} if self.correction else files

    @property
    def reply_text(self) -> str:
        return self.text if self.outside is None else self.outside


def write_receipts() -> int:
    """Answer every file that has an outcome and no receipt yet; return how many were answered."""
    count = 0
    with warehouse.connect() as connection:
        for arrivals in _batches(warehouse.rows(connection, _PENDING)):
            answers = _answers(connection, arrivals)
            for answer in answers:
                _write(answer.files)
            _write_digests(connection, [arrival["arrival_id"] for arrival in arrivals])
            _reply(answers)
            _note(connection, answers)
            count += len(answers)
    return count


def write_digest(submission_id: str) -> None:
    """Write the digest of a report's commune and period again, after a decision about the report."""
    with warehouse.connect() as connection:
        found = connection.execute("select arrival_id from raw.submissions where submission_id = ?", [submission_id])
        _write_digests(connection, [arrival_id for (arrival_id,) in found.fetchall()], least=1)


def write_returned() -> int:
    """Tell each commune in its digest which figures the office gave back to it; return how many figures these are."""
    with warehouse.connect() as connection:
        returned = returned_figures(connection)
        _write_digests(connection, sorted({row["arrival_id"] for row in returned}), least=1)
    return len(returned)


def _batches(pending: Iterable[dict]) -> Iterator[list[dict]]:
    """Yield arrivals so that those of one sender by mail stay together."""
    batch: list[dict] = []
    for _, group in groupby(
        pending, key=lambda arrival: (arrival["channel"], arrival["address"] or arrival["arrival_id"])
    ):
        if len(batch) >= BATCH:
            yield batch
            batch = []
        batch += group
    if batch:
        yield batch


def _answers(connection: warehouse.Connection, arrivals: Sequence[dict]) -> list[_Answer]:
    ids = [arrival["arrival_id"] for arrival in arrivals]
    read_ids = [arrival["repeats_arrival_id"] or arrival["arrival_id"] for arrival in arrivals]
    submissions = _grouped(warehouse.rows(connection, _SUBMISSIONS, [read_ids]))
    findings = _grouped(warehouse.rows(connection, _FINDINGS, [ids]))
    reviews = {row["arrival_id"]: row for row in warehouse.rows(connection, _REVIEWS, [read_ids])}
    cells_of = partial(_cells, connection)
    return [
        _review_answer(arrival, reviews.get(read_id), findings[arrival["arrival_id"]])
        if arrival["file_format"] == REVIEW_WORKBOOK
        else _answer(arrival, submissions[read_id], findings[arrival["arrival_id"]], cells_of)
        for arrival, read_id in zip(arrivals, read_ids, strict=True)
    ]


def _answer(arrival: dict, read: list[dict], findings: list[dict], cells_of: Callable[[str], list[dict]]) -> _Answer:
    """Answer one file; ``read`` are its reports, or those of the file that it repeats."""
    own = [] if arrival["repeats_arrival_id"] else read
    path = _path(arrival, read)
    correction = correction_for(arrival, own, findings, cells_of, _screened(arrival))
    enclosed = correction and correction.sentences(correction.file_name(path.stem))
    if correction and correction.area and correction.period and not own:
        enclosed += due_lines(correction.area, correction.form, correction.period)
    keys = frozenset((one["area_key"], one["time_period"]) for one in read if one["area_key"] and one["time_period"])
    return _Answer(arrival, keys, path, receipt_text(arrival, own, findings, enclosed), correction)


def _review_answer(arrival: dict, review: dict | None, findings: list[dict]) -> _Answer:
    """Answer a workbook in which the office decided; it lies with its period, beside the communes."""
    period = review and review["time_period"]
    path = Path(period or phrase("receipt.folder_without_period"), phrase("review_receipt.folder"), _name(arrival))
    outside = review_receipt_text(arrival, review, findings, lies_in=str(path.parent))
    return _Answer(arrival, frozenset(), path, review_receipt_text(arrival, review, findings), None, outside)


def _cells(connection: warehouse.Connection, submission_id: str) -> list[dict]:
    return warehouse.rows(connection, _CELLS, [submission_id])


def _grouped(rows: Iterable[dict]) -> dict[int, list[dict]]:
    grouped: dict[int, list[dict]] = defaultdict(list)
    for row in rows:
        grouped[row["arrival_id"]].append(row)
    return grouped


def _screened(arrival: dict) -> Path | None:
    """Where the bytes of a file lie when somebody could look inside."""
    path = settings.load().stored_file("raw", arrival["sha256"]) if arrival["sha256"] else None
    return path if path and path.exists() else None


def _path(arrival: dict, submissions: Sequence[dict]) -> Path:
    """Return where a receipt lies: with its commune, with its period when it is about several, or apart."""
    periods = {submission["time_period"] for submission in submissions if submission["time_period"]}
    areas = {submission["area_key"] for submission in submissions}
    if len(periods) != 1:
        folder = Path(phrase("receipt.folder_without_period"))
    elif len(areas) == 1:
        folder = _folder(areas.pop(), periods.pop())
    else:
        folder = Path(periods.pop())
    return folder / _name(arrival)


def _name(arrival: dict) -> str:
    # The arrival's number keeps two files of one name apart; the name itself is cleaned, so it cannot leave the folder.
    name = _UNSAFE.sub("_", arrival["declared_name"].rsplit("/", 1)[-1])[:80]
    name = name.encode()[:NAME_BYTES].decode(errors="ignore").strip(". ")
    return f"{arrival['arrival_id']:06d} {name}.txt"


def _folder(area_key: str | None, time_period: str) -> Path:
    area = load_register().by_key.get(area_key or "")
    return Path(time_period, _UNSAFE.sub("_", f"{area.ref_area} {area.name_vi}")) if area else Path(time_period)


def _write(files: dict[Path, bytes]) -> None:
    folder = settings.load().receipts
    for parent in {path.parent for path in files}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        outbox.write_whole(folder / path, content)


def _write_digests(connection: warehouse.Connection, arrival_ids: Sequence[int], *, least: int = 2) -> None:
    """Write the digest of each commune and period of which ``least`` reports came: of one, its receipt says it all."""
    reports = warehouse.rows(connection, _REPORTS, [arrival_ids])
    returned = defaultdict(list)
    for row in returned_figures(connection):
        returned[row["area_key"], row["time_period"]].append(row)
    all_ids = sorted({report["arrival_id"] for report in reports})
    findings = _grouped(warehouse.rows(connection, _FINDINGS, [all_ids]))
    for (area_key, time_period), group in groupby(reports, key=lambda row: (row["area_key"], row["time_period"])):
        sent = list(group)
        if len(sent) < least and not returned[area_key, time_period]:
            continue
        found = [finding for report in sent for finding in findings[report["arrival_id"]]]
        text = digest_text(area_key, time_period, sent, found, returned[area_key, time_period])
        _write({_folder(area_key, time_period) / phrase("digest.file_name"): text.encode()})


def _reply(answers: Iterable[_Answer]) -> None:
    """Put answers into the outbox: one mail per sender, commune and period; the files themselves into a storage."""
    mails: dict[tuple, list[_Answer]] = defaultdict(list)
    for answer in answers:
        arrival = answer.arrival
        kind, address = arrival["channel"].split(" ")[0], arrival["address"]
        if kind == "mail" and address and outbox.can_be_mailed(address):
            mails[arrival["channel"], address, answer.keys].append(answer)
        elif kind in ("sftp", "s3") and address:
            files = {path.name: content for path, content in answer.files.items()}
            files[answer.path.name] = answer.reply_text.encode()
            outbox.put_files(arrival["arrival_id"], arrival["channel"], address, files)
    for (channel, address, keys), group in mails.items():
        outbox.put_mail(
            group[0].arrival["arrival_id"],
            channel,
            address,
            _subject(keys),
            _BETWEEN.join(answer.reply_text for answer in group),
            {answer.workbook_path.name: answer.correction.content for answer in group if answer.correction},
            [(answer.arrival["in_reply_to"], answer.arrival["reference_ids"]) for answer in group],
            max(answer.arrival["received_at"] for answer in group),
        )


def _subject(keys: frozenset[tuple[str, str]]) -> str:
    if len(keys) != 1:
        return phrase("reply.subject_unknown")
    ((area_key, time_period),) = keys
    period = period_vi(parse_period(time_period, current_form().calendar))
    return phrase("reply.subject", area=area_vi(area_key), period=period)


def _note(connection: warehouse.Connection, answers: Sequence[_Answer]) -> None:
    """Note in the register that files are answered, and forget where the answers went."""
    written = [
        {
            "arrival_id": answer.arrival["arrival_id"],
            "receipt_path": str(answer.path),
            "receipt_workbook_path": answer.workbook_path and str(answer.workbook_path),
        }
        for answer in answers
    ]
    with warehouse.transaction(connection):
        connection.execute(
            "create or replace temp table written (arrival_id bigint, receipt_path text, receipt_workbook_path text)"
        )
        warehouse.append(connection, "written", written)
        connection.execute(
            "update raw.arrivals set receipt_path = written.receipt_path, "
            "receipt_workbook_path = written.receipt_workbook_path "
            "from written where arrivals.arrival_id = written.arrival_id"
        )
        connection.execute("delete from meta.replies where arrival_id in (select arrival_id from written)")
