"""Sổ tính mẫu: năm câu hỏi về số liệu đã công bố. / A sample notebook: five questions on the released figures.

    marimo edit docs/notebook/so_lieu.py      mở trong trình duyệt / in a browser
    python docs/notebook/so_lieu.py           chạy một lượt / run once

Needs marimo and duckdb, nothing else. TUQUAN_HOME says where the releases are (default: var/ beside docs/).
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Số liệu đã công bố")


@app.cell
def _():
    import os
    import pathlib
    import sys
    from html import escape

    import duckdb
    import marimo as mo

    return duckdb, escape, mo, os, pathlib, sys


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Số liệu đã công bố

    Sổ tính này chỉ đọc tệp đã công bố `releases/tuquan.duckdb`, không sửa được gì trong đó. Mỗi câu hỏi là một tệp
    trong `docs/questions/`; sửa câu SQL ở ô bên dưới rồi chạy lại để hỏi câu của mình.
    """)
    return


@app.cell
def _(duckdb, os, pathlib):
    project = pathlib.Path(__file__).resolve().parents[2]
    released = pathlib.Path(os.environ.get("TUQUAN_HOME", project / "var")) / "releases" / "tuquan.duckdb"
    connection = duckdb.connect(released, read_only=True)
    connection.execute("set search_path = 'marts,quality'")

    def rows(sql):
        """Return the answer to ``sql``, one dict per row; texts and numbers as they are."""
        result = connection.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def question(number):
        """Return the SQL of one of the twenty questions."""
        (file,) = (project / "docs" / "questions").glob(f"{number:02d}-*.sql")
        return file.read_text(encoding="utf-8")

    return question, rows


@app.cell
def _(escape, mo):
    def table(found):
        """Show rows as a table; numbers as Vietnamese readers write them, what is not there as …"""

        def cell(value):
            side = "left" if isinstance(value, str) else "right"
            return f"<td style='text-align: {side}'>{escape(written(value))}</td>"

        head = "".join(f"<th>{escape(name)}</th>" for name in found[0]) if found else ""
        body = "".join(f"<tr>{''.join(map(cell, row.values()))}</tr>" for row in found)
        return mo.Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")

    def written(value):
        """Return 1288 as 1.288, 97.50 as 97,5, and what is not there as …"""
        if value is None:
            return "…"
        if isinstance(value, bool):
            return "có" if value else "không"
        if isinstance(value, str):
            return value
        whole, _, fraction = f"{value:,}".partition(".")
        fraction = fraction.rstrip("0")
        return whole.replace(",", ".") + ("," + fraction if fraction else "")

    def bars(found, name, value):
        """Draw one horizontal bar per row, longest = 100 %."""
        longest = max(row[value] for row in found)
        lines = (
            "<div style='display: flex; gap: 8px'>"
            f"<div style='width: 14em; text-align: right'>{escape(row[name])}</div>"
            f"<div style='width: {50 * row[value] / longest:.1f}%; background: #2a6f97'></div>"
            f"<div>{written(row[value])}</div></div>"
            for row in found
        )
        return mo.Html("".join(lines))

    return bars, table, written


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 1. Toàn tỉnh có bao nhiêu tổ tự quản?

    Tổng nào cũng kèm số xã đã cộng (`areas_included`) trên số xã phải có (`areas_expected`).
    """)
    return


@app.cell
def _(question, rows, sys, table, written):
    of_province = rows(question(1))
    for row in of_province:
        covered = f"{row['areas_included']}/{row['areas_expected']}"
        sys.stdout.write(f"{row['period_vi']}: {written(row['obs_value'])} {row['unit_vi']} ({covered} xã)\n")
    table(of_province)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 2. Xếp hạng các huyện
    """)
    return


@app.cell
def _(bars, question, rows):
    bars(rows(question(2)), "area_name_vi", "obs_value")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 7. Tỷ lệ hộ ký cam kết của các huyện

    Tỷ lệ của nhiều huyện tính lại từ tử số và mẫu số, không bao giờ là trung bình của các tỷ lệ.
    """)
    return


@app.cell
def _(question, rows, table):
    table(rows(question(7)))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 17. Bao nhiêu ô chưa có số?

    Ô trống không phải là 0; lý do ở `value_status`: `missing` chưa gửi, `held` đang giữ lại để hỏi.
    """)
    return


@app.cell
def _(question, rows, table):
    table(rows(question(17)))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 19. Chuỗi số liệu theo địa giới mới

    Sáp nhập thì cộng; chia tách thì phân theo tỷ lệ và ghi là ước tính (`is_estimated`).
    """)
    return


@app.cell
def _(question, rows, table):
    table(rows(question(19)))
    return


if __name__ == "__main__":
    app.run()
