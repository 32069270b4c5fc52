"""Review workbooks out to a person and back through the inbox, on marts that the real models build."""

import csv
import shutil
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from email import message_from_string
from email.policy import default
from io import BytesIO

import msgspec
import openpyxl
import pytest

from tuquan import (
    checking,
    collect,
    issued_workbooks,
    load,
    outbox,
    questions,
    receipts,
    review,
    settings,
    snapshot,
    verdicts,
    warehouse,
)
from tuquan.issued_workbooks import issue, read_stamp
from tuquan.returned_workbooks import Sent, judge_return
from tuquan.review_page import forms
from tuquan.review_page.people import Person
from tuquan.vocabulary.phrases import number_vi
from tuquan.workbook.reading import read_file
from tuquan.workbook.review_sheet import MARK

PERIOD = "2021"
REVIEWER = "Nguyễn Văn An"
# flag → its question, commune and indicator; the second question is about two figures of one report.
FLAGS = {
    "a" * 32: ("a" * 32, "15127", "leaflets_distributed"),
    "b" * 32: ("b" * 32, "15133", "leaflets_distributed"),
    "c" * 32: ("b" * 32, "15133", "propaganda_sessions"),
    "d" * 32: ("d" * 32, "15136", "leaflets_distributed"),
    "e" * 32: ("e" * 32, "15142", "leaflets_distributed"),
}
A, B, C, D, E = FLAGS
NOW = datetime(2022, 2, 1)  # noqa: DTZ001 - UTC, as in the warehouse


def lay_out(home, built):
    """A home in which four questions are asked, the last of them of no weight."""
    home.warehouse_file.parent.mkdir(parents=True)
    shutil.copy(built, home.warehouse_file)
    with warehouse.connect() as connection:
        connection.execute("delete from quality.flags where is_open")
        connection.execute("delete from quality.open_questions")
        for flag_id, (question_id, commune, indicator) in FLAGS.items():
            connection.execute(
                "insert into quality.flags by name "
                "select ? as flag_id, ? as incident_id, 'figure_is_plausible' as check_name, 'area' as level, "
                "'warning' as severity, ref_area, area_key, 'commune' as area_level, area_name_vi, calendar, "
                "time_period, indicator, obs_value, 0.9 as score, 35 as suggested_value, 20 as expected_low, "
                "60 as expected_high, province_area, obs_value - 35 as impact_on_province, submission_id, sheet, cell, "
                "'=cmd() Có phải là 35?' as message_vi, true as is_open "
                "from intermediate.int_commune_figures where ref_area = ? and indicator = ?",
                [flag_id, question_id, commune, indicator],
            )
        connection.execute(
            "insert into quality.open_questions by name select incident_id as question_id, time_period, "
            "90 + row_number() over (order by incident_id) as place, any_value(severity) as severity, 'new' as state, "
            "any_value(ref_area) as ref_area, any_value(area_name_vi) as area_name_vi, "
            "any_value(indicator) as indicator, count(*) as figures, 0.01 as priority, "
            "incident_id <> ? as is_needed, any_value(message_vi) as message_vi "
            "from quality.flags where flag_id in (select unnest(?)) group by incident_id, time_period",
            [E, list(FLAGS)],
        )
    review.write_review_list(PERIOD)


@pytest.fixture
def asked(home, built_warehouse):
    lay_out(home, built_warehouse)
    return snapshot.read(PERIOD)


class Book:
    """A review workbook in the hands of somebody who opens it with a program for spreadsheets."""

    def __init__(self, content):
        self.book = openpyxl.load_workbook(BytesIO(content))
        (self.sheet,) = self.book.worksheets
        self.columns = {str(cell.value)[1:]: cell.column for cell in self.sheet[1] if str(cell.value).startswith("#")}

    def row(self, flag_id):
        return next(row[0].row for row in self.sheet.iter_rows(max_col=1) if row[0].value == flag_id)

    def cell(self, flag_id, tag):
        return self.sheet.cell(self.row(flag_id), self.columns[tag])

    def answer(self, flag_id, choice, reason="Đã hỏi xã", value=None):
        for tag, written in (("choice", choice), ("reason", reason), ("value", value)):
            self.cell(flag_id, tag).value = written
        return self

    def saved(self):
        buffer = BytesIO()
        self.book.save(buffer)
        return buffer.getvalue()


def send(home, content, name="so-duyet.xlsx"):
    """Put a file into the inbox, let the steps collect it, and return its receipt."""
    home.inbox.mkdir(exist_ok=True)
    (home.inbox / name).write_bytes(content)
    collect.register_inbox()
    load.load_registered()
    receipts.write_receipts()
    with warehouse.connect() as connection:
        path, status = connection.execute(
            "select receipt_path, status from raw.arrivals order by arrival_id desc limit 1"
        ).fetchone()
    return (home.receipts / path).read_text(), status, path


def decided(columns="choice, new_value, expected_value, indicator, reason, decided_by"):
    with warehouse.connect() as connection:
        return connection.execute(f"select {columns} from meta.decisions order by decision_id").fetchall()


def test_what_is_decided_in_the_workbook_is_what_the_page_would_have_decided(home, asked):
    book = Book(issue(asked, REVIEWER))
    book.answer(A, "Sửa", "Gõ thừa một chữ số", 35).answer(B, "trả lại  xã", "Hai số\nđổi chỗ")
    content = book.saved()
    receipt, status, path = send(home, content)
    assert (status, path.startswith("2021/Sổ duyệt/")) == ("accepted", True)
    assert "Đã nhận quyết định về 2 câu; không nhận 0 câu; 2 câu chưa quyết định." in receipt
    assert "được áp dụng trong vòng 15 phút" in receipt
    assert f"Người quyết định (sổ cấp cho): {REVIEWER}" in receipt
    assert "câu 1 (Thị trấn Phong Sơn – Tờ rơi, tài liệu đã phát): Sửa thành 35." in receipt
    with warehouse.connect() as connection:  # it is kept like any file, and is no report
        sha256, stored_in = connection.execute(
            "select sha256, stored_in from raw.arrivals order by arrival_id desc limit 1"
        ).fetchone()
        assert connection.execute("select count(*) from raw.submissions").fetchone() == (16,)
    assert (home.stored_file("raw", sha256).read_bytes(), stored_in) == (content, "raw")

    form = {"to": "form", f"chon.{A}": "correct", f"ly_do.{A}": "Gõ thừa một chữ số", f"so.{A}": "35"}
    form |= {f"chon.{B}": "return", f"ly_do.{B}": "Hai số đổi chỗ"}
    form |= {f"xem.{one.flag_id}": forms.plain(one.obs_value) for q in asked.questions for one in q.figures}
    page = forms.read_decisions(asked, form, Person(REVIEWER, True, False), [A, B]).verdicts

    def told(found):
        own = {"form_id": "", "decided_at": NOW, "source": ""}
        return sorted((msgspec.structs.replace(one, **own) for one in found), key=lambda one: one.question_id)

    assert told(verdicts.waiting()) == told(page)
    assert {one.source for one in verdicts.waiting()} == {f"workbook {sha256[:16]}"}
    assert review.apply_verdicts() == [PERIOD]
    assert review.apply_verdicts() == []
    of_workbook = sorted(decided())
    with warehouse.connect() as connection:
        connection.execute("delete from meta.decisions")
    for verdict in page:
        verdicts.put(verdict)
    review.apply_verdicts()
    assert sorted(decided()) == of_workbook
    assert {row[-1] for row in of_workbook} == {REVIEWER}
    assert len(of_workbook) == 3


def test_the_same_workbook_decides_once_and_four_eyes_still_see_the_release(home, asked):
    digest = "5f" * 32
    with warehouse.connect() as connection:
        connection.execute("insert into meta.candidates values (?, ?, 'open', now())", [PERIOD, digest])
    content = Book(issue(asked, REVIEWER)).answer(A, "Xác nhận").saved()
    send(home, content)
    with pytest.raises(review.SamePerson):  # also while it waits to be applied
        review.record_approval(PERIOD, digest, REVIEWER.upper(), approved=True)
    assert not review.keep_answer(PERIOD, digest, REVIEWER, approved=True)
    receipt, status, _ = send(home, content, "lần hai.xlsx")
    assert (status, "trùng với tệp đã nhận" in receipt) == ("duplicate", True)
    # Saved again with one more answer: the first stands, the second is new.
    receipt, status, _ = send(home, Book(content).answer(D, "Giữ lại").saved(), "lần ba.xlsx")
    assert status == "accepted"
    assert f"câu 1 (Thị trấn Phong Sơn – Tờ rơi, tài liệu đã phát): đã có quyết định như vậy: Xác nhận ({REVIEWER}" in (
        receipt
    )
    assert [one.question_id for one in verdicts.waiting()] == [A, D]
    review.apply_verdicts()
    assert decided("choice, decided_by") == [("confirm", REVIEWER), ("hold", REVIEWER)]
    receipt, *_ = send(home, Book(content).answer(A, "Xác nhận", "lý do khác").saved(), "lần bốn.xlsx")
    assert "đã có quyết định như vậy" in receipt
    assert verdicts.waiting() == []
    with pytest.raises(review.SamePerson):
        review.record_approval(PERIOD, digest, REVIEWER, approved=True)


def test_of_two_reviewers_who_contradict_each_other_the_first_decides_and_the_second_is_told(home, asked):
    first = Book(issue(asked, REVIEWER)).answer(A, "Xác nhận").answer(D, "Xác nhận").saved()
    second = Book(issue(asked, "Trần Thị Bé")).answer(A, "Sửa", value=35).answer(D, "Xác nhận").saved()
    home.inbox.mkdir()
    (home.inbox / "1.xlsx").write_bytes(first)
    receipt, status, _ = send(home, second, "2.xlsx")  # both in one pass
    assert status == "held"
    assert f"câu này đã có quyết định khác: Xác nhận ({REVIEWER}," in receipt
    assert "đã có quyết định như vậy" in receipt
    assert {(one.question_id, one.decided_by) for one in verdicts.waiting()} == {(A, REVIEWER), (D, REVIEWER)}
    # Who gets a workbook now is not asked about what is decided.
    later = Book(issue(snapshot.read(PERIOD), "Trần Thị Bé"))
    assert [row[0].value for row in later.sheet.iter_rows(max_col=1) if len(str(row[0].value)) == 32] == [B, C, E]


def test_many_are_confirmed_at_once_by_the_rule_of_the_page(home, asked):
    book = Book(issue(asked, REVIEWER)).answer(A, "Giữ lại")
    row = next(row[0].row for row in book.sheet.iter_rows(max_col=1) if row[0].value == "#many")
    book.sheet.cell(row, book.columns["choice"]).value = "Không còn làm thay đổi kết quả"
    receipt, status, _ = send(home, book.saved())
    assert (status, f"ô L{row}: chưa ghi được quyết định. Đề nghị ghi lý do." in receipt) == ("held", True)
    book.sheet.cell(row, book.columns["reason"]).value = "Không ảnh hưởng"
    send(home, book.saved(), "lại.xlsx")
    assert {one.question_id: (one.choice, one.reason) for one in verdicts.waiting()} == {
        A: ("hold", "Đã hỏi xã"),
        E: ("confirm", "Không ảnh hưởng"),
    }
    assert [questions.key_of(one) for one in questions.below(asked.questions, questions.REST, ())] == [E]


def test_a_reason_with_personal_data_is_refused_on_the_page_and_stops_the_file_at_the_gate(home, asked):
    private = "Gọi ông Nguyễn Văn Tám, 0900 000 000"
    receipt, status, _ = send(home, Book(issue(asked, REVIEWER)).answer(A, "Xác nhận", private).saved())
    assert status == "refused"
    assert "chưa ghi quyết định nào" in receipt
    assert "trang “Sổ duyệt”, tại N9: có số điện thoại" in receipt
    assert "0900" not in receipt
    assert [path for path in (home.home / "raw").rglob("*") if path.is_file()] == []
    form = {"to": "form", f"chon.{A}": "confirm", f"ly_do.{A}": private}
    form |= {f"xem.{one.flag_id}": forms.plain(one.obs_value) for q in asked.questions for one in q.figures}
    outcome = forms.read_decisions(asked, form, Person(REVIEWER, True, False), [A])
    assert (outcome.verdicts, "Lý do không được chứa số điện thoại" in outcome.errors[A]) == ([], True)


@pytest.mark.parametrize("channel", ["mail hop_thu", "sftp may_chu"])
def test_whoever_sends_a_workbook_learns_how_many_it_decided_and_no_figure(home, asked, channel):
    book = Book(issue(asked, REVIEWER)).answer(A, "Sửa", "Gõ thừa một chữ số", 35).answer(B, "Trả lại xã")
    write("suggested", 9999, B)(book)
    content = book.saved()
    reply = collect.Reply("la@example.org" if "mail" in channel else "tra-loi", in_reply_to="<1@example.org>")
    collect.receive(
        [collect.Delivery(channel, "1", "1", "so.xlsx", lambda _: content, size_bytes=len(content), reply=reply)]
    )
    load.load_registered()
    receipts.write_receipts()
    ((sent,),) = (reply.files for reply in outbox.waiting_replies(channel))
    text = sent.read_text()
    if sent.suffix == ".eml":
        text = message_from_string(text, policy=default).get_body().get_content()
    assert "Đã nhận quyết định về 1 câu; không nhận 1 câu; 2 câu chưa quyết định." in text
    assert "thư mục “2021/Sổ duyệt”" in text
    assert [secret for secret in ("Phong Sơn", "Cẩm", "Sửa", "Gợi ý", REVIEWER) if secret in text] == []
    (receipt,) = (home.receipts / PERIOD / "Sổ duyệt").iterdir()
    assert "Sửa thành 35" in receipt.read_text()
    assert "ghi “9999”" in receipt.read_text()


def test_a_killed_pass_is_repeated_and_nothing_is_lost_or_decided_twice(home, asked, monkeypatch):
    home.inbox.mkdir()
    (home.inbox / "x.xlsx").write_bytes(Book(issue(asked, REVIEWER)).answer(A, "Xác nhận").saved())
    collect.register_inbox()
    with monkeypatch.context() as patch:
        patch.setattr(load, "submission_rows", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(load, "_numbered", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load.load_registered()
    assert len(verdicts.waiting()) == 1
    load.load_registered()
    with warehouse.connect() as connection:
        assert connection.execute("select check_name from raw.findings where check_name like 'review%'").fetchall() == [
            ("review_answer_is_taken",)
        ]
    assert len(verdicts.waiting()) == 1


@pytest.fixture(scope="module")
def issued(tmp_path_factory, built_warehouse):
    """A home that is only read, and a workbook of it with an answer to each question but the last."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(tmp_path_factory.mktemp("issued")))
        lay_out(settings.load(), built_warehouse)
        book = Book(issue(snapshot.read(PERIOD), REVIEWER))
        yield book.answer(A, "Xác nhận").answer(B, "Trả lại xã").answer(D, "Sửa", value=36).saved()


@pytest.fixture
def judged(issued, tmp_path):
    """Returns what becomes of the workbook after ``edit``, while ``meanwhile`` is so in the warehouse."""

    def judge(edit, meanwhile="select 1"):
        book = Book(issued)
        edit(book)
        path = tmp_path / "sổ.xlsx"
        path.write_bytes(book.saved())
        read = read_file(path, path.name)
        assert (read.submissions, read.file_format, read.findings) == ([], "review_workbook", [])
        with warehouse.connect() as connection:
            connection.execute("begin")
            connection.execute(meanwhile)
            returned = judge_return(connection, Sent(1, path.name, "0" * 64, NOW, read.review))
            connection.execute("rollback")
        return returned, book

    return judge


def write(tag, value, flag_id=A):
    return lambda book: setattr(book.cell(flag_id, tag), "value", value)


def untouched(_book):
    """Nobody did anything to the workbook."""


def delete_row(book):
    book.sheet.delete_rows(book.row(A))


def double_row(book):
    row = [cell.value for cell in book.sheet[book.row(A)]]
    for column, value in enumerate(row, start=1):
        book.sheet.cell(book.row(E) + 1, column).value = value


def insert_row(book):
    row = book.row(B)
    book.sheet.insert_rows(row)
    book.sheet.cell(row, book.columns["choice"]).value = "Sửa"


def foreign_row(book):
    row = book.row(E) + 1
    book.sheet.cell(row, 1).value = "9" * 32
    book.sheet.cell(row, book.columns["choice"]).value = "Sửa"


DECIDED = (
    "insert into meta.decisions by name select 999 as decision_id, now()::timestamp + interval 1 hour as decided_at, "
    "'Cán bộ B' as decided_by, 'x' as reason, 'hold' as choice, flag_id, check_name, ref_area, time_period, indicator, "
    f"obs_value as expected_value from quality.flags where flag_id = '{A}'"
)
FIGURE_CHANGED = f"update quality.flags set obs_value = 36 where flag_id = '{A}'"
FLAG_GONE = f"delete from quality.flags where flag_id = '{A}'"
FLAG_CLOSED = f"update quality.flags set is_open = false where flag_id = '{A}'"
NEWER_REPORT = (
    "insert into raw.submissions by name select * replace ('newer' as submission_id, 999 as report_number) "
    "from raw.submissions where ref_area = '15127'"
)


@pytest.mark.parametrize(
    ("edit", "meanwhile", "check", "sentence"),
    [
        (write("reported", 35), "", "review_row_is_as_issued", "cột “Đã gửi” ghi “35”, khi cấp sổ là"),
        (write("area", "Xã khác"), "", "review_row_is_as_issued", "cột “Đơn vị” ghi “Xã khác”"),
        (write("suggested", None), "", "review_row_is_as_issued", "ghi “(để trống)”, khi cấp sổ là “35”"),
        (write("suggested", "=30+5"), "", "review_row_is_as_issued", "cột “Gợi ý”"),
        (delete_row, "", "review_row_is_there", "câu 1 (Thị trấn Phong Sơn – Tờ rơi, tài liệu đã phát): dòng của"),
        (double_row, "", "review_row_appears_once", "nhiều dòng (9, 14)"),
        (insert_row, "", "review_row_is_of_this_workbook", "dòng 10, ô L10: dòng này được chèn thêm"),
        (foreign_row, "", "review_row_is_of_this_workbook", "không thuộc sổ này, mà của kỳ khác"),
        (write("choice", "Đồng ý"), "", "review_answer_is_complete", "“Đồng ý” không phải là một cách xử lý"),
        (write("choice", None), "", "review_answer_is_complete", "ô L9 · câu 1"),
        (write("choice", '=cmd|"/c calc"!A1'), "", "review_answer_is_complete", "Ô này là công thức"),
        (write("reason", None), "", "review_answer_is_complete", "Đề nghị ghi lý do"),
        (write("reason", "=HYPERLINK(1)"), "", "review_answer_is_complete", "Ô này là công thức"),
        (write("reason", "x" * 32_000), "", "review_answer_is_complete", "không quá 1.000 chữ"),
        (write("value", 35), "", "review_answer_is_complete", "Có ghi số đúng nhưng quyết định không phải là Sửa"),
        (write("value", "ba mươi", D), "", "review_answer_is_complete", "đề nghị ghi một số từ 0"),
        (write("value", None, D), "", "review_answer_is_complete", "đề nghị ghi một số từ 0"),
        (write("value", 1.288, D), "", "review_answer_is_complete", "đề nghị ghi một số từ 0"),
        (write("value", -3, D), "", "review_answer_is_complete", "ô M12 · câu 3"),
        (write("value", True, D), "", "review_answer_is_complete", "ô M12 · câu 3"),
        (write("reason", "\u200b…"), "", "review_answer_is_complete", "Đề nghị ghi lý do"),
        (write("reason", "ghi nhầm chỗ", C), "", "review_answer_is_complete", "ghi ở dòng đầu của câu"),
        (untouched, FIGURE_CHANGED, "review_figure_is_as_seen", "nay là 36"),
        (untouched, FLAG_GONE, "review_figure_is_as_seen", "không còn trong danh sách"),
        (untouched, FLAG_CLOSED, "review_figure_is_as_seen", "không còn trong danh sách"),
        (untouched, NEWER_REPORT, "review_figure_is_as_seen", "Xã vừa gửi bản mới"),
        (untouched, DECIDED, "review_question_is_undecided", "quyết định khác: Giữ lại (Cán bộ B"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_by_its_row_in_words_and_the_others_are_taken(
    judged, edit, meanwhile, check, sentence
):
    returned, _ = judged(edit, meanwhile or "select 1")
    (refusal,) = [one for one in returned.findings if one.severity == "refused"]
    assert refusal.check_name == check
    assert sentence in refusal.message_vi
    if check != "review_row_is_there":
        assert (refusal.sheet, "Trang “Sổ duyệt”, dòng" in refusal.message_vi) == ("Sổ duyệt", True)
    is_about_no_question = check == "review_row_is_of_this_workbook"
    assert len(returned.verdicts) == (3 if is_about_no_question else 2)
    assert returned.status == "held"
    assert returned.record["undecided"] == 1


def test_rows_may_be_sorted_and_filtered_and_the_protection_taken_off(judged):
    def shuffle(book):
        book.sheet.protection.sheet = False
        first, last = book.row(A), book.row(E)
        rows = [[cell.value for cell in book.sheet[row]] for row in range(first, last + 1)]
        for row, values in enumerate(reversed(rows), start=first):
            for column, value in enumerate(values, start=1):
                book.sheet.cell(row, column).value = value
        book.sheet.row_dimensions[first].hidden = True

    returned, _ = judged(shuffle)
    assert (returned.status, [one.choice for one in returned.verdicts]) == (
        "accepted",
        ["confirm", "return", "correct"],
    )


def test_what_nobody_sees_or_a_program_writes_otherwise_is_no_change(judged):
    def resave(book):
        for tag, told in (("suggested", "35"), ("choice", "su\u031b\u0309a\u200b")):
            book.cell(D, tag).value = told
        book.cell(D, "reason").value = unicodedata.normalize("NFD", "Đã hỏi\u2060 lại xã")
        for cell in book.sheet[book.row(E)]:
            cell.value = unicodedata.normalize("NFD", cell.value) if isinstance(cell.value, str) else cell.value

    returned, _ = judged(resave)
    assert returned.status == "accepted"
    assert [(one.choice, one.reason) for one in returned.verdicts][2] == ("correct", "Đã hỏi lại xã")


def test_a_sheet_that_was_copied_within_the_workbook_is_told_by_its_name(judged):
    def copy(book):
        row = next(row[0].row for row in book.sheet.iter_rows(max_col=1) if row[0].value == "#many")
        for tag, written in (("choice", "Không còn làm thay đổi kết quả"), ("reason", "Không ảnh hưởng")):
            book.sheet.cell(row, book.columns[tag]).value = written
        book.book.copy_worksheet(book.sheet).title = "Sổ lưu"

    returned, _ = judged(copy)
    assert (returned.status, returned.verdicts, returned.record["refused"]) == ("refused", [], 4)
    sentences = [one.message_vi for one in returned.findings]
    assert "đứng ở nhiều dòng (“Sổ duyệt” 9, “Sổ lưu” 9)" in sentences[1]
    assert "Dòng xác nhận cùng lúc có ở nhiều chỗ" in sentences[0]


def other_seal(book):
    for row in (1, 7):
        book.sheet.cell(row, 1).value = f"{MARK}|{PERIOD}|{'0' * 32}"
    book.book.custom_doc_props["tuquan_review"].value = f"{MARK}|{PERIOD}|{'0' * 32}"


def other_book(book):
    other = Book(issue(snapshot.read(PERIOD), "Trần Thị Bé"))
    sheet = book.book.create_sheet("Sổ của người khác")
    for row in other.sheet.iter_rows(values_only=True):
        sheet.append(row)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (other_book, "trong tệp có trang của nhiều sổ"),
        (other_seal, "sổ không do hệ thống này cấp"),
        (
            lambda book: setattr(book.sheet.cell(1, 1), "value", f"{MARK}|2020|{'1' * 32}"),
            "mã nhận dạng ẩn của sổ đã bị sửa",
        ),
        (
            lambda book: setattr(book.sheet.cell(1, 1), "value", f"{MARK}|../../etc|{'1' * 32}"),
            "mã nhận dạng ẩn của sổ đã bị sửa",
        ),
        (lambda book: book.sheet.delete_cols(5), "thiếu cột “Đã gửi”"),
        (lambda book: book.sheet.delete_cols(1), "thiếu cột ẩn đầu tiên"),
        (lambda book: book.sheet.delete_rows(1), "thiếu dòng ẩn trên cùng"),
    ],
)
def test_a_workbook_that_is_not_ours_any_more_is_refused_as_a_whole(judged, edit, sentence):
    returned, _ = judged(edit)
    assert (returned.status, returned.verdicts) == ("refused", [])
    (finding,) = returned.findings
    assert sentence in finding.message_vi


def test_a_text_file_that_was_made_of_a_workbook_is_refused_and_is_no_report(issued, tmp_path):
    with (tmp_path / "sổ.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(Book(issued).sheet.iter_rows(values_only=True))
    read = read_file(tmp_path / "sổ.csv", "sổ.csv")
    assert (read.file_format, read.status, read.submissions, read.review) == ("review_workbook", "refused", [], None)
    assert "chỉ nhận sổ ở dạng bảng tính" in read.findings[0].message_vi


def test_a_workbook_without_an_answer_or_without_its_ids_promises_nothing(home, asked):
    book = Book(issue(asked, REVIEWER))
    receipt, status, _ = send(home, book.saved())
    assert (status, "nhận quyết định về 0 câu; không nhận 0 câu; 4 câu chưa" in receipt) == ("accepted", True)
    assert "áp dụng" not in receipt
    book.answer(A, "Xác nhận").sheet.delete_cols(1)
    receipt, status, _ = send(home, book.saved(), "không mã.xlsx")
    assert (status, "chưa ghi quyết định nào" in receipt) == ("refused", True)
    assert [words for words in ("0 câu", "sửa đúng ô", "áp dụng") if words in receipt] == []


def test_a_workbook_of_which_the_issue_was_changed_or_withdrawn_decides_nothing(home, asked, tmp_path):
    content = Book(issue(asked, REVIEWER)).answer(A, "Xác nhận").saved()
    (kept,) = (home.review / PERIOD / "issued").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(kept.read_bytes().replace(REVIEWER.encode(), b"Somebody else"))
    (tmp_path / "x.xlsx").write_bytes(content)
    for _ in range(2):
        (answer,) = checking.check_files([tmp_path / "x.xlsx"])  # which writes nothing
        assert (answer.file["status"], "đã bị thu hồi" in answer.receipt) == ("refused", True)
        kept.unlink(missing_ok=True)
    assert verdicts.waiting() == []


def test_the_same_questions_for_the_same_person_are_the_same_bytes_and_text_is_never_a_formula(issued, tmp_path):
    seen = snapshot.read(PERIOD)
    content = issue(seen, REVIEWER)
    assert issue(seen, REVIEWER) == content
    with ThreadPoolExecutor(8) as threads:  # somebody who clicks twice
        assert set(threads.map(lambda _: issue(seen, REVIEWER), range(16))) == {content}
    assert issue(seen, "Trần Thị Bé") != content
    # An account that is called by an address comes back as well.
    (tmp_path / "x.xlsx").write_bytes(issue(seen, "an.nguyen@tinh.gov.vn"))
    read = read_file(tmp_path / "x.xlsx", "x.xlsx")
    assert (read.findings, read_stamp(read.review.stamps).issued_to) == ([], "an.nguyen@tinh.gov.vn")
    book = Book(content)
    assert "=cmd() Có phải là 35?" in book.cell(A, "question").value
    assert [cell.coordinate for row in book.sheet.iter_rows() for cell in row if cell.data_type == "f"] == []
    figure = next(one for one in seen.questions if questions.key_of(one) == A).figures[0]
    assert book.cell(A, "reported").value == figure.obs_value
    assert f"{figure.province.area_name_vi}: {number_vi(figure.province.total)} → " in book.cell(A, "effect").value
    assert (book.cell(A, "reported").protection.locked, book.cell(A, "choice").protection.locked) == (True, False)
    assert book.sheet.protection.sheet
    listed = [rule for rule in book.sheet.data_validations.dataValidation if rule.type == "list"]
    assert {rule.formula1 for rule in listed} >= {'"Xác nhận,Sửa,Trả lại xã,Giữ lại"'}
    assert issued_workbooks.file_name(PERIOD) == "so-duyet-2021.xlsx"
    assert Decimal(book.cell(D, "number").value) == 3
