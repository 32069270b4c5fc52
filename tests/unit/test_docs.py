"""What the documentation says of the models: nothing is left out, and the page about them needs no network."""

import importlib.util
import json
import re

import pytest
import yaml

from tuquan import settings

PROJECT = settings.load().project
FOLDER = PROJECT / "dbt_project" / "models"
# What people read: the marts, and the questions about figures.
MODELS = [*sorted((FOLDER / "marts").glob("*.sql")), FOLDER / "quality" / "flags.sql"]
VIETNAMESE = re.compile(r"[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]", re.IGNORECASE)
SHARED = {
    match[1]: match[2].strip()
    for path in FOLDER.rglob("*.md")
    for match in re.finditer(r"{%\s*docs (\w+)\s*%}(.*?){%\s*enddocs\s*%}", path.read_text(encoding="utf-8"), re.S)
}


@pytest.fixture(scope="module")
def models_page():
    spec = importlib.util.spec_from_file_location("models_page", PROJECT / "docs" / "models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def described(path):
    """Return the model beside ``path`` and its columns, each with its text."""
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text(encoding="utf-8"))["models"]
    texts = {column["name"]: shared(column.get("description", "")) for column in model.get("columns", [])}
    return model, texts


def shared(text):
    return re.sub(r"{{\s*doc\('(\w+)'\)\s*}}", lambda match: SHARED[match[1]], text)


def is_in_both_languages(text):
    vietnamese, _, english = text.partition(" / ")
    return bool(VIETNAMESE.search(vietnamese) or VIETNAMESE.search(english)) and bool(english)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_and_each_of_its_columns_are_described_in_vietnamese_and_english(path):
    model, texts = described(path)
    assert "One row per " in shared(model["description"])
    assert is_in_both_languages(shared(model["description"]))
    assert [name for name, text in texts.items() if not is_in_both_languages(text)] == []
    assert texts


def test_the_page_of_the_models_is_written_and_fetches_nothing(models_page, home):
    page = home.home / "docs" / "mo-hinh.html"
    models_page.write_page(page)
    text = page.read_text(encoding="utf-8")
    assert models_page.fetched(text) == []
    assert '"model.tuquan.district_latest"' in text
    assert json.dumps("Mã đơn vị, dạng chữ")[1:-1] in text  # a shared text is filled in
    assert str(home.home) not in text
    assert not home.warehouse_file.exists()


@pytest.mark.parametrize(
    "page",
    [
        '<script async src="//elsewhere.example/counter">',
        "<link rel=stylesheet href=https://elsewhere.example/a.css>",
        "<style>@font-face{src:url('https://elsewhere.example/a.woff')}</style>",
        "<style>@import 'https://elsewhere.example/a.css'</style>",
        'turnOn(function(){load("//elsewhere.example/2.9/sp.js")})',
    ],
)
def test_what_a_page_would_fetch_is_seen(models_page, page):
    assert models_page.fetched(page)


def test_a_link_that_somebody_has_to_click_is_nothing_that_a_page_fetches(models_page):
    assert models_page.fetched('<a href="https://docs.example/">dbt</a><img src="data:image/png;base64,AAAA">') == []
