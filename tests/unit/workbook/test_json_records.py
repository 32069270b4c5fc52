import json
import time

import pytest

from tuquan.workbook.reading import read_file

AREA = {"ref_area": "15127", "time_period": "2021"}
LONG = AREA | {"indicator": "households_total", "obs_value": 1288}
ONE = ("15127", "2021", "households_total", "period", "1288", "read")


@pytest.fixture
def read(tmp_path):
    def read_document(document, encoding="utf-8"):
        text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
        path = tmp_path / "so-lieu.json"
        path.write_bytes(text.encode(encoding))
        return read_file(path, path.name)

    return read_document


def figures_of(file):
    return [
        (item.ref_area, item.time_period, cell.indicator, cell.measure, cell.obs_value, cell.status)
        for item in file.submissions
        for cell in item.cells
    ]


def checks_of(file):
    return [item.check_name for owner in (file, *file.submissions) for item in owner.findings]


@pytest.mark.parametrize(
    "document",
    [
        [LONG],
        LONG,
        {"results": [LONG], "count": 1, "next": None},
        {"data": [LONG]},
        AREA | {"observations": [{"indicator": "households_total", "obs_value": 1288}]},
        [AREA | {"households_total": 1288}],
        AREA | {"figures": {"households_total": 1288}},
        AREA | {"figures": {"households_total": {"period": 1288}}},
        {"bieu": {"chung": AREA, "so_lieu": {"households_total": "1288"}}},
        {"bieu/ref_area": "15127", "bieu/time_period": "2021", "bieu/a/households_total": "1288"},
    ],
)
def test_every_documented_shape_says_the_same(read, document):
    file = read(document)
    assert (file.file_format, figures_of(file), file.findings, file.status) == ("json", [ONE], [], "accepted")


def test_a_submission_of_a_questionnaire_is_read_without_its_metadata(read):
    file = read(
        {
            "_id": 7,
            "_uuid": "0f8b",
            "formhub/uuid": "ab12",
            "meta/instanceID": "uuid:0f8b",
            "meta/rootUuid": "uuid:0f8b",
            "__version__": "v3",
            "_submission_time": "2026-07-01T08:00:00",
            "_geolocation": [None, None],
            "start": "2026-07-01T07:50:00",
            "end": "2026-07-01T08:00:00",
            "today": "2026-07-01",
            "deviceid": "d",
            "username": "u",
            "nhom/ref_area": "15127",
            "nhom/time_period": "2021",
            "nhom/so/households_total": "1288",
        }
    )
    assert (figures_of(file), file.findings) == ([ONE], [])


def test_a_group_of_metadata_is_left_out(read):
    document = AREA | {"meta": {"instanceID": "uuid:0f8b"}, "__system": {"edits": 0}, "households_total": 1288}
    assert (figures_of(read(document)), checks_of(read(document))) == ([ONE], [])


def test_a_figure_may_have_period_and_year_to_date(read):
    file = read(AREA | {"figures": {"propaganda_sessions": {"period": 3, "year_to_date": 12}}})
    assert [row[3:5] for row in figures_of(file)] == [("period", "3"), ("year_to_date", "12")]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1288", ("1288", "number", "read")),
        ("1288.0", ("1288.0", "number", "read")),
        ("1.288e3", ("1.288e3", "number", "read")),
        ("1.288", ("1.288", "number", "held")),
        ('"1.288"', ("1.288", "text", "read")),
        ('" 1288 "', ("1288", "text", "read")),
        ("-5", ("-5", "number", "refused")),
        ("12345678901234567890", ("12345678901234567890", "number", "refused")),
        ("true", ("1", "boolean", "held")),
        ("false", ("0", "boolean", "held")),
        ("null", (None, "blank", "blank")),
        ('""', (None, "blank", "blank")),
        ("[1288]", ("[1288]", "text", "held")),
        ('{"value": 1288}', ('{"value": 1288}', "text", "held")),
        ("{}", ("{}", "text", "held")),
    ],
)
@pytest.mark.parametrize("shape", ['"households_total": %s', '"indicator": "households_total", "obs_value": %s'])
def test_a_value_is_judged_as_it_is_written(read, shape, value, told):
    file = read('[{"ref_area": "15127", "time_period": "2021", %s}]' % (shape % value))
    (cell,) = file.submissions[0].cells
    assert (cell.raw_text, cell.raw_type, cell.status) == told


def test_codes_may_be_numbers(read):
    assert figures_of(read([LONG | {"ref_area": 15127, "time_period": 2021}])) == [ONE]


def test_a_name_that_an_object_does_not_have_states_nothing(read):
    file = read(
        [AREA | {"households_total": 1288}, {"ref_area": "15133", "time_period": "2021", "population_total": 5}]
    )
    assert [row[:1] + row[2:3] for row in figures_of(file)] == [
        ("15127", "households_total"),
        ("15133", "population_total"),
    ]


def test_a_record_without_its_value_is_a_finding_with_its_place(read):
    file = read([LONG, AREA | {"indicator": "population_total"}])
    (finding,) = file.findings
    assert (finding.check_name, finding.cell) == ("row_names_area_period_indicator", "bản ghi 2")
    assert finding.message_vi.startswith("Tệp so-lieu.json, bản ghi 2")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_json_may_be_in_any_unicode(read, encoding):
    assert figures_of(read([LONG | {"xã": "Cẩm Thủy"}], encoding)) == [ONE]


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (
            '[{"ref_area": "15127", "ref_area": "15133", "time_period": "2021", "households_total": 1}]',
            "json_is_well_formed",
        ),
        ('{"a/ref_area": "15127", "b/ref_area": "15133", "time_period": "2021"}', "json_is_well_formed"),
        ('{"ref_area": "15127", "data": [{"ref_area": "15133", "time_period": "2021"}]}', "json_is_well_formed"),
        ('[{"ref_area": "15127", "time_period": "2021", "households_total": NaN}]', "json_is_well_formed"),
        ('[{"ref_area": "15127", "time_period": "2021", "households_total": -Infinity}]', "json_is_well_formed"),
        ('[{"ref_area": "15127"', "json_is_well_formed"),
        ("{'ref_area': 1}", "json_is_well_formed"),
        ("[]", "file_format_is_supported"),
        ("{}", "csv_has_the_required_columns"),
        ("[1, 2]", "file_format_is_supported"),
        ('{"data": [], "results": []}', "file_format_is_supported"),
        ('[{"ref_area": "15127", "time_period": "2021"}]', "csv_has_the_required_columns"),
        ('[{"ref_area": "%s"}]' % ("x" * 40_000), "file_is_of_a_safe_size"),
        ("[" + ",".join(["{}"] * 100_001) + "]", "file_is_of_a_safe_size"),
        (json.dumps([{f"c{number}": 1 for number in range(401)}]), "file_is_of_a_safe_size"),
    ],
)
def test_json_that_cannot_be_told_is_refused_with_its_reason(read, text, check):
    file = read(text)
    assert (file.status, checks_of(file)) == ("refused", [check])
    assert "{" not in file.findings[0].message_vi


@pytest.mark.parametrize(
    "text",
    ["[" * 9_000_000, "[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, '{"a":' * 500 + "1" + "}" * 500],
)
def test_deep_nesting_is_refused_at_once(read, text):
    begin = time.monotonic()
    file = read(text)
    assert (file.status, checks_of(file)) == ("refused", ["file_is_of_a_safe_size"])
    assert time.monotonic() - begin < 2
