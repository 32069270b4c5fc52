"""One written cell → one read cell, and what is to be said about it: the same for forms and tables of records."""

from tuquan.vocabulary.figures import read_figure
from tuquan.workbook.layout import Asked
from tuquan.workbook.remarks import figure_remark
from tuquan.workbook.submission import Finding, ReadCell
from tuquan.workbook.written import WrittenCell


def read_cell(cell: WrittenCell, asked: Asked, sheet: str, file: str) -> tuple[ReadCell, Finding | None]:
    """Return ``cell`` as the figure that is asked; ``sheet`` and ``file`` as they are named to the sender."""
    if cell.raw_type == "blank" and not (cell.is_formula or cell.is_merged):
        return kept_cell(cell, asked, sheet, "blank", "blank"), None
    reading = read_figure(
        cell.raw_text,
        cell.raw_type,
        asked.indicator,
        highest=asked.highest,
        number_format=cell.number_format,
        is_formula=cell.is_formula,
        is_hidden=cell.is_hidden,
        is_merged=cell.is_merged,
    )
    value = None if reading.value is None else str(reading.value)
    kept = kept_cell(cell, asked, sheet, reading.rule, reading.status, value)
    if not reading.check:
        return kept, None
    place = {"sheet": sheet, "cell": cell.cell}
    return kept, figure_remark(reading, place, asked.indicator, cell.raw_text, cell.raw_type, asked.highest, file)


def kept_cell(
    cell: WrittenCell, asked: Asked, sheet: str, rule: str, status: str, value: str | None = None
) -> ReadCell:
    """Return the evidence of ``cell`` with how it was read: the rule, and the figure when it is one."""
    return ReadCell(
        sheet,
        cell.cell,
        asked.indicator.indicator,
        asked.measure,
        cell.raw_text,
        cell.raw_type,
        cell.number_format,
        cell.is_formula,
        cell.is_hidden,
        cell.is_merged,
        value,
        rule,
        status,
    )
