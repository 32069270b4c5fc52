"""What a build depends on, as digests: the same digest means the same marts, and nothing has to be built again."""

import hashlib
from functools import cache

from tuquan import settings, warehouse
from tuquan.vocabulary.seeds import seeds_digest

# Fingerprints do not depend on the order of rows; they are taken where the rows are, because there may be millions.
_SUBMISSIONS = """
select count(*), bit_xor(hash(submission_id, area_key, form, time_period, version, status, is_loaded))
from raw.submissions where $time_period is null or time_period = $time_period
"""
_DECISIONS = """
select count(*), bit_xor(hash(
    check_name, ref_area, time_period, indicator, expected_value, choice, new_value, reason, decided_by, decision_id
)) from meta.decisions where $time_period is null or time_period = $time_period
"""


def inputs_digest(connection: warehouse.Connection, time_period: str | None = None) -> str:
    """Return one digest over submissions and decisions (of one period, or of all), seeds and code."""
    digest = hashlib.sha256(rules_digest().encode())
    for query in (_SUBMISSIONS, _DECISIONS):
        digest.update(repr(connection.execute(query, {"time_period": time_period}).fetchone()).encode())
    return digest.hexdigest()


def rules_digest() -> str:
    """Return one digest over seeds and code: by what the figures are built, whatever they are."""
    return hashlib.sha256(f"{seeds_digest()} {code_version()}".encode()).hexdigest()


def is_built(connection: warehouse.Connection, time_period: str) -> bool:
    """Return whether the marts tell what is known of ``time_period``: no news, seeds or code since they were built."""
    built = connection.execute(
        "select period_digest, (select arg_max(inputs_digest, finished_at) <> '' from meta.builds) from meta.builds "
        "where time_period = ? order by finished_at desc limit 1",
        [time_period],
    ).fetchone()
    return built is not None and built == (inputs_digest(connection, time_period), True)


@cache
def code_version() -> str:
    """Return a digest of the code that figures pass through: package, models and expectations."""
    paths = settings.load()
    digest = hashlib.sha256()
    models = [("dbt_project", pattern) for pattern in ("*.sql", "*.yml", "*.md")]
    for folder, pattern in (("src/tuquan", "*.py"), *models, ("expectations", "*.yml")):
        for path in sorted((paths.project / folder).rglob(pattern)):
            if "target" not in path.parts:
                digest.update(f"{path.relative_to(paths.project)} ".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
