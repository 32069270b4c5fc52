"""A Kobo-like server: pages, edits, and what must never leave with the answers or with the token."""

import msgspec
import pytest

from tuquan.channels import kobo
from tuquan.channels.transport import ServerFailed

KOBO = "kobo://tuquan_kobo@/aTQ01"


@pytest.fixture
def form(kobo_server, connect, monkeypatch):
    monkeypatch.setattr(kobo, "FIRST_WAIT_SECONDS", 0)
    connect("tuquan_kobo", conn_type="http", host=f"http://127.0.0.1:{kobo_server.server_port}")
    return kobo_server


def submission(number, **figures):
    """What the server says of one submission; areas are those of Cẩm Thủy."""
    area = ("15127", "15133", "15139", "15145", "15148")[number]
    return {
        "_id": number,
        "_uuid": f"uuid-{number}",
        "meta/rootUuid": f"uuid:root-{number}",
        "meta/instanceID": f"uuid:uuid-{number}",
        "_submission_time": f"2022-01-02T00:00:0{number}",
        "_submitted_by": "nguyen-van-a",
        "username": "nguyen-van-a",
        "deviceid": "ee.example:000",
        "phonenumber": "0900000000",
        "_geolocation": [10.5, 106.5],
        "start": "2022-01-02T07:00:00+07:00",
        "_attachments": [{"filename": "nguyen-van-a/anh.jpg"}],
        "bieu/ref_area": area,
        "bieu/time_period": "2021",
        "bieu/so_lieu/households_total": "1288",
        **{f"bieu/so_lieu/{name}": value for name, value in figures.items()},
    }


def test_all_pages_become_figures_without_anything_about_the_sender(office, form, home):
    form.submissions = [submission(number) for number in range(5)]
    office.receive(KOBO)
    first = office.outcomes()
    assert [name for name, *_ in first] == [f"aTQ01/root-{number}.json" for number in range(5)]
    assert {(status, count) for _, status, count in first} == {("accepted", 1)}
    assert len(form.asked) == 3
    stored = b"".join(path.read_bytes() for path in home.home.rglob("*") if path.is_file())
    for personal in (b"nguyen-van-a", b"0900000000", b"ee.example", b"106.5"):
        assert personal not in stored
    office.receive(KOBO)
    assert office.outcomes() == first


def test_an_edit_is_a_new_version_of_the_same_report(office, form):
    form.submissions = [submission(0)]
    office.receive(KOBO)
    edited = submission(0, population_total="5000")
    edited["_uuid"] = "uuid-9"
    edited["meta/instanceID"] = "uuid:uuid-9"
    edited["meta/deprecatedID"] = "uuid:uuid-0"
    form.submissions = [edited]
    office.receive(KOBO)
    assert office.query("select version, count(distinct ref_area) from raw.submissions group by all order by all") == [
        (1, 1),
        (2, 1),
    ]
    form.submissions = []
    office.receive(KOBO)
    assert len(office.outcomes()) == 2


def test_a_server_that_is_busy_is_asked_again(office, form):
    form.submissions, form.failures = [submission(0)], [429, 503]
    office.receive(KOBO)
    assert len(office.outcomes()) == 1
    assert len(form.asked) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        {"failures": [500] * kobo.ATTEMPTS},
        {"failures": [404]},
        {"failures": [302]},
        {"count": 3},
        {"next_host": "http://127.0.0.1:1"},
        {"next_host": "http://localhost"},
    ],
    ids=["broken", "no such form", "sent elsewhere", "fewer than counted", "next page elsewhere", "another name"],
)
def test_a_list_that_is_not_whole_is_an_error_and_nothing_is_received(office, form, trouble):
    form.submissions, form.page = [submission(0), submission(1)], 1
    for name, value in trouble.items():
        setattr(form, name, value)
    with pytest.raises(ServerFailed):
        office.receive(KOBO)
    form.failures, form.count, form.next_host = [], None, None
    office.receive(KOBO)
    assert len(office.outcomes()) == 2


def test_a_wrong_token_is_an_error_that_does_not_name_it(office, form, connect):
    connect("tuquan_kobo", conn_type="http", host=f"http://127.0.0.1:{form.server_port}", password="sai-mat-khau")
    with pytest.raises(ServerFailed) as raised:
        office.receive(KOBO)
    assert "sai-mat-khau" not in str(raised.value)


@pytest.mark.parametrize("host", ["http://kobo.example", "http://10.0.0.1"])
def test_the_token_never_travels_in_the_open(host):
    with pytest.raises(ServerFailed, match="https"):
        kobo.client(host, "token")


def test_figures_keep_their_writing(form):
    page = msgspec.json.decode(b'{"count":1,"results":[{"b":"1.288","a":12.50,"_c":1}]}', type=kobo._Page)
    assert kobo._answers(page.results[0]) == b'{"a":12.50,"b":"1.288"}'
