"""Whether what was judged is still what it was: the figures, and the report in which they stand."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tuquan import warehouse
from tuquan.vocabulary.phrases import number_vi, phrase

_FLAG = "select * from quality.flags where flag_id = ? and time_period = ?"
# A report of the same commune, form and period that came after the one in which the judged figure stands.
_NEWER_REPORT = """
select 1
from raw.submissions as judged
inner join raw.submissions as newer using (area_key, form, time_period)
where judged.submission_id = ? and newer.is_loaded and newer.report_number > judged.report_number
limit 1
"""


class Overtaken(ValueError):
    """What was judged is no longer what it was; the message is Vietnamese and for people."""


def standing_flags(
    connection: warehouse.Connection, time_period: str, expected: Mapping[str, Decimal]
) -> list[dict[str, Any]]:
    """Return the flags of the figures that were judged, whose values are given by flag.

    Raises:
        Overtaken: a figure is another one now, or its commune sent another report.
    """
    standing = []
    for flag_id, value in expected.items():
        flags = warehouse.rows(connection, _FLAG, [flag_id, time_period])
        if not flags or flags[0]["obs_value"] != value:
            now = number_vi(flags[0]["obs_value"]) if flags else phrase("verdict.no_figure")
            raise Overtaken(phrase("verdict.changed", value=number_vi(value), now=now))
        (flag,) = flags
        if connection.execute(_NEWER_REPORT, [flag["submission_id"]]).fetchone():
            raise Overtaken(phrase("verdict.newer_report"))
        standing.append(flag)
    return standing
