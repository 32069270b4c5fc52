"""Types of sums: the build refuses what must not be added, by the name of the rule that is broken."""

import re
import shutil
from pathlib import Path

import duckdb
import jinja2
import pytest
from typer.testing import CliRunner

from tuquan import inputs, settings, warehouse
from tuquan.cli import Exit, app

MODELS = Path(__file__).parents[1] / "fixtures"
# What each message says besides the name of the rule, so that whoever reads it can go on.
HELP = {
    "a_class_is_never_added": "commune_safe is a classification (rollup_areas = count_true); count the areas",
    "a_ratio_is_never_averaged": "line 4, `avg(obs_value) as obs_value`: `avg` averages. A ratio of several areas is",
    "a_ratio_is_never_averaged__sum_by_count": "is a ratio (rollup_areas = recompute); add its parts",
    "a_ratio_is_never_averaged__the_middle_one": "`quantile_cont` averages",
    "a_stock_is_never_summed_over_time": "households_total is a stock (rollup_time = last); a longer period ends with",
    "a_stock_is_never_summed_over_time__a_year_called_period": "`time_period` is made anew here",
    "a_stock_is_never_summed_over_time__running": "line 8, `sum(over_areas := obs_value) over (`",
    "a_stock_is_never_summed_over_time__whatever_the_period": "Group by it, or use sum_over_time",
    "calendars_are_never_mixed": "a month of one calendar is not that month of the other",
    "channels_are_never_added": "what two channels report may be the same persons",
    "distinct_kinds_are_never_added": "model_types is a distinct_count (rollup_areas = bounds); what two areas have",
    "distinct_kinds_are_never_added__a_bound_as_value": "Call it upper_bound",
    "figures_are_added_by_their_type": "`sum` does not say what it runs over. Figures: sum_over_areas",
    "figures_are_added_by_their_type__as_a_list": "`list_sum` does not say what it runs over",
    "figures_are_added_by_their_type__as_counts": "`amount` is a figure",
    "figures_are_added_by_their_type__in_disguise": "`sum` does not say what it runs over",
    "figures_are_added_by_their_type__without_the_catalogue": "nothing here asks the catalogue",
    "periods_that_overlap_are_never_added": "leaflets_distributed by half_year and by month",
    "units_are_never_mixed": "persons (người) and attendances (lượt người) have no sum",
    "units_are_never_mixed__side_by_side": "`+ coalesce(attendances.listeners, 0) as people`",
}
GROUPED = "group by figures.calendar, figures.time_period, figures.indicator"
ADDED = "select sum(over_areas := figures.obs_value) from figures where rollup_areas = 'sum'"
RIGHT = [
    f"{ADDED} {GROUPED}",
    ADDED.replace("select", "select calendar, time_period, indicator,") + " group by all",
    ADDED.replace("select", "select calendar, time_period, indicator,") + " group by 1, 2, 3",
    f"select sum(over_areas := obs_value) filter (rollup_areas = 'sum') from figures {GROUPED}",
    f"select case when rollup_areas = 'sum' then sum(over_areas := obs_value) end from figures {GROUPED}",
    # The number of a report stands for its period and calendar.
    f"{ADDED} group by figures.report_number, figures.indicator",
    # Another name of a coordinate is that coordinate.
    """
    with pairs as (select indicators.indicator as ratio, part_key, numerator from indicators)
    select ratio as indicator, sum(parts_over_areas := numerator) from pairs group by part_key, ratio
    """,
    "select sum(of_counts := case when obs_value is not null then 1 else 0 end) from figures",
    "select sum(of_shares := share) over (partition by from_key) from area_map",
    "select sum(sizes_over_areas := households) filter (obs_value > 0) from reports group by part_key",
    "select median(of_logs := ln(obs_value)) from figures",
    "select count(numerator + denominator) from figures",
    "select add(stock_before := befores.obs_value, inflows.obs_value) - outflows.obs_value from befores",
    # The same figure twice, as when it is shared out by largest remainder.
    "select floor(f.obs_value * 3) / 3 + (f.obs_value - floor(f.obs_value)) from f",
    "select f.obs_value + 1, period_start + to_days(1), 'sum(obs_value)' as text /* sum(obs_value) */ from f",
]
WRONG = {
    "figures_are_added_by_their_type": [
        "select SUM (obs_value) from figures",
        "select sum(distinct obs_value) from figures",
        "select sum(obs_value) over named from figures window named as (order by period_end)",
        "select (select fsum(obs_value) from figures) as total",
        "select list(obs_value).list_sum() from figures",
        "select list_reduce(list(obs_value), lambda one, other: one + other) from figures",
        "select list_aggregate(list(obs_value), 'sum') from figures",
        "pivot figures on indicator using sum(obs_value)",
        "select * from (pivot figures on indicator in ('a') using sum(obs_value))",
        f"select sum(over_everything := obs_value) from figures {GROUPED}",
        "select sum(of_counts := coalesce(obs_value, 0)) from figures",
        "select sum(of_counts := case when is_owed then obs_value end) from figures",
        "select median(of_logs := obs_value) from figures",
        f"select sum(parts_over_areas := figures.obs_value) from figures {GROUPED}",
        f"select sum(over_areas := figures.obs_value) from figures {GROUPED}",
        # What the catalogue is asked elsewhere in the statement says nothing about this sum.
        f"""
        with others as (select * from indicators where rollup_areas = 'sum')
        select sum(over_areas := figures.obs_value) from figures {GROUPED}
        """,
    ],
    "a_ratio_is_never_averaged": [
        "select Mean(obs_value) from figures",
        "select quantile_cont(obs_value, 0.5) filter (is_owed) from figures",
        "select weighted_avg(obs_value, households) from figures",
        "select list_avg(list(obs_value)) from figures",
    ],
    "a_stock_is_never_summed_over_time": [
        f"{ADDED} group by figures.calendar, figures.indicator",
        f"{ADDED} group by figures.calendar, left(figures.time_period, 4), figures.indicator",
        f"{ADDED} group by rollup (figures.report_number, figures.time_period), figures.indicator, figures.calendar",
        "select sum(sizes_over_areas := households) from reports group by calendar",
        # The longer period of a join, not that of the figures.
        f"{ADDED} group by figures.calendar, longer.time_period, figures.indicator",
        f"with figures as (select * replace (left(time_period, 4) as time_period) from months) {ADDED} {GROUPED}",
        f"""
        with years as (select left(time_period, 4) as year, * exclude (time_period) from months),
        figures as (select year as time_period, * from years)
        {ADDED} {GROUPED}
        """,
        f"with figures(calendar, time_period, indicator) as (select calendar, y, indicator from x) {ADDED} {GROUPED}",
    ],
    "units_are_never_mixed": [
        f"{ADDED} group by figures.calendar, figures.time_period",
        "select sum(over_time := obs_value) from figures where rollup_time = 'sum' group by area_key, calendar",
        "select members.obs_value + attendances.obs_value from members inner join attendances using (area_key)",
        "select add(members.obs_value, attendances.obs_value) from members inner join attendances using (area_key)",
    ],
    "calendars_are_never_mixed": [
        f"{ADDED} group by figures.time_period, figures.indicator",
        "select sum(over_time := obs_value) from figures where rollup_time = 'sum' group by area_key, indicator",
    ],
    "channels_are_never_added": [f"{ADDED} {GROUPED}".replace("obs_value", "stated_value")],
    "distinct_kinds_are_never_added": [
        f"select sum(upper_bound_over_areas := figures.obs_value) as obs_value from figures {GROUPED}"
    ],
}
# Aggregates that neither add nor average: who needs one may use it anywhere.
HARMLESS = """
any_value arbitrary first first_value last last_value nth_value lag lead fill mode
arg_max arg_max_null arg_max_nulls_last argmax max max_by arg_min arg_min_null arg_min_nulls_last argmin min min_by
bit_and bit_or bit_xor bitstring_agg bool_and bool_or
count count_if count_star countif approx_count_distinct approx_top_k
array_agg list listagg string_agg group_concat histogram histogram_exact
row_number rank rank_dense dense_rank percent_rank cume_dist ntile
"""


class QuotesOfDbt:
    """The two functions of dbt that the macro uses."""

    string_literal = staticmethod("'{}'".format)
    escape_single_quotes = staticmethod(lambda text: text.replace("'", "''"))


@pytest.fixture(scope="module")
def broken_rules():
    """Return the rules that a statement breaks, each with what breaks it, as the macro of the build finds them."""
    macros = settings.load().dbt_project / "macros" / "typed_sums_checked.sql"
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])  # noqa: S701 - renders SQL
    rendered = environment.from_string(macros.read_text(encoding="utf-8"), globals={"dbt": QuotesOfDbt}).module
    with duckdb.connect() as connection:
        yield lambda statement: [
            (rule, what) for rule, _, what, _ in connection.execute(rendered.broken_rules(statement)).fetchall()
        ]


@pytest.mark.parametrize("statement", RIGHT)
def test_what_says_what_it_runs_over_may_be_added(broken_rules, statement):
    assert broken_rules(statement) == []


@pytest.mark.parametrize(("rule", "statement"), [(rule, one) for rule, many in WRONG.items() for one in many])
def test_what_mixes_is_refused_by_name(broken_rules, rule, statement):
    assert rule in {name for name, _ in broken_rules(statement)}


def test_every_aggregate_of_duckdb_is_known_to_add_to_average_or_to_do_neither(broken_rules):
    with duckdb.connect() as connection:
        found = connection.execute(
            "select distinct function_name from duckdb_functions() where function_type = 'aggregate'"
        ).fetchall()
    names = {name for (name,) in found}
    assert {"sum", "avg", "quantile_cont", "count"} <= names
    refused = {what for _, what in broken_rules(f"select {', '.join(f'{name}(x)' for name in names)} from figures")}
    assert names - refused == set(HARMLESS.split()) & names


@pytest.fixture
def other_code():
    """Lets a test change the code: this process takes its digest once, and again afterwards."""
    inputs.code_version.cache_clear()
    yield
    inputs.code_version.cache_clear()


def test_a_build_refuses_each_wrong_model_by_the_name_of_its_rule(
    judged_home, with_parsed_models, other_code, tmp_path, monkeypatch
):
    wrong, right = (sorted((MODELS / kind).glob("*.sql")) for kind in ("wrong_models", "right_models"))
    assert {path.stem for path in wrong} == set(HELP)
    project = settings.load().project
    shutil.copytree(project / "dbt_project", tmp_path / "dbt_project", ignore=shutil.ignore_patterns("target"))
    (tmp_path / "seeds").symlink_to(settings.load().seeds)
    for path in [*wrong, *right]:
        shutil.copy(path, tmp_path / "dbt_project" / "models" / "intermediate")
    monkeypatch.setenv("TUQUAN_PROJECT", str(tmp_path))
    passed = "select count(*) from meta.typed_statements"
    with warehouse.look() as connection:
        (passed_before,) = connection.execute(passed).fetchone()

    done = CliRunner().invoke(app, ["build", "--period", "2021"])

    assert done.exit_code == Exit.MACHINERY
    with warehouse.connect() as connection:
        results = warehouse.rows(
            connection,
            "select split_part(node, '.', 3) as model, status, message from meta.dbt_run_results "
            "where invocation_id = (select arg_max(invocation_id, finished_at) from meta.dbt_run_results)",
        )
        totals = warehouse.rows(
            connection,
            """
            select one.obs_value, other.obs_value as in_a_view, marts.obs_value as in_the_marts
            from intermediate.right_totals as one
            inner join intermediate.right_totals_in_a_view as other using (ref_area, time_period, indicator)
            inner join marts.district_observations as marts using (ref_area, time_period, indicator)
            """,
        )
        (passed_now,) = connection.execute(passed).fetchone()
    assert passed_before > 0
    assert passed_now == passed_before + len(right)  # no wrong one is spared the next look
    refused = {row["model"]: row["message"] for row in results if row["status"] == "error"}
    assert refused.keys() == HELP.keys()  # and the models of the project itself are built
    for model, message in refused.items():
        rule = model.split("__")[0]
        assert f"{rule}: " in message
        assert f"model.tuquan.{model}: " in done.output
        assert HELP[model] in " ".join(message.split())
        others = set(re.findall(r"\b(\w+_(?:never_\w+|added_by_their_type))(?=: )", message)) - {rule}
        assert others <= {"figures_are_added_by_their_type"}
    assert {path.stem for path in right} <= {row["model"] for row in results if row["status"] == "success"}
    assert len(totals) > 30
    assert all(row["obs_value"] == row["in_a_view"] == row["in_the_marts"] for row in totals)
