"""What stands in a file, cell by cell and as written: evidence, not values. Every reader of a format ends here."""

from msgspec import Struct


class WrittenCell(Struct, frozen=True, gc=False):
    """One cell as the file stores it.

    ``raw_type``: number, text, boolean, error, date or blank. ``raw_text`` of a number has a dot and no grouping; of a
    date it is the day number of spreadsheets or ISO text. ``font`` is the name of the cell's font where the format has
    one: the legacy fonts .VnTime and VNI-Times mean another encoding.
    """

    sheet: str
    cell: str
    raw_text: str | None
    raw_type: str
    number_format: str | None
    is_formula: bool
    is_hidden: bool
    is_merged: bool
    font: str | None = None


class Sheet(Struct, frozen=True):
    """One sheet or table: its non-empty cells by address (A1), in the order of the file.

    ``state``: visible, hidden, very_hidden. ``lines_above``: paragraphs before a table of a text document.
    ``other_texts``: everything else that can be read on it (comments, headers, footers, text boxes): never data, but
    seen by the privacy gate.
    """

    name: str
    state: str
    cells: dict[str, WrittenCell]
    lines_above: tuple[str, ...] = ()
    other_texts: tuple[str, ...] = ()


class Workbook(Struct, frozen=True):
    """All sheets in order, the document properties, and the defined names with what they refer to.

    ``pictures``: names of embedded pictures and signatures, which nobody can screen for personal data.
    """

    sheets: list[Sheet]
    properties: dict[str, str]
    defined_names: dict[str, str]
    pictures: tuple[str, ...] = ()


class Records(Struct, frozen=True):
    """A table whose first line names its columns: a long or wide text file, JSON, or such a sheet of a workbook.

    ``rows``: place as it is shown to the sender ("dòng 7", "A7"), and one text per head, "" for a blank; None where the
    source states nothing at all. A row that is longer or shorter than the heads is damaged. ``cells``: what more is
    known of single texts, by (row, column): that JSON holds a number, or that a cell of a sheet is hidden.
    ``other_texts``: what stands in the file and is no column (metadata of a survey); only the privacy gate sees it.
    """

    sheet: str
    heads: list[str]
    rows: list[tuple[str, list[str | None]]]
    cells: dict[tuple[int, int], WrittenCell] = {}
    other_texts: tuple[str, ...] = ()
