"""A whole period in a real browser on a real Airflow: twelve decisions, an approval, a release, a late correction."""

import json
import re
import time

import httpx
import pytest
from browsers import WIDE, chromium, look_at
from playwright.sync_api import expect

from tuquan import admissions, handoffs, local_airflow, publish, register, simulate, snapshot, verdicts
from tuquan.local_airflow import LocalAirflow
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

PERIOD = "2024-Q1"
QUARTER = parse_period(PERIOD)
QUAN_SON = "387"
pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(600)]


def lay_out(home, communes, wrong=()):
    """Let communes report; in ``wrong`` ones more cameras work than there are."""
    home.inbox.mkdir(parents=True, exist_ok=True)
    illustrated = simulate.illustrate(load_register().communes(QUAN_SON, QUARTER.end), QUARTER)
    for commune in communes:
        values = simulate.form_values(illustrated[commune.area_key], QUARTER)
        if commune in wrong:
            values["cameras_working", "period"] = values["cameras_total", "period"] + 20
        write_form(home.inbox / f"{commune.name_vi} {len(wrong)}.xlsx", commune, QUARTER, values=values)


def wait_for(condition, what, seconds=180):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.5)
    return found


@pytest.fixture
def signed_in(home):
    """Return a page of somebody who is signed in to a running Airflow; without JavaScript where that is wanted."""
    with chromium() as browser, LocalAirflow() as airflow:
        airflow.unpause()

        def sign_in(user, javascript=True):
            password = json.loads(airflow.passwords_file.read_text())[user]
            sent = {"username": user, "password": password}
            token = httpx.post(f"{airflow.url}/auth/token", json=sent, timeout=30).json()["access_token"]
            context = browser.new_context(java_script_enabled=javascript, viewport=WIDE, locale="vi-VN")
            context.add_cookies([{"name": "_token", "value": token, "url": airflow.url}])
            return context.new_page()

        yield airflow, sign_in


def collect(airflow):
    airflow.trigger(handoffs.COLLECT)
    runs = (handoffs.COLLECT, handoffs.BUILD)
    wait_for(lambda: all(run.is_over for dag_id in runs for run in airflow.runs(dag_id)), "collect and build")
    assert "failed" not in {run.state for run in airflow.runs()}


def approve(airflow, page, url, note):
    """Sign what the page shows, once Airflow asks; say that its gaps were seen where there are any.

    An answer that Airflow lost, because it was not through with asking, is asked for again on the page.
    """

    def is_asked():
        page.goto(url)
        again = page.get_by_role("button", name="Đưa ra phê duyệt")
        if again.count() and any(run.state == "failed" for run in airflow.runs(handoffs.PUBLISH)):
            again.click()
        return page.get_by_role("button", name="Gửi ý kiến").count()

    def is_taken():
        runs = airflow.runs(handoffs.PUBLISH)
        given = [one.digest for one in snapshot.read(PERIOD).approvals]
        return digest in given or [run for run in runs if run.state == "failed"][known:]

    digest = snapshot.read(PERIOD).digest
    for _ in range(3):
        wait_for(is_asked, "the question")
        known = len([run for run in airflow.runs(handoffs.PUBLISH) if run.state == "failed"])
        time.sleep(local_airflow.SETTLE_SECONDS)
        page.get_by_role("radio", name=re.compile("^Phê duyệt công bố")).check()
        if page.get_by_role("checkbox").count():
            page.get_by_role("button", name="Gửi ý kiến").click()
            assert "Đề nghị xem các phần còn thiếu" in page.get_by_role("alert").inner_text()
            page.get_by_role("checkbox").check()
        page.get_by_label("Ghi chú").fill(note)
        page.get_by_role("button", name="Gửi ý kiến").click()
        expect(page.get_by_role("alert")).to_have_count(0)
        if wait_for(is_taken, "the answer") is True:
            return
    raise AssertionError(f"the answer was lost three times: {airflow.runs(handoffs.PUBLISH)}")


def test_twelve_decisions_an_approval_a_release_and_a_late_correction(home, signed_in):
    airflow, sign_in = signed_in
    communes = load_register().communes(QUAN_SON, QUARTER.end)
    assert len(communes) == 12
    lay_out(home, communes, wrong=communes)
    collect(airflow)
    pages = f"{airflow.url}/duyet/"
    period = f"{pages}ky/{PERIOD}"

    viewer = sign_in(local_airflow.DEMO_VIEWER)
    viewer.goto(period)
    assert viewer.get_by_role("button").count() == 0
    for path in ("", "/tiep-nhan", "/phe-duyet", "/cong-bo", f"/xa/{communes[0].area_key}"):
        look_at(viewer, period + path)
    look_at(viewer, pages)

    # Without JavaScript, the first of them by the keyboard alone.
    reviewer = sign_in(local_airflow.DEMO_REVIEWER, javascript=False)
    look_at(sign_in(local_airflow.DEMO_REVIEWER), period)
    reviewer.goto(period)
    groups = reviewer.get_by_role("group", name=re.compile("^Quyết định về"))
    questions = snapshot.read(PERIOD).questions
    assert [question.severity for question in questions].index("warning") == 12
    assert groups.count() == len(questions)
    first = groups.first
    name = first.get_by_role("radio").first.get_attribute("name")
    reviewer.get_by_role("link", name="Đến nội dung").focus()
    for _ in range(60):
        reviewer.keyboard.press("Tab")
        if reviewer.locator("*:focus").get_attribute("name") == name:
            break
    reviewer.keyboard.press("Space")
    for _ in range(9):
        reviewer.keyboard.press("Tab")
        if (reviewer.locator("*:focus").get_attribute("name") or "").startswith("ly_do."):
            break
    reviewer.keyboard.type("Xã đã xác nhận qua điện thoại")
    reviewer.keyboard.press("Enter")
    assert "Đã ghi 1 quyết định" in reviewer.get_by_role("status").inner_text()

    for place, question in enumerate(questions[1:12], start=1):
        card = reviewer.locator(f"[id='q-{question.figures[0].flag_id}']")
        choice = {1: "Trả lại xã", 2: "Giữ lại"}.get(place, "Sửa")
        card.get_by_role("radio", name=re.compile(f"^{choice}")).check()
        card.get_by_label("Số đúng (khi sửa)").fill(str(int(question.figures[0].obs_value) - 20))
        if place != 11:
            card.get_by_label("Lý do").fill(f"Lý do {place}")
    reviewer.get_by_role("button", name="Lưu các quyết định").click()
    assert "Đã ghi 10 quyết định khác" in reviewer.get_by_role("alert").inner_text()
    card.get_by_label("Lý do").fill("Gõ thừa một chữ số")
    reviewer.get_by_role("button", name="Lưu các quyết định").click()
    assert "Đã ghi 1 quyết định" in reviewer.get_by_role("status").inner_text()  # also: the answer has arrived
    reviewer.goto(period)
    left = len(questions) - 12
    assert f"Còn {left} câu chưa trả lời" in reviewer.get_by_role("region", name="Tóm tắt").inner_text()
    reviewer.get_by_text("Xác nhận nhiều câu cùng lúc").click()
    reviewer.get_by_label("Xác nhận các câu").select_option("1")
    reviewer.get_by_label("Lý do chung").fill("Đã đối chiếu với biên bản bàn giao")
    reviewer.get_by_role("button", name="Xác nhận các câu này").click()
    assert "Đã ghi" in reviewer.get_by_role("status").inner_text()
    returned = next(verdict for verdict in verdicts.waiting() if verdict.choice == "return").area_name_vi
    reviewer.get_by_role("button", name="Áp dụng và tổng hợp lại ngay").click()
    wait_for(lambda: not verdicts.waiting() and snapshot.read(PERIOD).is_current, "the decisions in the marts")
    assert snapshot.read(PERIOD).refusals == []

    reviewer.goto(f"{period}/phe-duyet")
    assert reviewer.get_by_role("button").count() == 0
    approver = sign_in(local_airflow.DEMO_APPROVER)
    approver.goto(airflow.url)
    approver.get_by_role("link", name="Duyệt").click()
    inside = approver.frame_locator("iframe")
    inside.get_by_role("link", name="Quý 1 năm 2024").click()
    inside.get_by_role("link", name="Phê duyệt").click()
    inside.get_by_role("heading", name="Bản sơ bộ: còn thiếu").wait_for()
    approve(airflow, approver, f"{period}/phe-duyet", "Đã xem")
    wait_for(lambda: snapshot.read(PERIOD).releases, f"the release {airflow.runs(handoffs.PUBLISH)}")
    look_at(approver, f"{period}/cong-bo")
    assert approver.get_by_role("heading", name="Lần 1 – sơ bộ").count() == 1
    total = (
        "select obs_value, areas_included, areas_held from marts.district_observations "
        "where ref_area = '387' and indicator = 'cameras_working'"
    )
    (before,) = publish.query(total)[1]
    assert before[1:] == (10, 2)

    # The commune that got its figure back sends another one; after a release its superiors let it in.
    commune = next(one for one in communes if one.name_vi == returned)
    lay_out(home, [commune])
    collect(airflow)
    (waits,) = [
        submission
        for file in register.received_files()
        for submission in file["submissions"]
        if submission["status"] == "held" and not submission["is_loaded"]
    ]
    admissions.admit(waits["submission_id"], "Văn phòng", "Xã sửa theo đề nghị")
    collect(airflow)
    approver.goto(f"{period}/phe-duyet")
    stale = approver.get_by_role("region", name="Phê duyệt trước đã hết hiệu lực")
    assert "báo cáo của xã" in stale.inner_text()
    assert returned in stale.get_by_role("table").inner_text()
    look_at(approver, f"{period}/phe-duyet")
    approve(airflow, approver, f"{period}/phe-duyet", "Đã xem số sửa")
    wait_for(lambda: len(snapshot.read(PERIOD).releases) == 2, "the second revision")
    look_at(approver, f"{period}/cong-bo")
    assert approver.get_by_role("heading", name="Lần 2").count() == 1
    assert returned in approver.get_by_role("table").first.inner_text()
    (after,) = publish.query(total)[1]
    assert after[1:] == (11, 1)
    assert after[0] > before[0]
    assert {one.approver for one in snapshot.read(PERIOD).approvals} == {local_airflow.DEMO_APPROVER}
