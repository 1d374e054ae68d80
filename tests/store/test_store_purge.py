"""A purge leaves no byte of what it names in any file of the home folder, and nothing else is lost by it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Attachment, ChatSession
from llamune.errors import NotFound
from llamune.paths import Paths
from llamune.store.connection import connect
from llamune.store.store import SqlStore
from llamune.store.upgrade import back_up

MARK = "龘"  # in nothing else; its bytes are in the index too


def holders(home: Path, text: str = MARK) -> list[str]:
    """The files below a folder in which the text's bytes occur."""
    files = [Path(folder) / name for folder, _folders, names in os.walk(home) for name in names]
    return sorted(file.name for file in files if text.encode() in file.read_bytes())


def secret(store: SqlStore) -> ChatSession:
    """A session with the mark everywhere a text can be."""
    session = store.create_session(model="m", preset="p", system=f"system {MARK}", title=f"title {MARK}")
    for number in range(60):  # enough for pages and index segments of its own
        turn = store.add_turn(session.id, f"{MARK}{number}" * 40, [Attachment(f"{MARK}.txt", MARK * 100)])
        answer = store.add_answer(turn.id, model="m", preset="p", options=SamplingOptions(), adopted=True)
        store.save_progress(answer.id, MARK * 50, MARK)
        store.finish(answer.id, "complete", text=f"{MARK}{number}" * 60, thinking=MARK * 9, error=MARK)
        store.rate(answer.id, comment=MARK * 70, task=MARK)
    store.rewind(session.id, 50)
    store.add_turn(session.id, MARK)
    store.compact(session.id, 3, f"summary {MARK}")
    return store.delete_session(session.id).session


def other(store: SqlStore) -> ChatSession:
    session = store.create_session(model="m", preset="p", title="kept")
    for number in range(30):
        store.add_turn(session.id, f"残る文 {number}" * 30)
    return session


def test_no_byte_is_left_in_any_file(store: SqlStore, paths: Paths) -> None:
    kept, gone = other(store), secret(store)
    other(store)
    assert holders(paths.home)
    purged = store.purge([gone.id])
    assert holders(paths.home) == []
    assert (purged.sessions, purged.turns, purged.answers, purged.backups) == (1, 61, 60, 0)
    with pytest.raises(NotFound):
        store.session(gone.id)
    assert len(store.turns(kept.id)) == 30
    assert len(store.search("残る文", limit=100)) == 60
    assert store.search(MARK) == []


def test_backups_that_hold_it_go_too(store: SqlStore, paths: Paths) -> None:
    kept = other(store)
    with closing(connect(paths.database)) as connection:
        back_up(connection, paths.backups / "llamune-0000-before.db")
    gone = secret(store)
    with closing(connect(paths.database)) as connection:
        back_up(connection, paths.backups / "llamune-0000-after.db")
    (paths.backups / "llamune-0000-broken.db").write_text(f"not a database, but {MARK}")
    assert store.purge([gone.id]).backups == 2
    assert holders(paths.home) == []
    assert [p.name for p in paths.backups.iterdir()] == ["llamune-0000-before.db"]
    assert store.purge([]).backups == 0
    assert store.purge([kept.id]).backups == 1


def test_a_purge_can_be_repeated_and_knows_no_unknown(store: SqlStore) -> None:
    session = other(store)
    assert store.purge([session.id, session.id, 99]).sessions == 1
    assert store.purge([session.id]).sessions == 0


def test_undo_after_a_purge_takes_what_is_left(store: SqlStore) -> None:
    kept = other(store)
    store.compact(kept.id, 1, "s")
    store.purge([secret(store).id])
    undone = store.undo()
    assert undone is not None
    assert (undone.kind, undone.session.id) == ("compact", kept.id)
    assert store.undo() is None


def test_numbers_are_never_used_again(store: SqlStore) -> None:
    gone = other(store)
    store.purge([gone.id])
    assert other(store).id > gone.id


def test_what_came_back_as_a_session_outlives_the_one_it_came_from(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    for question in "abc":
        store.add_turn(session.id, question)
    store.rewind(session.id, 1)
    store.add_turn(session.id, "x")
    undone = store.undo()
    assert undone is not None
    assert undone.copy is not None
    store.purge([session.id])
    assert [t.question for t in store.turns(undone.copy.id)] == ["a", "b", "c"]


def test_rewound_turns_come_back_when_those_before_them_were_purged(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    for question in "abcd":
        store.add_turn(session.id, question)
    store.rewind(session.id, 3)  # d, behind c
    store.rewind(session.id, 1)  # b c
    store.add_turn(session.id, "x")
    moved = store.undo()
    assert moved is not None
    assert moved.copy is not None
    store.purge([moved.copy.id])  # b and c with it
    undone = store.undo()
    assert undone is not None
    assert undone.copy is not None
    assert [(t.number, t.question) for t in store.turns(undone.copy.id)] == [(1, "d")]


def test_the_index_holds_no_term_of_it(store: SqlStore, paths: Paths) -> None:
    other(store)
    store.purge([secret(store).id])
    with closing(sqlite3.connect(paths.database)) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, search, row)")
        terms = [term for (term,) in connection.execute("SELECT term FROM terms")]
    assert terms
    assert not [term for term in terms if MARK in term]
