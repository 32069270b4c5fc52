"""The forms that offices fill, with their calendar. Source: ``seeds/forms.csv``."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.seeds import read_seed


@dataclass(frozen=True)
class Form:
    """One version of one form."""

    form: str
    form_version: str
    name_vi: str
    calendar: str


def load_forms(folder: Path | None = None) -> dict[tuple[str, str], Form]:
    """Return every form by its name and version, in the order of the table: the newest version of a form last."""
    return _load_forms(folder or settings.load().seeds)


def current_form(name: str = "TQ01", folder: Path | None = None) -> Form:
    """Return the newest version of the form called ``name``.

    Raises:
        KeyError: no such form.
    """
    for form in current_forms(folder):
        if form.form == name:
            return form
    raise KeyError(f"form {name!r} is not in seeds/forms.csv")


def current_forms(folder: Path | None = None) -> list[Form]:
    """Return the newest version of every form."""
    return list({form.form: form for form in load_forms(folder).values()}.values())


@cache
def _load_forms(folder: Path) -> dict[tuple[str, str], Form]:
    forms = (
        Form(row["form"], row["form_version"], row["name_vi"], row["calendar"]) for row in read_seed("forms", folder)
    )
    return {(form.form, form.form_version): form for form in forms}
