"""The review page inside Airflow's real API server: who may do what, and what a hostile request gets."""

import re
from decimal import Decimal
from html import unescape
from io import BytesIO

import msgspec
import openpyxl
import pytest
from shown_periods import AREA, DIGEST, GAP, PERIOD, WRITTEN_AT, figure, question, report, show

from tuquan import snapshot, verdicts
from tuquan.issued_workbooks import read_stamp
from tuquan.review_page.forms import MOST_BYTES
from tuquan.snapshot import Answer, Approval, Change, Refusal, Revision, Stale

KEY = f"{1:032x}"
AREA_KEY = "15127.20191201"
HOSTILE = "<script>alert(1)</script>'\"{{7*7}}=cmd()"
GIVEN = Answer("hold", None, "Chờ huyện", "lan", WRITTEN_AT)  # applied, and not built yet
READERS = ("viewer", "user", "op", "admin")


def at(path):
    return f"/duyet/ky/{PERIOD}{path}"


PAGES = ["/duyet/", at(""), at("/tiep-nhan"), at("/phe-duyet"), at("/cong-bo"), at(f"/xa/{AREA_KEY}")]
WORKBOOK = at("/tai-ve")
FOR_REVIEWERS = [at(""), at("/xac-nhan"), at("/ap-dung")]
FOR_APPROVERS = [at("/phe-duyet"), at("/dua-ra")]


def fields_of(page):
    """Return what the first form for decisions on a page would send as it stands."""
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    }


def decision(client, choice="correct", reason="Gõ thừa một chữ số", **others):
    fields = fields_of(client.get(at("")))
    fields |= {f"chon.{KEY}": choice, f"ly_do.{KEY}": reason, f"so.{KEY}": "35", **others}
    return {name: value for name, value in fields.items() if value is not None}


def routes(app):
    """Return every (method, path) of the page, with real values in its places."""
    (mounted,) = [route.app for route in app.routes if getattr(route, "path", "") == "/duyet"]
    assert mounted.__class__.__name__ == "LazyPage"
    made = mounted.page()
    known = {"{time_period}": PERIOD, "{area_key}": AREA_KEY, "{place}": "0"}
    for route in made.routes:
        path = route.path
        for place, value in known.items():
            path = path.replace(place, value)
        for method in route.methods:
            yield method, f"/duyet{path}"


def test_no_route_answers_a_stranger(home, airflow_app, browser):
    show()
    asked = list(routes(airflow_app))
    assert {path for method, path in asked if method == "POST"} == {*FOR_REVIEWERS, *FOR_APPROVERS}
    assert {path for method, path in asked if method == "GET"} >= {*PAGES, WORKBOOK, "/duyet/kieu.css"}
    stranger = browser(None)
    for method, path in asked:
        answer = stranger.request(method, path)
        assert (answer.status_code, AREA in answer.text) == (401, False), (method, path)
    stranger.cookies.set("_token", "made.up.token")
    assert {stranger.request(method, path).status_code for method, path in asked} == {403}
    assert stranger.get("/duyet/openapi.json").status_code == 404  # nothing describes the page to strangers


@pytest.mark.parametrize("role", READERS)
def test_each_role_does_what_it_may_and_no_more(home, airflow_app, browser, role):
    show()
    client = browser(role)
    for path in PAGES:
        assert client.get(path).status_code == 200, path
    # With the token of their own page, so that nothing but the role stands in the way.
    fields = fields_of(client.get(at(""))) if role != "viewer" else {"the": "none"}
    refused = {path for path in FOR_REVIEWERS + FOR_APPROVERS if client.post(path, data=fields).status_code == 403}
    # Airflow's roles include one another: who approves may decide as well, but not about the same period.
    assert (
        refused
        == {
            "viewer": {*FOR_REVIEWERS, *FOR_APPROVERS},
            "user": {*FOR_APPROVERS},
            "op": set(),
            "admin": set(),
        }[role]
    )
    for text in ("Lưu các quyết định", "Tải sổ duyệt"):
        assert (text in client.get(at("")).text) == (role != "viewer")
    assert client.get(WORKBOOK).status_code == (403 if role == "viewer" else 200)


def test_a_decision_is_kept_once_with_the_name_of_the_person_and_survives_a_reload(home, browser):
    show()
    client = browser("user")
    sent = decision(client)
    answer = client.post(at(""), data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{at('')}?da_ghi=1")
    (kept,) = verdicts.waiting()
    assert (kept.decided_by, kept.choice, kept.reason) == ("can-bo", "correct", "Gõ thừa một chữ số")
    assert (kept.expected, kept.new_values) == ({KEY: Decimal(1838)}, {KEY: Decimal(35)})
    page = browser("viewer").get(at("")).text
    assert "Đã ghi:" in page
    assert "thành 35" in page
    again = client.post(at(""), data=sent)
    assert again.status_code == 422
    assert "không ghi lần nữa" in again.text
    assert len(verdicts.waiting()) == 1
    verdicts.is_applied(kept)
    assert client.post(at(""), data=sent).status_code == 422  # nor after it was applied
    assert verdicts.waiting() == []


def test_a_figure_that_was_given_back_says_until_when_the_commune_answers(home, browser):
    given = Answer("return", None, "Gấp năm mươi lần kỳ trước", "lan", WRITTEN_AT)  # a Tuesday
    show([question(figures=[figure(answer=given)])])
    assert "Hạn trả lời: hết ngày 08/12/2026." in browser("viewer").get(at("")).text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({f"ly_do.{KEY}": "  "}, "Đề nghị ghi lý do"),
        ({f"chon.{KEY}": "delete"}, "Đề nghị chọn một cách xử lý"),
        ({f"so.{KEY}": "1,5"}, "đề nghị ghi một số"),
        ({f"so.{KEY}": ""}, "đề nghị ghi một số"),
        ({f"so.{KEY}": "9" * 30}, "đề nghị ghi một số"),
        ({f"ly_do.{KEY}": "x" * 1001}, "ngắn lại"),
        ({f"xem.{KEY}": "1837"}, "đã thay đổi sau khi anh/chị mở trang"),
        ({f"chon.{KEY}": None}, "Đề nghị chọn một cách xử lý"),
    ],
)
def test_what_is_wrong_with_a_decision_is_said_beside_it_and_what_was_typed_stays(home, browser, change, sentence):
    show()
    client = browser("user")
    answer = client.post(at(""), data=decision(client, **change))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert verdicts.waiting() == []
    reason = change.get(f"ly_do.{KEY}", "Gõ thừa một chữ số").strip()
    assert f'name="ly_do.{KEY}" maxlength="1000" autocomplete="off" value="{reason}' in answer.text


def test_a_workbook_is_issued_to_the_person_who_takes_it_and_asks_what_has_no_answer_yet(home, browser):
    show([question(), question(2)])
    client = browser("user")
    client.post(at(""), data=decision(client))
    answer = client.get(WORKBOOK)
    assert answer.headers["content-disposition"] == f'attachment; filename="so-duyet-{PERIOD}.xlsx"'
    sheet = openpyxl.load_workbook(BytesIO(answer.content)).worksheets[0]
    assert [row[0].value for row in sheet.iter_rows(max_col=1) if len(row[0].value or "") == 32] == [f"{2:032x}"]
    told = read_stamp([sheet["A1"].value])
    assert (told.issued_to, told.time_period) == ("can-bo", PERIOD)
    assert read_stamp([sheet["A1"].value.replace(PERIOD, "2026-M10")]) is None
    show([question(figures=[figure(answer=GIVEN)])])
    answer = client.get(WORKBOOK)
    assert (answer.status_code, "không còn câu nào chờ quyết định" in answer.text) == (404, True)


def test_a_decision_about_a_value_that_is_gone_is_refused_in_words(home, browser):
    show()
    client = browser("user")
    sent = decision(client)
    show([question(figures=[figure(obs_value=36)])])
    assert "nay là 36" in client.post(at(""), data=sent).text
    show([])
    assert "không còn trong danh sách" in client.post(at(""), data=sent).text
    assert verdicts.waiting() == []


def test_many_are_confirmed_at_once_but_none_that_breaks_a_rule(home, browser):
    told = show(
        [
            question(1, severity="critical", priority=Decimal("0.01")),
            *(question(number, priority=Decimal("0.01") * number, is_needed=number < 4) for number in range(2, 7)),
            question(7, priority=Decimal("0.01"), is_needed=False, figures=[figure(7, answer=GIVEN)]),
        ]
    )
    client = browser("user")
    fields = fields_of(client.get(at(""))) | {"luc": told.written_at.isoformat(), "ly_do": "Đã gọi xã"}
    assert client.post(at("/xac-nhan"), data=fields | {"nguong": "0.05", "ly_do": ""}).status_code == 422
    assert client.post(at("/xac-nhan"), data=fields | {"nguong": "99"}).status_code == 422
    assert client.post(at("/xac-nhan"), data=fields | {"nguong": "0.05", "luc": "2020-01-01"}).status_code == 422
    assert client.post(at("/xac-nhan"), data=fields | {"nguong": "0.05"}).status_code == 303
    assert {verdict.question_id for verdict in verdicts.waiting()} == {f"{number:032x}" for number in (2, 3, 4)}
    assert client.post(at("/xac-nhan"), data=fields | {"nguong": "rest"}).status_code == 303
    assert {verdict.choice for verdict in verdicts.waiting()} == {"confirm"}
    assert len(verdicts.waiting()) == 5
    page = client.get(at("")).text
    assert "Còn <b>1</b> câu chưa trả lời trên 7 câu đang mở" in page


def test_a_form_from_elsewhere_changes_nothing(home, browser):
    show()
    client = browser("user")
    right = decision(client)
    of_another = fields_of(browser("admin").get(at("")))["the"]
    foreign = [
        ({"the": None}, {}),
        ({"the": "0" * 64}, {}),
        ({"the": of_another}, {}),
        ({}, {"origin": "https://example.org"}),
        ({}, {"origin": "null"}),
        ({}, {"sec-fetch-site": "cross-site"}),
        ({}, {"sec-fetch-site": "same-site"}),
    ]
    for change, headers in foreign:
        sent = {name: value for name, value in (right | change).items() if value is not None}
        answer = client.post(at(""), data=sent, headers=headers)
        assert answer.status_code == 403, (change, headers)
        assert "Chưa ghi gì" in answer.text
    assert verdicts.waiting() == []
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert client.post(at(""), data=right, headers=own).status_code == 303


def test_a_body_that_no_page_of_ours_sends_is_refused(home, browser):
    show()
    client = browser("user")
    form = {"content-type": "application/x-www-form-urlencoded"}
    bodies = [
        (b"a=" + b"x" * MOST_BYTES, form, 413),
        (b"&".join(b"a=1" for _ in range(20_001)), form, 413),
        (b"a=\xff\xfe", form, 415),
        (b'{"the": 1}', {"content-type": "application/json"}, 415),
        (b"--x\r\n\r\n", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b"", form, 403),
    ]
    for body, headers, code in bodies:
        assert client.post(at(""), content=body, headers=headers).status_code == code
    assert verdicts.waiting() == []


@pytest.mark.parametrize(
    "path",
    [
        "/duyet/ky/2026-M13",
        "/duyet/ky/..%2f..%2fetc",
        "/duyet/ky/%2e%2e/%2e%2e/etc/passwd",
        "/duyet/ky/2026-M11%00",
        "/duyet/ky/2026-M11%0a",
        "/duyet/ky/2025-M11",
        at("/xa/..%2f..%2f..%2fetc%2fpasswd"),
        at("/xa/%3Cscript%3E"),
        at(f"/xa/{AREA_KEY}/bien-nhan/1"),
        at(f"/xa/{AREA_KEY}/bien-nhan/-1"),
        at("/xa/00000.20200101/bien-nhan/0"),
        at(f"/xa/{AREA_KEY}/bien-nhan/..%2f..%2fpasswd"),
    ],
)
def test_a_path_that_means_something_else_finds_nothing(home, browser, path):
    show()
    answer = browser("viewer").get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_a_receipt_is_read_from_its_folder_and_from_nowhere_else(home, browser):
    secret = home.home / "secret.txt"
    home.receipts.mkdir(parents=True)
    secret.write_text("mật")
    (home.receipts / "link.txt").symlink_to(secret)
    (home.receipts / "own.txt").write_text("Giấy tiếp nhận <b>")
    client = browser("viewer")
    for receipt_path, code in (("own.txt", 200), ("../secret.txt", 404), (str(secret), 404), ("link.txt", 404)):
        show(reports=[report(receipt_path=receipt_path)])
        answer = client.get(at(f"/xa/{AREA_KEY}/bien-nhan/0"))
        assert (answer.status_code, "mật" in answer.text) == (code, False)
        if code == 200:
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_whatever_a_cell_says_comes_out_as_text(home, browser):
    hostile = question(
        area_name_vi=HOSTILE, message_vi=HOSTILE, figures=[figure(indicator_name_vi=HOSTILE, sheet=HOSTILE)]
    )
    show(
        [hostile],
        unmet=[HOSTILE],
        gaps=[replace_gap(HOSTILE)],
        reports=[report(area_name_vi=HOSTILE, file=HOSTILE, district_name_vi=HOSTILE)],
    )
    client = browser("op")
    client.post(at(""), data=decision(client, "confirm", HOSTILE))
    client.post(at(""), data=decision(client, "correct", HOSTILE, **{f"so.{KEY}": HOSTILE}))
    for path in PAGES[1:]:
        page = client.get(path)
        assert "<script" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert unescape(client.get(at("")).text).count(HOSTILE) >= 4


def replace_gap(name):
    return msgspec.structs.replace(GAP, area_name_vi=name)


def test_the_pages_tell_what_is_stale_what_was_taken_back_and_what_changed(home, browser):
    given = Approval("0" * 64, True, "lan", "", WRITTEN_AT)
    changes = [Change(HOSTILE, "commune", "Tổng số hộ", None, Decimal(1288)), Change("Huyện A", "district", "Hộ", 1, 2)]
    revisions = [
        Revision(3, WRITTEN_AT, "lan", "c" * 64, True, None, 0, [], ["manifest.json"]),
        Revision(2, WRITTEN_AT, "lan", "b" * 64, False, HOSTILE, 0, [], ["THU-HOI.md"]),
        Revision(1, WRITTEN_AT, "lan", "a" * 64, False, None, 300, changes, [HOSTILE]),
    ]
    refusals = [Refusal(HOSTILE, "lan", WRITTEN_AT, "Số đã xem là 5, nay là 6.")]
    show(stale=Stale(given, ["reports", "rules"], 2, changes), approvals=[given], releases=revisions, refusals=refusals)
    client = browser("viewer")
    approval = client.get(at("/phe-duyet")).text
    assert "Sau đó đã thay đổi: báo cáo của xã; danh mục, quy tắc hoặc phần mềm" in approval
    assert re.search(r'data-label="Trước" class="n">–</td><td data-label="Nay" class="n">1\.288</td>', approval)
    released = client.get(at("/cong-bo")).text
    assert [text for text in ("Lần 3 – sơ bộ", "Lần 2 – đã thu hồi", "… và 298 ô khác") if text not in released] == []
    assert "1 quyết định không áp dụng được" in client.get(at("")).text
    listed = client.get("/duyet/").text
    assert "Phê duyệt hết hiệu lực" in listed
    assert "lần 3</a> (sơ bộ)" in listed
    for page in (approval, released, client.get(at("")).text):
        assert HOSTILE in unescape(page)
        assert "<script" not in page


def test_who_decided_does_not_approve_and_an_approval_is_of_what_was_seen(home, browser):
    told = show(gaps=[GAP])
    client = browser("op")
    fields = {"the": fields_of(client.get(at("")))["the"], "chon": "Approve", "dau": DIGEST, "so_bo": "co"}

    def answer(**others):
        page = client.post(at("/phe-duyet"), data=fields | others)
        assert page.status_code == 409
        return unescape(page.text)

    assert "Chưa có câu hỏi phê duyệt nào đang chờ" in answer()  # all else is right: nothing runs in this Airflow
    assert "Đề nghị xem các phần còn thiếu" in answer(so_bo="")
    assert "Nội dung đã thay đổi" in answer(dau="0" * 64)
    assert "Đề nghị chọn" in answer(chon="Yes")
    assert "Đề nghị ghi lý do" in answer(chon="Reject")
    show(gaps=[GAP], deciders=["Lanh-Dao "])
    assert "đã quyết định về số liệu của kỳ này" in answer()
    show(gaps=[GAP])
    client.post(at(""), data=decision(client, "confirm"))
    assert "đã quyết định về số liệu của kỳ này" in answer()  # also while the decision waits
    verdicts.is_applied(*verdicts.waiting())
    other = browser("user")
    other.post(at(""), data=decision(other, "confirm"))
    assert "Còn quyết định chưa áp dụng" in answer()
    verdicts.is_applied(*verdicts.waiting())
    for change, sentence in (
        ({"gate_status": "closed"}, "Cửa kiểm tra đang đóng"),
        ({"is_current": False}, "đã thay đổi sau lần kiểm tra cuối"),
        ({"is_released": True}, "đã được công bố"),
    ):
        snapshot.save(msgspec.structs.replace(told, **change))
        assert sentence in answer()


def test_the_page_never_reaches_the_warehouse():
    import subprocess
    import sys

    asks = "import sys, tuquan.review_page.app; sys.exit('duckdb' in sys.modules or 'tuquan.warehouse' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0


def test_the_navigation_leads_to_the_page(browser):
    plugins = browser("admin").get("/api/v2/plugins").json()["plugins"]
    (ours,) = [plugin for plugin in plugins if plugin["name"] == "tuquan_review_page"]
    (view,) = ours["external_views"]
    assert (view["name"], view["href"], view["destination"]) == ("Duyệt", "/duyet/", "nav")
