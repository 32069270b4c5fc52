"""Hundreds of files as communes send them go through one collection after another, and each gets its right outcome."""

import os
import re
import zipfile
from io import BytesIO

import pytest
from messy_files import QUARTER, messy_files

from tuquan import collect, load, receipts, warehouse

TURNS = 3


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A home in which all turns were collected, and what was laid out: path below the inbox → (file, commune)."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("messy")
        patch.setenv("TUQUAN_HOME", str(home))
        patch.setenv("TUQUAN_SETTLE_SECONDS", "0")
        laid_out = {}
        files = messy_files()
        for turn in range(TURNS):
            for number, (file, area) in enumerate(files):
                if file.turn == turn:
                    name = f"{number:03}/{file.declared_name(area)}"
                    path = home / "inbox" / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(file.build(area))
                    os.utime(path, (1_750_000_000 + number,) * 2)
                    laid_out[name] = file, area
            collect.register_inbox()
            load.load_registered()
            receipts.write_receipts()
            if turn == 0:
                _release(QUARTER.code)
        yield home, laid_out


def _release(time_period):
    with warehouse.connect() as connection:
        connection.execute(
            "insert into meta.releases values (?, 1, 'd', 'c', 'người duyệt', timestamp '2024-05-01')", [time_period]
        )


def _query(home, sql, parameters=()):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(home))
        with warehouse.connect() as connection:
            return connection.execute(sql, list(parameters)).fetchall()


@pytest.fixture(scope="module")
def outcomes(collected):
    """Number of a file → what became of it."""
    home, _ = collected
    number = "split_part(declared_name, '/', 1)"
    found = {
        key: {
            "status": status,
            "stored": stored,
            "sha256": sha256,
            "receipt": receipt,
            "checks": set(),
            "notes": set(),
            "figures": [],
            "areas": set(),
        }
        for key, status, stored, sha256, receipt in _query(
            home, f"select {number}, status, stored_in, sha256, receipt_path from raw.arrivals"
        )
    }
    for key, check, severity in _query(
        home, f"select distinct {number}, check_name, severity from raw.findings join raw.arrivals using (arrival_id)"
    ):
        found[key]["checks" if severity in ("held", "refused") else "notes"].add(check)
    for key, area, indicator, measure, value in _query(
        home,
        f"select {number}, ref_area, indicator, measure, obs_value from raw.cells join raw.submissions using "
        "(submission_id) join raw.arrivals using (arrival_id) where is_loaded and cells.status = 'read'",
    ):
        found[key]["figures"].append((indicator + ("/ytd" if measure == "year_to_date" else ""), int(value)))
        found[key]["areas"].add(area)
    return found


def differences(file, area, got):
    """Yield what is not as it should be."""
    if got["status"] != file.status:
        yield f"status {got['status']}, not {file.status}"
    figures = sorted((key.split("#")[0], value) for key, value in file.figures.items())
    if sorted(got["figures"]) != figures:
        yield f"figures {sorted(set(got['figures']) ^ set(figures)) or sorted(got['figures'])}"
    if got["checks"] != file.checks:
        yield f"checks {sorted(got['checks'])}, not {sorted(file.checks)}"
    if not file.notes <= got["notes"]:
        yield f"notes {sorted(got['notes'])} without {sorted(file.notes - got['notes'])}"
    if file.status != "duplicate" and file.stored and got["stored"] != file.stored:
        yield f"stored in {got['stored']}, not {file.stored}"
    areas = file.areas(area) if file.areas else {area.ref_area} if file.figures else set()
    if got["areas"] != areas:
        yield f"figures of {sorted(got['areas'])}, not of {sorted(areas)}"


def test_each_file_has_its_one_right_outcome(collected, outcomes):
    _, laid_out = collected
    assert len(laid_out) >= 350
    wrong = [
        f"{name} ({file.id}): {'; '.join(found)}"
        for name, (file, area) in laid_out.items()
        if (found := list(differences(file, area, outcomes[name[:3]])))
    ]
    assert not wrong, "\n".join(["", *wrong, f"{len(wrong)} of {len(laid_out)}"])


def test_no_file_is_lost_and_each_is_answered(collected, outcomes):
    home, laid_out = collected
    assert len(outcomes) == len(laid_out)
    assert not [key for key, got in outcomes.items() if not (home / "receipts" / (got["receipt"] or "none")).is_file()]


def test_no_reader_fell_into_the_last_net(collected):
    home, _ = collected
    assert (
        _query(
            home,
            "select declared_name from raw.findings join raw.arrivals using (arrival_id) "
            "where message_vi like '%lỗi chưa rõ%'",
        )
        == []
    )


def test_nothing_personal_is_kept_but_in_the_inbox(collected):
    home, laid_out = collected
    planted = {text for file, _ in laid_out.values() for text in file.planted}
    assert len(planted) > 10
    kept = b"\n".join(_all_bytes(home))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(home))
        with warehouse.connect() as connection:
            tables = connection.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
            ).fetchall()
            for (table,) in tables:
                kept += "\n".join(map(repr, connection.execute(f"from {table}").fetchall())).encode()
    found = {text for text in planted for form in ("utf-8", "utf-16-le") if text.encode(form) in kept}
    assert not found, [(file.id, file.planted) for file, _ in laid_out.values() if found & set(file.planted)]


def _all_bytes(home):
    """Yield what lies under a home, packed and unpacked, and its names."""
    for path in home.rglob("*"):
        if path.is_file() and "inbox" not in path.relative_to(home).parts:
            yield str(path.relative_to(home)).encode("utf-8", "surrogateescape")
            content = path.read_bytes()
            yield content
            if content.startswith(b"PK"):
                try:
                    with zipfile.ZipFile(BytesIO(content)) as packed:
                        yield from (packed.read(name) for name in packed.namelist())
                except (zipfile.BadZipFile, OSError, ValueError):
                    continue


def test_no_receipt_has_a_formula_that_its_sender_did_not_write(collected):
    home, laid_out = collected
    paths = _query(
        home, "select declared_name, receipt_workbook_path from raw.arrivals where receipt_workbook_path like '%.xlsx'"
    )
    assert len(paths) > 50
    added = [
        path
        for name, path in paths
        if not _formulas(home / "receipts" / path) <= _formulas(home / "inbox" / name if name in laid_out else None)
    ]
    assert not added


def _formulas(path):
    """The formulas of a workbook; of no workbook there are none."""
    if path is None or not zipfile.is_zipfile(path):
        return set()
    with zipfile.ZipFile(path) as book:
        sheets = [book.read(name) for name in book.namelist() if re.match(r"xl/worksheets/[^/]+\.xml", name)]
    return {formula for sheet in sheets for formula in re.findall(rb"<f(?:>|\s[^>]*>)([^<]*)", sheet)}
