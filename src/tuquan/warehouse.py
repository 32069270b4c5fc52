"""The only door to DuckDB: one file, one writer at a time.

DuckDB refuses a second process while one has the file open for writing, and refuses the writer while anybody reads.
So every use is short, takes the writer's lock first, and people read released copies instead (``releases/``).
"""

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import duckdb
import msgspec

from tuquan import settings

Connection = duckdb.DuckDBPyConnection
LOCK_WAIT_SECONDS = 900
LOCK_SILENT_SECONDS = 3  # after which whoever waits is told for whom
LOG = logging.getLogger(__name__)

# Tables that the package writes; everything else is made by dbt. Append-only but for the outcome and receipt of an
# arrival, the admission of a submission, `meta.inbox_entries`, `meta.replies` and the inputs of `meta.builds`.
SCHEMA = """
create schema if not exists raw;
create schema if not exists meta;

create table if not exists raw.arrivals (
    arrival_id bigint not null,        -- counts up in the order of arrival
    channel varchar not null,          -- folder, sftp, mail, ...
    sender varchar,                    -- a digest, never an address
    declared_name varchar not null,    -- as the sender named it, personal data masked; data, never a path
    record_id varchar,                 -- digest of what the channel calls a report that can be edited; else null
    sha256 varchar,                    -- null when the bytes could not be read
    size_bytes bigint,
    received_at timestamp not null,    -- UTC
    file_format varchar,
    stored_in varchar,                 -- raw, quarantine, or nothing: the bytes were deleted
    status varchar not null,           -- registered, then accepted, held, refused, duplicate or ignored
    repeats_arrival_id bigint,         -- the arrival that brought the same bytes first
    receipt_path varchar,              -- below receipts/; null until the receipt is written
    receipt_workbook_path varchar,     -- the workbook to be corrected that lies beside it, if any
);
create table if not exists raw.submissions (
    submission_id varchar not null,    -- first 16 digits of the file's sha256, and a count over its submissions
    report_number bigint not null,     -- counts up over all submissions: short to join, and grows with the arrivals
    arrival_id bigint not null,
    sheet varchar,
    form varchar,
    form_version varchar,
    calendar varchar,
    ref_area varchar,
    area_key varchar,
    time_period varchar,
    version integer,                   -- counts from 1 per area, form and period; null when nothing was loaded
    status varchar not null,           -- accepted, held, refused
    is_loaded boolean not null,        -- false: held or refused as a whole
    loaded_at timestamp not null,      -- or admitted at
    figures_read integer not null,     -- cells of measure period that stand, by what became of them; zero: read as 0
    figures_zero integer not null,
    figures_blank integer not null,
    figures_held integer not null,     -- held or refused
    figures_digest varchar,            -- sha256 of indicators and figures read; the same figures again have the same
);
create table if not exists raw.cells (
    report_number bigint not null,
    submission_id varchar not null,
    sheet varchar,
    cell varchar not null,             -- address such as D14; "row 7" in a text file; empty: the sheet has no such row
    indicator varchar not null,
    measure varchar not null,          -- period, year_to_date
    raw_text varchar,                  -- as written; null = blank
    raw_type varchar not null,         -- number, text, boolean, error, date, blank
    number_format varchar,
    is_formula boolean not null,
    is_hidden boolean not null,
    is_merged boolean not null,
    obs_value decimal(18, 4),          -- as read; null unless status is read
    reading_rule varchar not null,     -- the line of the decision table that read it
    status varchar not null,           -- read, blank, held, refused
    stands boolean not null,           -- of several cells of one figure in one report exactly one stands
);
create table if not exists raw.findings (
    arrival_id bigint not null,
    submission_id varchar,
    check_name varchar not null,
    severity varchar not null,         -- info, warning, held, refused
    sheet varchar,
    cell varchar,
    indicator varchar,
    as_written varchar,
    read_as varchar,
    suggested_value varchar,
    message_vi varchar not null,
);
create table if not exists meta.inbox_entries (
    channel varchar not null,
    identity varchar not null,         -- digest of channel and what the channel calls the file
    version varchar not null,          -- of the content, in the words of the channel
    declared_name varchar not null,
    arrival_id bigint not null,
    times_seen integer not null,       -- passes that found the file lying there unchanged
);
create table if not exists meta.mailboxes (
    place varchar not null,            -- channel and folder
    uid_validity bigint not null,      -- of the mailbox; another one means that its numbers begin anew
    last_uid bigint not null,          -- mails up to this one are received
);
create table if not exists meta.replies (
    arrival_id bigint not null,        -- whose answer is not out yet; addresses are not kept for longer
    channel varchar not null,
    address varchar not null,
    subject varchar not null,
    in_reply_to varchar not null,
    reference_ids varchar not null,
);
create table if not exists meta.admissions (
    submission_id varchar not null,    -- waited as a whole, and counts from then on
    admitted_by varchar not null,
    reason varchar not null,
    admitted_at timestamp not null,
);
create table if not exists meta.decisions (
    decision_id bigint not null,
    decided_at timestamp not null,
    decided_by varchar not null,
    flag_id varchar not null,
    check_name varchar not null,
    ref_area varchar not null,
    time_period varchar not null,
    indicator varchar not null,
    expected_value decimal(18, 4),     -- the value that was judged; the decision lapses when the figure changes
    choice varchar not null,           -- confirm, correct, return
    new_value decimal(18, 4),
    reason varchar not null,
);
create table if not exists meta.approvals (
    time_period varchar not null,
    digest varchar not null,           -- content that was approved
    is_approved boolean not null,
    approver varchar not null,
    note varchar,
    decided_at timestamp not null,
);
create table if not exists meta.builds (
    time_period varchar not null,
    inputs_digest varchar not null,    -- everything the models read; empty since dbt began to write again
    period_digest varchar not null,    -- what belongs to this period
    started_at timestamp not null,
    finished_at timestamp not null,
);
create table if not exists meta.dbt_run_results (
    invocation_id varchar not null,
    node varchar not null,
    resource_type varchar not null,
    status varchar not null,
    execution_seconds double,
    message varchar,
    finished_at timestamp not null,
);
create table if not exists meta.gate_results (
    time_period varchar not null,
    period_digest varchar not null,
    gate varchar not null,             -- intake, marts, release
    check_name varchar not null,
    expectation varchar not null,
    severity varchar not null,
    is_met boolean not null,
    unexpected_count bigint,
    examples varchar,                  -- JSON
    judged_at timestamp not null,
);
create table if not exists meta.candidates (
    time_period varchar not null,
    digest varchar not null,           -- what an approval signs
    gate_status varchar not null,      -- open, needs_signature, closed
    judged_at timestamp not null,
);
create table if not exists meta.releases (
    time_period varchar not null,
    revision integer not null,
    digest varchar not null,
    content_digest varchar not null,   -- of the files, see manifest.json
    approver varchar not null,
    released_at timestamp not null,
);
"""


class NotAQuery(ValueError):
    """What should be one query cannot be answered; the message is one sentence of DuckDB's or ours."""


class WarehouseBusy(RuntimeError):
    """Another process kept the warehouse for longer than we wait."""


@contextmanager
def writer_lock(wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[Path]:
    """Hold the right to write the warehouse file; yields its path.

    The lock belongs to the process, so it ends with it, also after ``kill -9``.

    Raises:
        WarehouseBusy: somebody else held it for ``wait_seconds``.
    """
    path = settings.load().warehouse_file
    # The addresses of answers that are not out yet stand in it.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a+") as lock:
        _wait_for(lock, fcntl.LOCK_EX, path, wait_seconds)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield path


def _wait_for(lock: IO[str], kind: int, path: Path, wait_seconds: float) -> None:
    started = time.monotonic()
    is_told = False
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - started
            if waited > wait_seconds:
                raise WarehouseBusy(
                    f"{path} is in use by another process since {wait_seconds:.0f} s (last writer: {_holder(lock)}); "
                    "wait for that run to end, or look for a hanging one"
                ) from None
            if waited > LOCK_SILENT_SECONDS and not is_told:
                LOG.warning("%s is in use (last writer: process %s); waiting for its end", path, _holder(lock))
                is_told = True
            time.sleep(0.1)


@contextmanager
def connect() -> Iterator[Connection]:
    """Open the working warehouse for reading and writing under the writer's lock, and close it again."""
    with writer_lock() as path:
        connection = duckdb.connect(path)
        try:
            connection.execute(SCHEMA)
            yield connection
        finally:
            connection.close()


@contextmanager
def look() -> Iterator[Connection]:
    """Open the working warehouse for reading only, while nobody writes; an empty one in memory when there is none.

    Nothing is written, and no folder is made.
    """
    path = settings.load().warehouse_file
    with ExitStack() as open_things:
        if path.exists():
            if path.with_suffix(".lock").exists():  # without, nobody ever wrote here: it is a copy
                lock = open_things.enter_context(path.with_suffix(".lock").open())
                _wait_for(lock, fcntl.LOCK_SH, path, LOCK_WAIT_SECONDS)
            connection = duckdb.connect(path, read_only=True)
        else:
            connection = duckdb.connect()
            connection.execute(SCHEMA)
        open_things.callback(connection.close)
        yield connection


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit all statements of the block, or none of them."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def open_release(path: Path) -> Iterator[Connection]:
    """Open a released DuckDB file for reading only."""
    connection = duckdb.connect(path, read_only=True)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def create(path: Path) -> Iterator[Connection]:
    """Create a new DuckDB file at ``path`` (a release), without locks."""
    connection = duckdb.connect(path)
    try:
        yield connection
    finally:
        connection.close()


def rows(
    connection: Connection, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> list[dict[str, Any]]:
    """Return the result of ``query`` as one dict per row."""
    result = connection.execute(query, parameters)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def answer(connection: Connection, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return column names and rows of what must be one query; the guards are those of the connection.

    Raises:
        NotAQuery: it changes something, is none or several, or DuckDB refuses it.
    """
    try:
        kinds = [statement.type for statement in connection.extract_statements(query)]
        asks = [kind in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN) for kind in kinds]
        if asks.count(True) != 1 or not asks[-1]:  # a pivot is two statements, and ends with its only query
            raise NotAQuery("give one query, such as: select * from province_observations limit 10")
        result = connection.execute(query)
        return [column[0] for column in result.description], result.fetchall()
    except duckdb.Error as error:
        said = str(error).split("\n\nLINE ")[0]
        raise NotAQuery(" ".join(said.split())) from error


def frame(connection: Connection, query: str, parameters: Mapping[str, Any]) -> Any:
    """Return the result of ``query`` as a pandas frame whose texts are categories: a twentieth of the memory."""
    connection.execute(f"create or replace temp table frame as {query}", parameters)
    words = [name for name, kind in columns(connection, "frame") if kind == "VARCHAR"]
    for name in words:
        connection.execute(
            f'create or replace temp type "words_{name}" as '
            f'enum (select distinct "{name}" from frame where "{name}" is not null order by all)'
        )
    categories = ", ".join(f'"{name}"::"words_{name}" as "{name}"' for name in words)
    narrow = connection.execute(f"select * replace ({categories}) from frame" if words else "from frame").df()
    connection.execute("drop table frame")
    return narrow


def columns(connection: Connection, table: str) -> list[tuple[str, str]]:
    """Return (name, type) of each column of ``schema.table``, in order."""
    return [(row[0], row[1]) for row in connection.execute(f"describe {table}").fetchall()]


def has_table(connection: Connection, table: str) -> bool:
    """Return whether ``schema.table`` is there: before the first build the marts are not."""
    schema, name = table.split(".")
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
    )
    return found.fetchone() is not None


def append(connection: Connection, table: str, records: Iterable[Any]) -> None:
    """Append records (dicts, or msgspec structs, whose keys are column names) to ``table``; missing keys are null.

    They go through newline-delimited JSON, which DuckDB reads some hundred times faster than it takes single inserts
    and which tells null from an empty text.
    """
    lines = msgspec.json.Encoder().encode_lines(list(records))
    if not lines:
        return
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        file.write(lines)
        file.flush()
        described = columns(connection, table)
        names = ", ".join(name for name, _ in described)
        types = ", ".join(f"'{name}': '{kind}'" for name, kind in described)
        connection.execute(
            f"insert into {table} ({names}) select {names} "
            f"from read_json('{file.name}', columns = {{{types}}}, format = 'newline_delimited')"
        )


def _holder(lock: Any) -> str:
    lock.seek(0)
    return lock.read().strip() or "unknown"
