"""A release that is taken back: a revision without figures, and what was released stays as it was."""

import json
import shutil

import pytest
from made_once import made_once

from tuquan import publish, releases, review, snapshot, validate, verification, warehouse, withdrawals

PERIOD = "2021"


@pytest.fixture(scope="module")
def released_home(built_warehouse, tmp_path_factory):
    """The folder of a home in which 2021 was published."""

    def release(home):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TUQUAN_HOME", str(home))
            shutil.copytree(built_warehouse.parent, home / "warehouse", ignore=shutil.ignore_patterns("dbt"))
            digest = validate.run_gates(PERIOD).digest
            review.write_review_list(PERIOD)
            review.record_approval(PERIOD, digest, "Trưởng phòng", approved=True)
            publish.publish(PERIOD)

    return made_once(tmp_path_factory, "released_2021", release)


@pytest.fixture
def published(home, released_home):
    shutil.copytree(released_home, home.home, symlinks=True)
    return home


def test_a_release_is_taken_back_by_a_revision_without_figures_and_comes_again_with_another_approval(published):
    first = published.releases / PERIOD / "r1"
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    (figures,) = publish.query("select count(obs_value) from marts.commune_observations")[1]
    with pytest.raises(ValueError, match="who takes the release back"):
        withdrawals.withdraw(PERIOD, "Giám đốc", " ")
    folder = withdrawals.withdraw(PERIOD, "Giám đốc", "Sai số hộ <b>")

    assert folder == published.releases / PERIOD / "r2"
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before
    assert (published.releases / "latest").resolve() == folder
    for table in ("national", "province", "district", "commune"):
        query = (
            f"select count(obs_value), count(numerator), list(distinct value_status) from marts.{table}_observations"
        )
        assert publish.query(query)[1] == [(0, 0, ["withdrawn"])], table
    assert publish.query("select count(*) from quality.flags where time_period = '2021'")[1] == [(0,)]
    causes = "select distinct cause, cause_vi, new_value from marts.revisions where level = 'commune'"
    assert publish.query(causes)[1] == [("withdrawn", "Thu hồi bản công bố", None)]
    lost = "select count(*) from marts.revisions where level = 'commune' and old_value is not null"
    assert publish.query(lost)[1] == [figures]
    known_then = "select count(obs_value) from marts.as_of('2021', 1) where level = 'commune'"
    assert publish.query(known_then)[1] == [figures]
    notice = (folder / withdrawals.NOTICE).read_text()
    assert "Giám đốc thu hồi bản công bố lần 1. Lý do: Sai số hộ <b>" in notice
    assert (published.outbox / "2021-r2.md").read_text() == notice
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {file["path"] for file in manifest["files"]} == {"tuquan.duckdb", "THU-HOI.md"}
    assert not verification.verify(folder)
    seen = snapshot.read(PERIOD)
    assert [one.withdrawn for one in seen.releases] == ["Sai số hộ <b>", None]
    assert not seen.is_released

    with pytest.raises(withdrawals.AlreadyWithdrawn):
        withdrawals.withdraw(PERIOD, "Giám đốc", "Sai số hộ")
    digest = review.candidate(PERIOD)
    assert digest == seen.digest
    with pytest.raises(publish.PublicationRefused, match="may not be published"):
        publish.publish(PERIOD)  # the approval of before was of what was taken back
    review.record_approval(PERIOD, digest, "Trưởng phòng", approved=True)
    assert publish.publish(PERIOD) == published.releases / PERIOD / "r3"
    assert publish.query("select count(obs_value) from marts.commune_observations")[1] == [figures]


def test_without_its_evidence_no_release_is_taken_back_or_followed_by_another(published):
    shutil.rmtree(published.evidence)
    with pytest.raises(releases.NoEvidence, match=r"2021/r1 is not in .*restore it from a backup"):
        withdrawals.withdraw(PERIOD, "Giám đốc", "Sai số hộ")
    with pytest.raises(releases.NoEvidence, match="2021/r1"):
        publish.write_draft(PERIOD)
    assert [one.revision for one in releases.revisions_of(published.releases / PERIOD)] == [1]


def test_what_was_never_released_cannot_be_taken_back(home):
    home.releases.mkdir(parents=True)
    with pytest.raises(releases.NoRelease):
        withdrawals.withdraw(PERIOD, "Giám đốc", "Sai số hộ")
    with warehouse.look() as connection:
        assert connection.execute("select count(*) from meta.releases").fetchone() == (0,)
