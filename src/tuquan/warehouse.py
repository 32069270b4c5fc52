"""The only door to DuckDB: one file with one writer at a time, or a lake on which several processes work.

DuckDB refuses a second process while one has the file open for writing, and refuses the writer while anybody reads.
So every use is short, takes the writer's right first, and people read released copies instead (``releases/``). On the
lake (``lake.py``) anybody reads at any time, and only writing takes turns.
"""

import fcntl
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import msgspec

from tuquan import lake, settings
from tuquan.lake import Right

Connection = duckdb.DuckDBPyConnection
LOCK_WAIT_SECONDS = 900
LOCK_SILENT_SECONDS = 3  # after which whoever waits is told for whom
LOG = logging.getLogger(__name__)
# Format of the file of the warehouse: since this version of DuckDB words are written at a third less cost. Nobody but
# this package opens it; releases stay in the oldest format, which every DuckDB since 1.0 reads.
_STORAGE = "v1.3.0"
# To divide work of milliseconds among threads costs a third more than to do it. An empty warehouse has 19 MB when it is
# built, one with a year of a district 30 MB.
_LITTLE_BYTES = 64_000_000

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
    choice varchar not null,           -- confirm, correct, return, hold
    new_value decimal(18, 4),
    reason varchar not null,
);
create table if not exists meta.verdicts (
    verdict_id varchar not null,       -- a decision that came as a file; each is applied once
    time_period varchar not null,
    question_id varchar not null,
    area_name_vi varchar not null,
    choice varchar not null,
    decided_by varchar not null,
    decided_at timestamp not null,     -- by the person; in meta.decisions stands when it was applied
    source varchar not null,           -- web, or workbook and the first 16 digits of its sha256
    outcome varchar not null,          -- applied, refused
    message_vi varchar,                -- why it was refused
    applied_at timestamp not null,
);
create table if not exists meta.reminders (  -- what was told to whom; one row per notice and matter
    notice_id varchar not null,        -- one mail or post
    recipient varchar not null,        -- a digest of the address, never an address; or webhook
    cause varchar not null,            -- due_soon, overdue, empty, held_file, held_cells, returned, unanswered, digest
    matter_id varchar not null,        -- what was told: one report, file or figure; or a digest by its content
    area_key varchar,
    form varchar,
    time_period varchar,
    indicator varchar,
    times integer not null,            -- for the how many-th time
    day date not null,                 -- in Viet Nam
    outcome varchar not null,          -- sent, refused (for good, by the mail server)
    told_at timestamp not null,
);
create table if not exists meta.review_workbooks (
    arrival_id bigint not null,        -- a review workbook that came back; what became of each row is in raw.findings
    time_period varchar,               -- null: it bears no seal of ours
    issue_id varchar,
    issued_to varchar,                 -- in whose name it decides
    taken integer not null,            -- questions whose answer stands
    refused integer not null,
    undecided integer not null,        -- questions without an answer, which stay open
);
create table if not exists meta.questions (
    listed_at timestamp not null,
    event varchar not null,            -- asked: in the review list from then on; gone: no longer in it
    flag_id varchar not null,
    check_name varchar not null,
    ref_area varchar not null,
    time_period varchar not null,
    indicator varchar not null,
    obs_value decimal(18, 4),          -- what was asked about
    expected_low decimal(18, 4),
    expected_high decimal(18, 4),
    suggested_value decimal(18, 4),
    score double,
    prior double,                      -- of the suspected cause, when the score was made
    suspected_cause varchar,
    reason_vi varchar,
    message_vi varchar not null,
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
create table if not exists meta.build_requests (
    time_period varchar not null,      -- what the running build was asked for; its figures are judged in any case
    rules_digest varchar not null,     -- of seeds and code
);
create table if not exists meta.built_periods (
    time_period varchar not null,
    inputs_digest varchar not null,    -- of the reports and decisions from which its totals were built
    rules_digest varchar,              -- of the seeds and code that built them
    is_judged boolean not null,
);
create table if not exists meta.typed_statements (
    digest varchar not null,           -- of a model whose sums keep their types, with the rules that found so
);
create table if not exists meta.column_comments (  -- of views in a lake, which keeps none itself
    table_name varchar not null,       -- schema.view
    column_name varchar not null,
    comment varchar not null,
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

_TABLES_OF = """
select schema_name || '.' || table_name from duckdb_tables() where database_name = coalesce(?, current_database())
"""
_TABLES = frozenset(re.findall(r"create table if not exists (\S+) \(", SCHEMA))


BadFile = duckdb.Error  # what reading a file raises that is not what it should be


class NotAQuery(ValueError):
    """What should be one query cannot be answered; the message is one sentence of DuckDB's or ours."""


class NotEmpty(RuntimeError):
    """Something would be mixed with what is there already."""


class WarehouseBusy(RuntimeError):
    """Another process kept the warehouse for longer than we wait."""


@dataclass(frozen=True)
class Shared:
    """The open warehouse, for steps of which the engine may let several run side by side.

    One file is held by one process: to it every turn and every claim is given at once.
    """

    connection: Connection
    session: lake.Session | None = None  # with the server that gives turns and claims

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the right to write: of all processes only this one does what stands in the block.

        Raises:
            WarehouseBusy: somebody else held it for ``LOCK_WAIT_SECONDS``.
        """
        with _held(self.session, Right.WRITE):
            yield

    @contextmanager
    def claim(self, number: int) -> Iterator[bool]:
        """Yield whether the work of this number is ours for the length of the block; if not, somebody does it now."""
        if self.session is None:
            yield True
            return
        is_ours = self.session.try_to_take(Right.CHUNK, number)
        try:
            yield is_ours
        finally:
            if is_ours:
                self.session.give_back(Right.CHUNK, number)

    def holder(self, number: int) -> str:
        """Return who has claimed the work of this number."""
        return self.session.holder(Right.CHUNK, number) if self.session else "nobody"


@contextmanager
def connect() -> Iterator[Connection]:
    """Open the working warehouse for reading and writing under the writer's right, and close it again."""
    with share() as shared, shared.turn():
        yield shared.connection


@contextmanager
def share() -> Iterator[Shared]:
    """Open the working warehouse; on a lake without the right to write, which each turn takes and gives back."""
    place = lake.configured()
    if place is None:
        with writer_lock() as path, closing(_file(path)) as connection:
            shared = Shared(connection)
            _make_tables(shared)
            yield shared
    else:
        with lake.Session(place) as session, closing(_in_memory()) as connection:
            shared = Shared(connection, session)
            # Of several that are the first one makes the catalogue.
            with nullcontext() if session.has_catalogue() else shared.turn():
                _attach(connection, place)
            _make_tables(shared)
            yield shared


def _make_tables(shared: Shared) -> None:
    """Make the tables of the package that are not there yet; who finds them all waits for nobody."""
    held = shared.connection.execute(_TABLES_OF, [None]).fetchall()
    if _TABLES.difference(name for (name,) in held):
        with shared.turn():
            shared.connection.execute(SCHEMA)


@contextmanager
def look() -> Iterator[Connection]:
    """Open the working warehouse for reading only, as it is now; an empty one in memory when there is none.

    Nothing is written, and no folder is made. One file is looked at while nobody writes.
    """
    place = lake.configured()
    with ExitStack() as open_things:
        connection = None
        if place is not None:
            if open_things.enter_context(lake.Session(place)).has_catalogue():
                connection = open_things.enter_context(closing(_in_memory()))
                _attach(connection, place, read_only=True)
                connection.begin()  # all queries see the same moment
        elif (path := settings.load().warehouse_file).exists():
            if path.with_suffix(".lock").exists():  # without, nobody ever wrote here: it is a copy
                lock = open_things.enter_context(path.with_suffix(".lock").open())
                _wait_for(_flock(lock, fcntl.LOCK_SH), lambda: _last_writer(lock), str(path), LOCK_WAIT_SECONDS)
            connection = open_things.enter_context(closing(_open(path, read_only=True)))
        if connection is None:
            connection = open_things.enter_context(closing(duckdb.connect()))
            connection.execute(SCHEMA)
        yield connection


@contextmanager
def lend() -> Iterator[dict[str, str]]:
    """Let dbt write to the warehouse; yields the environment in which it finds it, and its target.

    A lake is open to everybody else meanwhile, only a second build waits; one file is dbt's alone.

    Raises:
        WarehouseBusy: somebody else held the right for ``LOCK_WAIT_SECONDS``.
    """
    place = lake.configured()
    if place is None:
        with writer_lock() as path:
            yield {"DBT_TARGET": "file", "TUQUAN_WAREHOUSE": str(path)}
    else:
        with lake.Session(place) as session, _held(session, Right.BUILD):
            yield {"DBT_TARGET": "lake", **place.environment, "TUQUAN_SPILL": str(_spill())}


@contextmanager
def building() -> Iterator[None]:
    """Let nobody else plan, run or note a build meanwhile; the warehouse itself is not held.

    Raises:
        WarehouseBusy: another build lasted for more than ``LOCK_WAIT_SECONDS``.
    """
    place = lake.configured()
    if place is None:
        with _file_lock(settings.load().warehouse_file.with_suffix(".build.lock")):
            yield
    else:
        with lake.Session(place) as session, _held(session, Right.PLAN):
            yield


def take_over(file: Path) -> None:
    """Copy what the package wrote to a warehouse of one file into an empty one, such as a lake; dbt builds the rest.

    Raises:
        NotEmpty: something arrived here already.
    """
    with connect() as connection:
        if connection.execute("select 1 from raw.arrivals limit 1").fetchone():
            raise NotEmpty("files arrived in this warehouse already; take over into a new database only")
        connection.execute(f"attach {_text(str(file))} as other (read_only)")
        held = {name for (name,) in connection.execute(_TABLES_OF, ["other"]).fetchall()}
        with transaction(connection):
            for table in sorted(_TABLES & held):
                connection.execute(f"insert into {table} by name from other.{table}")
        connection.execute("detach other")


def tidy(keep_days: int = 7) -> None:
    """Join the small files of a lake, and forget how it was more than ``keep_days`` ago; a file needs nothing of it.

    Every commit leaves files and a snapshot behind. A file is deleted a day after nothing names it any more, so that
    whoever reads now can end in peace.
    """
    if lake.configured() is None:
        return
    with building(), share() as shared, shared.turn():
        for call in (
            "ducklake_flush_inlined_data($lake)",
            "ducklake_merge_adjacent_files($lake)",
            "ducklake_expire_snapshots($lake, older_than => now() - to_days($days))",
            "ducklake_cleanup_old_files($lake, older_than => now() - interval 1 day)",
        ):
            known = {"lake": lake.DATABASE} | ({"days": keep_days} if "$days" in call else {})
            shared.connection.execute(f"call {call}", known)


@contextmanager
def writer_lock(wait_seconds: float | None = None) -> Iterator[Path]:
    """Hold the right to write the warehouse file; yields its path.

    The lock belongs to the process, so it ends with it, also after ``kill -9``.

    Raises:
        WarehouseBusy: somebody else held it for ``wait_seconds`` (default: ``LOCK_WAIT_SECONDS``).
    """
    path = settings.load().warehouse_file
    with _file_lock(path.with_suffix(".lock"), wait_seconds):
        yield path


@contextmanager
def _file_lock(path: Path, wait_seconds: float | None = None) -> Iterator[None]:
    # The addresses of answers that are not out yet stand in the warehouse.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+") as lock:
        _wait_for(_flock(lock, fcntl.LOCK_EX), lambda: _last_writer(lock), str(path), wait_seconds)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def _held(session: lake.Session | None, right: Right) -> Iterator[None]:
    if session is None:
        yield
        return
    _wait_for(lambda: session.try_to_take(right), lambda: session.holder(right), "the lake")
    try:
        yield
    finally:
        session.give_back(right)


def _wait_for(
    take: Callable[[], bool], holder: Callable[[], str], what: str, wait_seconds: float | None = None
) -> None:
    wait_seconds = LOCK_WAIT_SECONDS if wait_seconds is None else wait_seconds
    started = time.monotonic()
    is_told = False
    while not take():
        waited = time.monotonic() - started
        if waited > wait_seconds:
            raise WarehouseBusy(
                f"{what} is in use by another process since {wait_seconds:.0f} s (last writer: {holder()}); "
                "wait for that run to end, or look for a hanging one"
            )
        if waited > LOCK_SILENT_SECONDS and not is_told:
            LOG.warning("%s is in use (last writer: %s); waiting for its end", what, holder())
            is_told = True
        time.sleep(0.1)


def _flock(lock: IO[str], kind: int) -> Callable[[], bool]:
    def take() -> bool:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    return take


def _last_writer(lock: IO[str]) -> str:
    lock.seek(0)
    return f"process {lock.read().strip() or 'unknown'}"


def _file(path: Path) -> Connection:
    """Open the file of the working warehouse; a new one is written in the format that ``_STORAGE`` names."""
    if not path.exists():
        with closing(duckdb.connect()) as connection:
            connection.execute(f"attach {_text(str(path))} as warehouse (storage_version '{_STORAGE}')")
    return _open(path)


def _open(path: Path, *, read_only: bool = False) -> Connection:
    """Open a file that is there, on one thread while there is little in it."""
    connection = duckdb.connect(path, read_only=read_only)
    if path.stat().st_size < _LITTLE_BYTES:
        connection.execute("set threads = 1")
    return connection


def _in_memory() -> Connection:
    """Return a DuckDB of its own that can read and write a lake, and downloads nothing."""
    connection = duckdb.connect(
        config={
            "extension_directory": str(lake.extensions()),
            "autoinstall_known_extensions": "false",
            "allow_persistent_secrets": "false",
            "temp_directory": str(_spill()),
        }
    )
    connection.execute("set enable_progress_bar = false")  # where nobody asked for output
    # A lake tells no numbers of distinct values, without which joins are ordered badly: as written is better.
    connection.execute("set disabled_optimizers = 'join_order'")
    return connection


def _spill() -> Path:
    """Where DuckDB puts what does not fit into memory; a lake has no file beside which it could do so."""
    return settings.load().warehouse_file.parent / "spill"


def _attach(connection: Connection, place: lake.Lake, *, read_only: bool = False) -> None:
    """Make the lake the database of a connection. A secret holds the password: messages name the address only."""
    options = {"data_path": place.data}
    if "://" in place.data:
        connection.execute("set s3_url_style = 'path'")  # which every storage understands
    else:
        Path(place.data).mkdir(mode=0o700, parents=True, exist_ok=True)
    # Also without a password: where DuckDB may keep no secrets, it fails when it looks for one that nobody named.
    connection.execute("load postgres_scanner")
    connection.execute(f"create secret catalogue (type postgres, password {_text(place.password or '')})")
    options["meta_secret"] = "catalogue"  # noqa: S105 - its name
    said = ", ".join(f"{name} {_text(value)}" for name, value in options.items()) + (", read_only" if read_only else "")
    connection.execute(f"attach {_text('ducklake:postgres:' + place.dsn)} as {lake.DATABASE} ({said})")
    connection.execute(f"use {lake.DATABASE}")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


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
    connection = _open(path, read_only=True)
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


def column_comments(connection: Connection, database: str) -> list[tuple[str, str, str]]:
    """Return (schema.table, column, comment) of every column in ``database`` that has one, in their order."""
    found = connection.execute(
        "select schema_name || '.' || table_name, column_name, comment from duckdb_columns() "
        "where database_name = ? and comment is not null order by 1, column_index",
        [database],
    ).fetchall()
    noted = connection.execute(
        "select 1 from duckdb_tables() "
        "where database_name = ? and schema_name = 'meta' and table_name = 'column_comments'",
        [database],
    ).fetchone()
    if noted:
        found += connection.execute(f'from "{database}".meta.column_comments order by all').fetchall()
    return found


def has_table(connection: Connection, table: str) -> bool:
    """Return whether ``schema.table`` is there: before the first build the marts are not."""
    schema, name = table.split(".")
    found = connection.execute(
        "select 1 from information_schema.tables "
        "where table_catalog = current_database() and table_schema = ? and table_name = ?",
        [schema, name],
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
