"""What the store keeps of knowledge: prompts with versions, what answers saw, and the step to it from before."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamune.chat.passage import Found, Passage
from llamune.chat.preset import SamplingOptions
from llamune.chat.seen import Checked, ExtraPrompt, Seen, as_json, of_json
from llamune.errors import NotFound
from llamune.paths import Paths, shipped
from llamune.store import database
from llamune.store.store import SqlStore
from llamune.store.upgrade import prepare
from llamune.store.values import to_json

PASSAGE = Passage("規程", "旅費.md", "第4条", "日当は2,000円。", "c1", 3, "2026-04-01", 0.5, {"keyword": 1}, ("日当",))
SEEN = Seen(
    "S", (ExtraPrompt(1, 2, "P"),), ("規程",), Found("?", (PASSAGE,), "weak", (0.1, 0.6), (PASSAGE,)), (PASSAGE,)
)


def add(store: SqlStore, turn: int, seen: Seen | None) -> int:
    options = SamplingOptions()
    answer = store.add_answer(turn, model="m", preset="p", options=options, knowledge="rag", seen=seen, checksum=7)
    return store.finish(answer.id, "complete", text="[1]", checked=Checked((1,), (9,), ("5円",))).id


def rows(paths: Paths, table: str) -> int:
    with closing(sqlite3.connect(paths.database)) as base:
        return int(base.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_what_an_answer_saw_is_kept_once_for_a_turn(store: SqlStore, paths: Paths) -> None:
    session = store.create_session(model="m", preset="p")
    turn = store.add_turn(session.id, "?")
    first, _second, bare = (add(store, turn.id, seen) for seen in (SEEN, SEEN, None))
    assert rows(paths, "context") == 1
    answer = store.answer(first)
    assert (answer.seen, answer.knowledge, answer.checksum) == (SEEN, "rag", 7)
    assert answer.checked == Checked((1,), (9,), ("5円",))
    assert store.answer(bare).seen is None
    assert [a.seen for a in store.turn(turn.id).answers] == [SEEN, SEEN, None]
    assert [a.seen for t in store.turns(session.id) for a in t.answers] == [SEEN, SEEN, None]
    store.delete_session(session.id)
    store.purge([session.id])
    assert rows(paths, "context") == 0


def test_turns_brought_back_into_a_session_of_their_own_keep_it(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    store.update_session(session.id, corpora=("規程",), mode="audit", before_mode={"before": {"model": "x"}})
    for question in "ab":
        add(store, store.add_turn(session.id, question).id, SEEN)
    store.rewind(session.id, 1)
    add(store, store.add_turn(session.id, "c").id, None)
    undone = store.undo(session.id)
    assert undone
    assert undone.copy
    assert (undone.copy.corpora, undone.copy.mode) == (("規程",), "audit")
    assert undone.copy.before_mode == {"before": {"model": "x"}}
    assert [a.seen for t in store.turns(undone.copy.id) for a in t.answers] == [SEEN, SEEN]


def test_prompts(store: SqlStore) -> None:
    mine, other = (store.create_session(model="m", preset="p").id for _n in range(2))
    numbers = [
        *(store.prompts.add("mine", session_id=mine).number, store.prompts.add("audit", mode="audit").number),
        *(store.prompts.add("all").number, store.prompts.add("theirs", session_id=other).number),
    ]
    assert [p.text for p in store.prompts.held(mine, "audit")] == ["all", "audit", "mine"]
    assert [p.text for p in store.prompts.held(0, "")] == ["all"]
    changed = store.prompts.change(numbers[2], text="all \ud800 \0", active=False)
    assert (changed.version, changed.text, changed.active) == (2, "all \ufffd \0", False)
    assert store.prompts.change(numbers[2], text=changed.text).version == 2, "the same text is no new version"
    assert [v.text for v in store.prompts.versions(numbers[2])] == ["all \ufffd \0", "all"]
    store.prompts.change(numbers[2], removed=True)
    assert store.prompts.held(0, "") == []
    assert store.prompts.get(numbers[2]).removed
    for call in (store.prompts.get, store.prompts.versions, lambda n: store.prompts.change(n, text="x")):
        with pytest.raises(NotFound):
            call(99)


TEXT = st.text(max_size=8)
PASSAGES = st.builds(
    Passage, TEXT, TEXT, TEXT, TEXT, TEXT, st.none() | st.integers(1, 9), TEXT, st.floats(allow_nan=False),
    st.dictionaries(st.sampled_from(["vector", "keyword", "question"]), st.integers(1, 9)), st.tuples(TEXT),
)  # fmt: skip
LISTS = st.lists(PASSAGES, max_size=3).map(tuple)
FOUND = st.builds(Found, TEXT, LISTS, st.sampled_from(["strong", "weak", "none"]), st.just((0.1, 0.2)), LISTS)


@given(FOUND, LISTS, st.booleans())
def test_what_was_seen_comes_back(found: Found, others: tuple[Passage, ...], same: bool) -> None:
    seen = Seen("s", (ExtraPrompt(1, 1, "x", mode="m"),), ("c",), found, found.passages if same else others)
    assert of_json(json.loads(json.dumps(as_json(seen)))) == seen


def test_a_database_from_before_goes_on(paths: Paths, tmp_path: Path) -> None:
    older = tmp_path / "migrations"
    shutil.copytree(shipped("migrations"), older)
    (older / "versions" / "0004_knowledge.py").unlink()
    for later in (older / "versions").glob("000[5-9]_*.py"):
        later.unlink()
    prepare(paths.database, paths.backups, older, datetime(2026, 10, 2, tzinfo=UTC))
    empty = {"options": "{}", "digest": "", "engine": "", "reason": "", "error": "", "hint": "", "owner_start": ""}
    answer = {"turn_id": 1, "letter": "A", "model": "m", "preset": "p", "status": "complete", "text": "t", **empty}
    answer |= {"thinking": "", "adopted": 1, "discarded": 0, "created_at": 1, "owner_pid": 0, "task": ""}
    session = {"uid": "u", "title": "t", "titled_by": "auto", "model": "m", "preset": "p", "system": "", "summary": ""}
    session |= {"overrides": "{}", "summarised": 0, "created_at": 1, "updated_at": 1}
    turn = {"session_id": 1, "number": 1, "question": "q", "attachments": to_json([]), "created_at": 1}
    with closing(sqlite3.connect(paths.database)) as base, base:
        for table, row in (("session", session), ("turn", turn), ("answer", answer)):
            marks = ", ".join("?" * len(row))
            base.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    store = database.open(paths)
    found = store.turns(1)[0].answers[0]
    assert (found.text, found.knowledge, found.seen, found.checked) == ("t", "", None, None)
    assert (store.session(1).corpora, store.session(1).mode) == ((), "")
    add(store, 1, SEEN)
    store.close()
    assert [p.name[:12] for p in paths.backups.iterdir()] == ["llamune-0003"]
