"""Review workbooks that come back: each question judged for itself, into decisions like those of the page, or why not.

What stands in the locked cells must be what was issued, whatever became of the protection. Rows are known by their
hidden ids, so they may be sorted and filtered; a question without an answer is not decided yet, which is no error.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tuquan import questions, verdicts, warehouse
from tuquan.issued_workbooks import Asked, Issue, Row, read_stamp
from tuquan.questions import key_of
from tuquan.snapshot import Question
from tuquan.standing import Overtaken, standing_flags
from tuquan.verdicts import Verdict
from tuquan.vocabulary.phrases import number_vi, phrase, shown, time_vi
from tuquan.vocabulary.privacy_signs import mask
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.review_sheet import ANSWERS, COLUMNS, LOCKED, NUMBERS
from tuquan.workbook.submission import Finding, ReviewRow, ReviewSheets
from tuquan.workbook.written import WrittenCell

_NEAR = Decimal("0.000001")
MOST_PLACES = 10  # of one question that are told
MOST_STRANGE_ROWS = 200  # that are told one by one; nothing is taken from any of them
_DECIDED = """
select flag_id, choice, new_value, decided_by, decided_at from meta.decisions
where time_period = $time_period and flag_id in (select unnest($flag_ids)) and decided_at > $written_at
qualify row_number() over (partition by flag_id order by decision_id desc) = 1
"""


@dataclass(frozen=True)
class Sent:
    """A review workbook as it arrived. ``received_at`` is UTC."""

    arrival_id: int
    file: str  # as it is named to people
    sha256: str
    received_at: datetime
    sheets: ReviewSheets


@dataclass
class Returned:
    """What became of a review workbook: what is said about it, and the decisions to keep."""

    status: str
    findings: list[Finding] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)  # a row of meta.review_workbooks


class _Refused(ValueError):
    """Nothing is taken from a row: a line of ``seeds/checks.csv``, the cell, and the facts of its sentence."""

    def __init__(self, check: str, row: ReviewRow | None, cell: str | None = None, **facts: object) -> None:
        super().__init__(check)
        self.check, self.row, self.cell, self.facts = check, row, cell, facts


def judge_return(connection: warehouse.Connection, sent: Sent, pending: Iterable[Verdict] = ()) -> Returned:
    """Return what becomes of a review workbook; writes nothing.

    ``pending`` are decisions of workbooks that were judged before and are not kept yet.
    """
    told = read_stamp(sent.sheets.stamps)
    if told is None:
        return _refused(sent, _why_not_ours(sent.sheets.stamps))
    if not sent.sheets.columns:
        return _refused(sent, "no_ids", told)
    if len(sent.sheets.missing) == len(COLUMNS):
        return _refused(sent, "no_tags", told)
    if sent.sheets.missing:
        columns = ", ".join(f"“{phrase(f'review_workbook.column.{tag}')}”" for tag in sent.sheets.missing)
        return _refused(sent, "columns", told, columns=columns)
    return _Judge(connection, sent, told, pending).judge()


def _why_not_ours(stamps: Sequence[str]) -> str:
    if not stamps:
        return "no_stamp"
    ours = [stamp for stamp in stamps[:MOST_PLACES] if read_stamp([stamp])]
    return "many_books" if len(ours) > 1 else "no_seal"


def _refused(sent: Sent, reason: str, told: Issue | None = None, **facts: object) -> Returned:
    finding = remark("review_workbook_is_ours", file=sent.file, reason=phrase(f"review_return.{reason}", **facts))
    return Returned("refused", [finding], record=_record(sent, told))


def _record(sent: Sent, told: Issue | None, taken: int = 0, refused: int = 0, undecided: int = 0) -> dict[str, Any]:
    return {
        "arrival_id": sent.arrival_id,
        "time_period": told.time_period if told else None,
        "issue_id": told.issue_id if told else None,
        "issued_to": told.issued_to if told else None,
        "taken": taken,
        "refused": refused,
        "undecided": undecided,
    }


class _Judge:
    """Judges the questions of one workbook in the order in which they were issued."""

    def __init__(self, connection: warehouse.Connection, sent: Sent, told: Issue, pending: Iterable[Verdict]) -> None:
        self.connection, self.sent, self.told = connection, sent, told
        self.source = f"workbook {sent.sha256[:16]}"
        self.form_id = f"{told.issue_id}:{sent.sha256[:16]}"
        self.rows: dict[str, list[ReviewRow]] = defaultdict(list)
        for row in sent.sheets.rows:
            self.rows[row.row_id or ""].append(row)
        self.waiting: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in [*verdicts.waiting(told.time_period), *pending]:
            if verdict.time_period == told.time_period:
                self._note(verdict)
        self.decided = self._decided_meanwhile()
        self.is_built = warehouse.has_table(connection, "quality.flags")
        self.result = Returned("accepted")

    def judge(self) -> Returned:
        many, reason = self._for_many()
        counts = dict.fromkeys(("taken", "refused", "undecided"), 0)
        for number, asked in enumerate(self.told.asked, start=1):
            figure = asked.question.figures[0]
            names = {"area": asked.question.area_name_vi, "indicator": figure.indicator_name_vi}
            about = phrase("review_return.question", number=number_vi(number), **names)
            try:
                outcome = self._judge_question(asked, about, reason if key_of(asked.question) in many else "")
            except _Refused as refusal:
                self._say(refusal.check, refusal.row, refusal.cell, about, **refusal.facts)
                outcome = "refused"
            counts[outcome] += 1
        strange = self._say_strange_rows()
        if counts["refused"] or strange or any(one.severity == "refused" for one in self.result.findings):
            self.result.status = "held" if counts["taken"] else "refused"
        self.result.record = _record(self.sent, self.told, **counts)
        return self.result

    def _judge_question(self, asked: Asked, about: str, reason_of_many: str) -> str:
        rows = [self._row_of(row) for row in asked.rows]
        first, question = rows[0], asked.question
        for row, issued in zip(rows, asked.rows, strict=True):
            self._ensure_as_issued(row, issued)
        if not any(tag in row.cells for row in rows for tag in ANSWERS):
            if not reason_of_many:
                return "undecided"
            choice, reason, new_values = "confirm", reason_of_many, {}
        else:
            choice, reason, new_values = self._read_answer(asked, rows)
        verdict = questions.verdict(
            question,
            choice,
            reason,
            new_values,
            form_id=self.form_id,
            time_period=self.told.time_period,
            decided_by=self.told.issued_to,
            decided_at=self.sent.received_at,
            digest=self.told.digest,
            source=self.source,
        )
        return self._take(verdict, first, about)

    def _row_of(self, issued: Row) -> ReviewRow:
        rows = self.rows.get(issued.flag_id, [])
        if not rows:
            raise _Refused("review_row_is_there", None)
        if len(rows) > 1:
            has_sheets = len({row.sheet for row in rows}) > 1
            told = [f"“{row.sheet}” {row.row}" if has_sheets else f"{row.row}" for row in rows[:MOST_PLACES]]
            places = ", ".join([*told, *(["…"] if len(rows) > MOST_PLACES else [])])
            raise _Refused("review_row_appears_once", rows[0], self._address(rows[0], "choice"), other_value=places)
        return rows[0]

    def _ensure_as_issued(self, row: ReviewRow, issued: Row) -> None:
        """Raises _Refused: a locked cell says something else than what was issued."""
        for tag in LOCKED:
            cell, told = row.cells.get(tag), issued.locked[tag]
            if not _says(cell, tag, told):
                facts = {
                    "other": phrase(f"review_workbook.column.{tag}"),
                    "value": quoted(cell.raw_text or "") if cell else phrase("receipt.empty_cell"),
                    "other_value": quoted(told) if told else phrase("receipt.empty_cell"),
                }
                raise _Refused("review_row_is_as_issued", row, self._address(row, tag), **facts)

    def _read_answer(self, asked: Asked, rows: Sequence[ReviewRow]) -> tuple[str, str, dict[str, Decimal]]:
        """Return what was decided about a question, read with suspicion."""
        question, first = asked.question, rows[0]
        for row in rows:
            for tag, cell in row.cells.items():
                if tag in ANSWERS:
                    with self._at(row, tag):
                        _ensure_plain(cell, may_answer=tag == "value" or row is first)
        with self._at(first, "choice"):
            choice = _choice_of(first.cells.get("choice"), question)
            questions.ensure_choice(question, choice)
        with self._at(first, "reason"):
            reason = _text(first.cells.get("reason"))
            questions.ensure_reason(reason)
        new_values = {}
        for row, figure in zip(rows, question.figures, strict=True):
            cell = row.cells.get("value")
            with self._at(row, "value"):
                if choice == "correct":
                    shown_as = cell.number_format if cell else None
                    written = (cell.raw_text, cell.raw_type) if cell else (None, "blank")
                    period = self.told.time_period
                    new_values[figure.flag_id] = questions.new_value(period, figure, *written, number_format=shown_as)
                elif cell is not None:
                    raise ValueError(phrase("review_return.value_without_choice"))
        return choice, reason, new_values

    @contextmanager
    def _at(self, row: ReviewRow, tag: str) -> Iterator[None]:
        """Turn what is wrong with an answer into a refusal that names its cell."""
        try:
            yield
        except ValueError as error:
            place = self._address(row, tag)
            raise _Refused("review_answer_is_complete", row, place, reason=str(error)) from None

    def _address(self, row: ReviewRow, tag: str) -> str:
        return f"{self.sent.sheets.columns[row.sheet][tag]}{row.row}"

    def _take(self, verdict: Verdict, row: ReviewRow, about: str) -> str:
        cell = self._address(row, "choice")
        if earlier := self._earlier(verdict):
            told, is_same, is_own = earlier
            if not is_same:
                raise _Refused("review_question_is_undecided", row, cell, other=told)
            if not is_own:
                self._say("review_answer_is_known", row, cell, about, other=told)
                return "taken"
        else:
            try:
                self._ensure_standing(verdict)
            except Overtaken as overtaken:
                raise _Refused("review_figure_is_as_seen", row, cell, reason=str(overtaken)) from None
        self.result.verdicts.append(verdict)
        self._note(verdict)
        self._say("review_answer_is_taken", row, cell, about, other=self._told(verdict, verdict))
        return "taken"

    def _note(self, verdict: Verdict) -> None:
        for flag_id in verdict.expected:
            self.waiting[flag_id].append(verdict)

    def _ensure_standing(self, verdict: Verdict) -> None:
        gone = Overtaken(phrase("review_return.gone"))
        if not self.is_built:
            raise gone
        flags = standing_flags(self.connection, verdict.time_period, verdict.expected)
        if not any(flag["is_open"] for flag in flags):
            raise gone

    def _earlier(self, verdict: Verdict) -> tuple[str, bool, bool] | None:
        """Return the answer that the question got since it was issued: in words, whether it is the same, and ours."""
        if waiting := [one for flag_id in verdict.expected for one in self.waiting.get(flag_id, ())]:
            newest = waiting[-1]
            is_same = (newest.choice, newest.new_values) == (verdict.choice, verdict.new_values)
            told = _by(self._told(newest, verdict), newest.decided_by, newest.decided_at)
            return told, is_same, newest.verdict_id == verdict.verdict_id
        wanted = {flag_id: (verdict.choice, verdict.new_values.get(flag_id)) for flag_id in verdict.expected}
        found = {
            flag_id: (self.decided[flag_id]["choice"], self.decided[flag_id]["new_value"])
            for flag_id in wanted
            if flag_id in self.decided
        }
        if not found:
            return None
        # One that is different is told, if there is any.
        flag_id = max(found, key=lambda flag_id: found[flag_id] != wanted[flag_id])
        one = self.decided[flag_id]
        told = _by(_answer_vi(*found[flag_id], self._decimals(verdict)), one["decided_by"], one["decided_at"])
        return told, found == wanted, False

    def _decided_meanwhile(self) -> dict[str, dict[str, Any]]:
        flag_ids = [row.flag_id for asked in self.told.asked for row in asked.rows]
        about = {"time_period": self.told.time_period, "flag_ids": flag_ids, "written_at": self.told.written_at}
        return {row["flag_id"]: row for row in warehouse.rows(self.connection, _DECIDED, about)}

    def _for_many(self) -> tuple[set[str], str]:
        """Return the keys of the questions that are confirmed together, and the reason for all of them."""
        rows = [row for row in self.sent.sheets.for_many if "choice" in row.cells or "reason" in row.cells]
        if not rows:
            return set(), ""
        row = rows[0]
        choice, reason = row.cells.get("choice"), row.cells.get("reason")
        words = {_folded(questions.limit_vi(limit)): limit for limit in (questions.REST, *questions.LIMITS)}
        try:
            if len(rows) > 1:
                raise ValueError(phrase("review_return.many_twice"))
            for cell in (choice, reason):
                if cell is not None:
                    _ensure_plain(cell, may_answer=True)
            limit = words.get(_folded(_text(choice)))
            if limit is None:
                raise ValueError(phrase("page.no_choice"))
            questions.ensure_reason(_text(reason))
        except ValueError as error:
            self._say("review_answer_is_complete", row, self._address(row, "choice"), "", reason=str(error))
            return set(), ""
        mild = questions.below([asked.question for asked in self.told.asked], limit, ())
        return {key_of(question) for question in mild}, _text(reason)

    def _say_strange_rows(self) -> int:
        """Say which rows belong to no question of this workbook; return how many there are."""
        known = {row.flag_id for asked in self.told.asked for row in asked.rows}
        strange = [row for row in self.sent.sheets.rows if row.row_id not in known]
        for row in strange[:MOST_STRANGE_ROWS]:
            reason = phrase("review_return.foreign" if row.row_id else "review_return.no_id")
            tag = next((tag for tag in ANSWERS if tag in row.cells), ANSWERS[0])
            self._say("review_row_is_of_this_workbook", row, self._address(row, tag), "", reason=reason)
        return len(strange)

    def _told(self, decided: Verdict, about: Verdict) -> str:
        """Say what was decided about a question; of several corrected figures the first."""
        value = next(iter(decided.new_values.values()), None)
        return _answer_vi(decided.choice, value, self._decimals(about))

    def _decimals(self, verdict: Verdict) -> int:
        asked = next(one for one in self.told.asked if key_of(one.question) == verdict.question_id)
        return asked.question.figures[0].decimals

    def _say(self, check: str, row: ReviewRow | None, cell: str | None, about: str, **facts: object) -> None:
        places = [about] if about else []
        if row is not None:
            places.insert(0, phrase("review_return.cell", sheet=row.sheet, row=row.row, cell=cell))
        told = {"file": self.sent.file, "place": phrase("review_workbook.between").join(places), **facts}
        sheet = row.sheet if row else None
        self.result.findings.append(remark(check, sheet=sheet, cell=cell, **told))


def _says(cell: WrittenCell | None, tag: str, told: str | None) -> bool:
    if cell is None or cell.is_formula:
        return cell is None and not told
    if tag not in NUMBERS:
        return _plain(cell.raw_text or "") == _plain(told or "")
    if cell.raw_type == "text":  # as programs that keep no numbers write it back
        return told is not None and _plain(cell.raw_text or "") in (told, told.replace(".", ","))
    try:
        # A spreadsheet keeps a number in binary: what it writes back may differ far behind the point.
        return (
            told is not None and cell.raw_type == "number" and abs(Decimal(cell.raw_text or "") - Decimal(told)) < _NEAR
        )
    except InvalidOperation:
        return False


def _choice_of(cell: WrittenCell | None, question: Question) -> str:
    """Return the choice that a cell names; "" for a blank.

    Raises:
        ValueError: it names none that may be taken.
    """
    written = _text(cell)
    allowed = {_folded(phrase(f"choice.{choice}")): choice for choice in questions.choices_for(question)}
    if written and _folded(written) not in allowed:
        words = ", ".join(phrase(f"choice.{choice}") for choice in questions.choices_for(question))
        raise ValueError(phrase("review_return.unknown_choice", written=quoted(written), choices=words))
    return allowed.get(_folded(written), "")


def _ensure_plain(cell: WrittenCell, *, may_answer: bool) -> None:
    """Raises ValueError: a formula stands in the cell of an answer, or an answer where the question has none."""
    if cell.is_formula:
        raise ValueError(phrase("review_return.formula"))
    if not may_answer:
        raise ValueError(phrase("review_return.not_first"))


def _by(answer: str, name: str, time: datetime) -> str:
    return phrase("review_return.by", answer=answer, name=mask(shown(name)), time=time_vi(time))


def _answer_vi(choice: str, value: Decimal | None, decimals: int) -> str:
    said = phrase(f"choice.{choice}")
    return said if value is None else phrase("review_return.corrected", choice=said, value=number_vi(value, decimals))


def _text(cell: WrittenCell | None) -> str:
    return shown(_plain(cell.raw_text or "")) if cell else ""


def _plain(text: str) -> str:
    """Return a text without what nobody sees: how its letters are put together, odd spaces, signs without width."""
    visible = "".join(sign for sign in unicodedata.normalize("NFC", text) if unicodedata.category(sign) != "Cf")
    return " ".join(visible.split())


def _folded(text: str) -> str:
    return _plain(text).casefold()
