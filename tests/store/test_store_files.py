"""The file: made privately, brought to this version with a copy first, refused when it is not ours; errors name it."""

import errno
import inspect
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy.exc
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from llamune.errors import LlamuneError, NotFound, StoreError
from llamune.paths import Paths, shipped
from llamune.store import connection as connection_module
from llamune.store import database, usage
from llamune.store.connection import Database
from llamune.store.faults import translated
from llamune.store.store import SqlStore
from llamune.store.tables import Row
from llamune.store.upgrade import newest

posix = pytest.mark.skipif(os.name != "posix", reason="permissions of this kind exist on POSIX only")
not_root = pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(paths: Paths, *, holding: str = "") -> StoreError:
    """The error of opening; it names the file, has a hint, and left the file alone."""
    before = paths.database.read_bytes()
    with pytest.raises(StoreError, match=holding) as raised:
        database.open(paths)
    assert str(paths.database) in raised.value.message
    assert raised.value.hint
    assert raised.value.exit_code == 4
    assert paths.database.read_bytes() == before
    return raised.value


# making and upgrading


@posix
def test_files_and_folders_are_private(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "deep" / "home")
    store = database.open(paths)
    store.add_turn(store.create_session(model="m", preset="p").id, "?")
    files = [p for p in paths.home.rglob("*") if p.is_file()]
    assert {p.name for p in files} == {"llamune.db", "llamune.db-wal", "llamune.db-shm"}
    assert {mode(p) for p in files} == {0o600}
    assert mode(paths.home) == 0o700
    store.close()


@posix
def test_a_file_that_others_could_read_becomes_private(paths: Paths, database_file: Path) -> None:
    shutil.copy(database_file, paths.database)
    paths.database.chmod(0o644)
    database.open(paths).close()
    assert mode(paths.database) == 0o600


@pytest.mark.parametrize("name", ["ホーム 100%", "a?b#c", "d'e\"f", "%41"])
def test_a_home_of_any_name(tmp_path: Path, name: str) -> None:
    paths = Paths(tmp_path / name)
    store = database.open(paths)
    session = store.create_session(model="m", preset="p")
    store.add_turn(session.id, "?")
    store.purge([session.id])
    store.close()
    assert [p.name for p in paths.home.iterdir()] == ["llamune.db"]


def test_the_migrations_make_the_tables_that_the_models_describe(database_file: Path) -> None:
    engine = create_engine(f"sqlite:///{database_file}", poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _p: kind != "table" or not name.startswith("search")}
        )
        assert compare_metadata(context, Row.metadata) == []
    with closing(sqlite3.connect(database_file)) as connection:
        created = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE%' "))
    fresh = create_engine("sqlite://")
    Row.metadata.create_all(fresh)
    with fresh.connect() as connection:
        for name, sql in connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE%INDEX%'"
        ):
            assert created[name] == sql
    fresh.dispose()


def test_alembic_is_not_imported_when_the_version_fits(paths: Paths, database_file: Path) -> None:
    shutil.copy(database_file, paths.database)
    code = (
        "import sys; from llamune import paths; from llamune.store import database;"
        "database.open(paths.find()).close();"
        "print([m for m in ('alembic', 'psutil', 'ollama', 'httpx', 'rich') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"


@pytest.fixture
def newer(tmp_path: Path) -> Callable[[str], Path]:
    """newer(body): a folder with one more migration, whose upgrade runs `body`."""

    def make(body: str) -> Path:
        folder = tmp_path / "migrations"
        shutil.copytree(shipped("migrations"), folder)
        head = f'"""Next."""\n\nfrom alembic import op\n\nrevision = "9999"\ndown_revision = "{newest(folder)}"\n\n\n'
        (folder / "versions" / "9999_next.py").write_text(f"{head}def upgrade():\n    {body}\n")
        return folder

    return make


def test_an_upgrade_keeps_everything_and_leaves_a_copy(
    store: SqlStore, paths: Paths, newer: Callable[[str], Path], say: Callable[..., object]
) -> None:
    session = store.create_session(model="m", preset="p", title="before")
    say(store, session.id, "棚卸", "はい")
    before = list(store.export([session.id]))
    store.close()
    folder = newer('op.execute("ALTER TABLE session ADD COLUMN colour TEXT")')
    upgraded = database.open(paths, migrations=folder)
    assert list(upgraded.export([session.id])) == before
    assert len(upgraded.search("棚卸")) == 1
    upgraded.close()
    (backup,) = paths.backups.iterdir()
    assert backup.name.startswith(f"llamune-{newest(shipped('migrations'))}-")
    assert mode(backup) == 0o600
    assert mode(paths.backups) == 0o700
    restored = Paths(paths.home.parent / "restored")
    restored.make()
    shutil.copy(backup, restored.database)
    old = database.open(restored)
    assert list(old.export([session.id])) == before
    old.close()
    refused(paths, holding="newer Llamune")


def of_version(paths: Paths, folder: Path, version: str) -> None:
    """Makes the database as that version had it, with one answer of the preset "code"."""
    shutil.copytree(shipped("migrations"), folder)
    for later in (folder / "versions").glob("*.py"):
        if later.name[:4] > version:
            later.unlink()
    database.open(paths, migrations=folder).close()
    with closing(sqlite3.connect(paths.database)) as connection:
        connection.execute(
            "INSERT INTO session (uid, title, titled_by, model, preset, system, overrides, summary, summarised,"
            " created_at, updated_at) VALUES ('u', 't', 'auto', 'm', 'p', '', '{}', '', 0, 1, 1)"
        )
        connection.execute(
            "INSERT INTO turn (session_id, number, question, attachments, created_at) VALUES (1, 1, '?', '[]', 1)"
        )
        connection.execute(
            "INSERT INTO answer (turn_id, letter, model, preset, options, status, text, thinking, digest, engine,"
            " reason, error, hint, adopted, discarded, created_at, owner_pid, owner_start)"
            " VALUES (1, 'A', 'm', 'code', '{}', 'complete', 'old', '', '', '', '', '', '', 1, 0, 1, 0, '')"
        )
        connection.commit()


def test_a_file_of_the_first_version_gets_a_place_for_ratings(paths: Paths, tmp_path: Path) -> None:
    of_version(paths, tmp_path / "first", "0001")
    upgraded = database.open(paths)
    assert upgraded.rate(1, vote="good").vote == "good"
    assert [a.text for a in upgraded.turn(1).answers] == ["old"]
    upgraded.close()


@pytest.mark.parametrize(("rated", "task"), [("code", "coding"), ("balanced", "")])
def test_a_file_of_the_second_version_gets_tasks(paths: Paths, tmp_path: Path, rated: str, task: str) -> None:
    of_version(paths, tmp_path / "second", "0002")
    with closing(sqlite3.connect(paths.database)) as connection:
        connection.execute(
            "INSERT INTO rating (answer_id, vote, comment, blind, task, created_at) VALUES (1, 'good', '', 0, ?, 1)",
            [rated],
        )
        connection.commit()
    upgraded = database.open(paths)
    assert [(line.preset, line.task, line.good) for line in upgraded.usage()] == [("code", "coding", 1)]
    assert [contest.task for contest in upgraded.contests()] == [task]
    upgraded.close()


def test_counting_reads_no_text(paths: Paths, database_file: Path) -> None:
    """A million answers can only be counted in time from the index that covers all that is counted."""
    shutil.copy(database_file, paths.database)
    with closing(sqlite3.connect(paths.database)) as connection:
        connection.create_function("spreads", 5, lambda *_figures: 0)
        query = usage._ENDED.text.replace("FILTER (WHERE status = 'complete')", "")
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", {"since": 0, "until": 1}))
    assert plan == "SCAN answer USING COVERING INDEX answer_usage", "nothing is sorted, no row of a table is read"


@pytest.mark.parametrize("body", ['op.execute("ALTER TABLE nothing ADD COLUMN x")', 'raise OSError("boom")'])
def test_an_upgrade_that_fails_changes_nothing(
    store: SqlStore, paths: Paths, newer: Callable[[str], Path], body: str
) -> None:
    session = store.create_session(model="m", preset="p")
    store.add_turn(session.id, "kept")
    store.close()
    with pytest.raises(StoreError, match=re.escape(str(paths.database))):
        database.open(paths, migrations=newer(f'op.execute("DROP TABLE answer"); {body}'))
    again = database.open(paths)
    assert [t.question for t in again.turns(session.id)] == ["kept"]
    again.close()


def test_an_installation_without_migrations_touches_nothing(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not completely installed"):
        database.open(paths, migrations=tmp_path)


@pytest.mark.filterwarnings("ignore:Revision 0001")
def test_a_broken_installation_is_an_error_of_ours(paths: Paths, store: SqlStore, newer: Callable[[str], Path]) -> None:
    folder = newer("pass")
    (folder / "versions" / "0001_first_tables.py").unlink()
    with pytest.raises(StoreError) as raised:
        database.open(paths, migrations=folder)
    assert str(paths.database) in raised.value.message


# what cannot be used


@pytest.mark.parametrize(
    "content", [b"no database", b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 5000, os.urandom(9999)]
)
def test_what_is_no_database_is_refused_and_kept(paths: Paths, content: bytes) -> None:
    paths.database.write_bytes(content)
    refused(paths, holding="damaged")


def test_the_database_of_another_program_is_refused_and_kept(paths: Paths) -> None:
    with closing(sqlite3.connect(paths.database)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    refused(paths, holding="no Llamune database")


def test_an_empty_file_is_a_new_database(paths: Paths) -> None:
    paths.database.touch()
    database.open(paths).close()


def test_a_database_damaged_in_the_middle(store: SqlStore, paths: Paths) -> None:
    session = store.create_session(model="m", preset="p")
    for number in range(300):
        store.add_turn(session.id, f"turn {number} " * 50)
    store.close()
    content = bytearray(paths.database.read_bytes())
    content[8192:-8192] = b"\xa5" * (len(content) - 16384)
    paths.database.write_bytes(content)

    def read() -> None:  # fails on opening or on reading, as the damage lies
        with closing(database.open(paths)) as found:
            list(found.messages(session.id))

    with pytest.raises(StoreError, match="damaged") as raised:
        read()
    assert str(paths.database) in raised.value.message


def test_a_folder_in_the_place_of_the_database(paths: Paths) -> None:
    paths.database.mkdir()
    with pytest.raises(StoreError, match=re.escape(str(paths.database))):
        database.open(paths)


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LlamuneError, match="file"):
        database.open(Paths(tmp_path / "file" / "home"))


@posix
@not_root
def test_a_read_only_home(store: SqlStore, paths: Paths) -> None:
    store.close()
    paths.home.chmod(0o500)
    try:
        refused(paths)
        paths.database.chmod(0o400)
        refused(paths)
    finally:
        paths.home.chmod(0o700)


def test_another_writer_is_waited_for_and_then_named(
    paths: Paths, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(database_file, paths.database)
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT", 0.1)
    store = database.open(paths)
    with closing(sqlite3.connect(paths.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.sessions() == []  # readers do not wait
        with pytest.raises(StoreError, match="Another program") as raised:
            store.create_session(model="m", preset="p")
        assert str(paths.database) in raised.value.message
    store.create_session(model="m", preset="p")
    store.close()


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """small_files(bytes): from now on no file of this process may grow larger, as on a full disk."""
    if os.name != "posix":
        pytest.skip("limits of this kind exist on POSIX only")
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


def test_when_nothing_more_can_be_written(
    store: SqlStore, paths: Paths, small_files: Callable[[int], None], say: Callable[..., object]
) -> None:
    session = store.create_session(model="m", preset="p")
    say(store, session.id, "kept", "for ever")
    small_files(paths.database.stat().st_size + 20_000)

    def fill() -> None:
        for _ in range(100):
            store.add_turn(session.id, "long " * 2000)

    with pytest.raises(StoreError) as raised:
        fill()
    assert str(paths.database) in raised.value.message
    assert raised.value.hint
    asked = [t.question[:5] for t in store.turns(session.id)]
    assert asked[0] == "kept"
    small_files(2**30)
    store.add_turn(session.id, "goes on")
    assert [t.question[:5] for t in store.turns(session.id)] == [*asked, "goes "]


def test_when_not_even_the_first_byte_can_be_written(paths: Paths, small_files: Callable[[int], None]) -> None:
    small_files(0)
    with pytest.raises(StoreError, match=re.escape(str(paths.database))):
        database.open(paths)
    small_files(2**30)
    database.open(paths).close()


# translation


def foreign() -> list[type[Exception]]:
    """Every exception that SQLAlchemy and sqlite3 can raise; their warnings are for developers."""
    found = {
        thing
        for module in (sqlalchemy.exc, sqlite3)
        for _name, thing in inspect.getmembers(module, inspect.isclass)
        if issubclass(thing, Exception) and (thing is sqlite3.Warning or not issubclass(thing, Warning))
        if thing.__name__ != "EmulatedDBAPIException"  # for drivers that imitate one of another kind
    }
    return sorted((c for c in found if c.__module__ != "builtins"), key=lambda c: c.__name__)


def made(kind: type[Exception]) -> Exception:
    """An instance, whatever arguments the class wants."""
    for arguments in (("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", {}, Exception())):
        try:
            return kind(*arguments)
        except TypeError:
            continue
    raise AssertionError(f"how is {kind} made?")


def test_there_are_foreign_exceptions_to_walk() -> None:
    assert len(foreign()) > 30


@pytest.mark.parametrize("kind", foreign(), ids=lambda kind: kind.__name__)
def test_no_foreign_exception_leaves(kind: type[Exception]) -> None:
    path = Path("/home/someone/llamune.db")
    with pytest.raises(StoreError) as raised, translated(path):
        raise made(kind)
    assert str(path) in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_IOERR_WRITE, "could not be read or written"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "cannot be opened or written"),
        (sqlite3.SQLITE_CANTOPEN_FULLPATH, "cannot be opened or written"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "damaged"),
        (sqlite3.SQLITE_NOTADB, "damaged"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "Another program"),
        (sqlite3.SQLITE_LOCKED_SHAREDCACHE, "Another program"),
    ],
)
def test_what_sqlite_means_is_said_in_words(code: int, words: str) -> None:
    error = sqlite3.OperationalError("said something")
    error.sqlite_errorcode = code
    for raised_by in (error, sqlalchemy.exc.OperationalError("SELECT 1", {}, error)):
        with pytest.raises(StoreError, match=words), translated(Path("/x/llamune.db")):
            raise raised_by


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be opened or written"), (errno.EIO, "Input/output error")],
)
def test_what_the_file_system_means_is_said_in_words(number: int, words: str) -> None:
    with pytest.raises(StoreError, match=words), translated(Path("/x/llamune.db")):
        raise OSError(number, os.strerror(number))


def test_our_own_errors_and_mistakes_pass(tmp_path: Path) -> None:
    for error in (NotFound("n"), TypeError("t"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised, translated(tmp_path):
            raise error
        assert raised.value is error


def test_a_failed_transaction_leaves_nothing_and_frees_the_lock(store: SqlStore, paths: Paths) -> None:
    other = Database(paths.database)

    def fail() -> None:
        with other.writing() as connection:
            connection.exec_driver_sql("DELETE FROM alembic_version")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with other.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1
    other.close()
    store.create_session(model="m", preset="p")
