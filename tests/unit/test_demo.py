import pytest

from tuquan.demo import MARK, NotADemoHome, prepare_home


def test_a_demo_empties_only_what_a_demo_made(tmp_path):
    home = tmp_path / "home"
    prepare_home(home)
    (home / "raw").mkdir()
    (home / "raw" / "file").write_text("x")
    prepare_home(home)
    assert [path.name for path in home.iterdir()] == [MARK]


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").write_text("ten years of work")
    with pytest.raises(NotADemoHome, match="TUQUAN_HOME"):
        prepare_home(tmp_path)
    assert (tmp_path / "thesis.docx").exists()
