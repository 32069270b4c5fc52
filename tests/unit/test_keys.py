"""Keys are whole, nobody else reads them, and all processes have the same one."""

import multiprocessing

import pytest

from tuquan import keys, settings


@pytest.mark.parametrize("before", [None, b"", b"short", b"x" * 33])
def test_a_key_that_is_gone_or_damaged_is_made_anew_and_stays(home, before):
    path = home.review / ".workbook-key"
    if before is not None:
        home.review.mkdir(parents=True)
        path.write_bytes(before)
    made = keys.key("workbook")
    assert (len(made), made != before) == (keys.LENGTH, True)
    assert keys.key("workbook") == made == path.read_bytes()
    assert keys.key("form") != made
    path.chmod(0o644)  # as after a copy of the folder
    assert keys.key("workbook") == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in home.review.iterdir()) == [".form-key", ".workbook-key"]


def _key(_):
    return keys.key("workbook")


def test_processes_that_need_a_damaged_key_at_once_make_one(home):
    home.review.mkdir(parents=True)
    (settings.load().review / ".workbook-key").write_bytes(b"")
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert len(set(pool.map(_key, range(64), chunksize=1))) == 1
