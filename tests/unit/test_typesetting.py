"""Data reaches a document as data, and what cannot be printed is said."""

import pytest
import typst

from tuquan.typesetting import print_pdf

HEAD = """
#set document(date: datetime(year: 2026, month: 1, day: 1))
#set text(font: "Libertinus Serif", fallback: false)
"""
VIETNAMESE = (
    "aăâbcdđeêghiklmnoôơpqrstuưvxy áàảãạ ắằẳẵặ ấầẩẫậ éèẻẽẹ ếềểễệ íìỉĩị óòỏõọ ốồổỗộ ớờởỡợ úùủũụ ứừửữự ýỳỷỹỵ “”…–×"
)


@pytest.fixture
def document(tmp_path):
    def write(body):
        path = tmp_path / "document.typ"
        path.write_text(HEAD + body, encoding="utf-8")
        return path

    return write


def test_the_same_data_gives_the_same_bytes(document, tmp_path):
    source = document("#json(bytes(sys.inputs.data)).name")
    first, second = tmp_path / "1.pdf", tmp_path / "new" / "2.pdf"
    for out in (first, second):
        print_pdf(source, out, {"name": "Xã Cẩm Thủy"})
    assert first.read_bytes() == second.read_bytes()


def test_every_vietnamese_letter_can_be_printed(document, tmp_path):
    source = document("#let told = json(bytes(sys.inputs.data)).told\n#told #strong(told) #emph(told)")
    print_pdf(source, tmp_path / "out.pdf", {"told": VIETNAMESE + VIETNAMESE.upper()})
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        print_pdf(source, tmp_path / "out.pdf", {"told": "漢"})


def test_a_name_is_printed_and_never_obeyed(document, tmp_path):
    source = document('#let name = json(bytes(sys.inputs.data)).name\n#assert(name.starts-with("#read"))\n#name')
    print_pdf(source, tmp_path / "out.pdf", {"name": '#read("/etc/hostname") *x* $y$ @z'})


def test_a_document_reads_no_files_but_those_beside_it(document, tmp_path):
    (tmp_path / "secret").write_text("x")
    inside = tmp_path / "inside"
    inside.mkdir()
    source = inside / "document.typ"
    source.write_text(HEAD + '#read("../secret")', encoding="utf-8")
    with pytest.raises(typst.TypstError):
        print_pdf(source, tmp_path / "out.pdf", {})
