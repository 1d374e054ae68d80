"""Export and import: exact round trip, nothing twice, and a foreign file changes nothing."""

import copy
import json
from typing import Any

import pytest

from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Attachment, Usage
from llamune.errors import NotFound, StoreError
from llamune.paths import Paths
from llamune.store import database
from llamune.store.store import SqlStore


@pytest.fixture
def target(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = database.open(Paths(tmp_path_factory.mktemp("target")))
    yield opened
    opened.close()


@pytest.fixture
def full(store: SqlStore, say: Any) -> SqlStore:
    """Two sessions with everything: rewound, rejected, discarded, failed, running, deleted, summarised."""
    first = store.create_session(model="qwen3:8b", preset="balanced", system="簡潔に", title="題 \0 😀")
    store.update_session(first.id, overrides=SamplingOptions(temperature=0.3, seed=1), titled_by="user")
    turn = store.add_turn(first.id, "問い", [Attachment("規程.txt", "第1条")])
    a = store.add_answer(turn.id, model="m", preset="p", options=SamplingOptions(top_k=3, top_p=1.0), engine="e")
    usage = Usage(1, 2, 3, 0.1, 1e-7, 3.0, 123.456, 1e6)
    store.finish(
        a.id, "failed", text="半分", thinking="考", usage=usage, reason="length", error="e", hint="h", digest="d"
    )
    b = store.add_answer(turn.id, model="m", preset="p", options=SamplingOptions(), adopted=True)
    store.finish(b.id, "complete", text="答え")
    store.discard(a.id)
    for question in "abc":
        say(store, first.id, question, "to " + question)
    store.keep(turn.id, task="balanced")
    store.rate(b.id, vote="good", natural=5, comment="良 \0", blind=True)
    store.rewind(first.id, 2)
    say(store, first.id, "x", "to x", "or y")
    store.rewind(first.id, 1)
    store.undo(first.id)
    store.compact(first.id, 2, "要約")
    running = store.add_turn(first.id, "running")
    store.add_answer(running.id, model="m", preset="p", options=SamplingOptions(), adopted=True)
    second = store.create_session(model="m", preset="p", title="deleted")
    say(store, second.id, "p", "z")
    say(store, second.id, "q", "a")
    store.rewind(second.id, 1)
    say(store, second.id, "r", "s")
    store.undo(second.id)  # a third session: a copy of p, and q behind it with a smaller id
    store.delete_session(second.id)
    return store


def everything(store: SqlStore) -> list[Any]:
    listed = store.sessions() + store.sessions(deleted=True)
    return list(store.export(sorted(s.id for s in listed)))


def test_round_trip_is_exact(full: SqlStore, target: SqlStore) -> None:
    exported = everything(full)
    assert len(exported) == 3
    lines = [json.loads(json.dumps(session, ensure_ascii=False)) for session in exported]
    imported = target.import_(lines)
    assert (imported.sessions, imported.turns, imported.answers, imported.skipped) == (3, 10, 12, {})
    assert everything(target) == exported
    assert [s.title for s in target.sessions()] == [s.title for s in full.sessions()]


def test_what_was_imported_works(full: SqlStore, target: SqlStore) -> None:
    target.import_(everything(full))
    first = next(s for s in target.sessions() if s.title.startswith("題"))
    assert (first.summary, first.summarised, first.turn_count) == ("要約", 2, 4)
    assert [t.question for t in target.turns(first.id)] == ["問い", "a", "x", "running"]
    assert [a.letter for a in target.turns(first.id)[2].answers] == ["A", "B"]
    assert target.turns(first.id)[3].answers[0].status == "cancelled"
    assert {h.excerpt for h in target.search("答え")} == {"答え"}
    assert target.search("半分") == []
    undone = target.undo(first.id)
    assert undone is not None
    assert undone.copy is not None
    assert [t.question for t in target.turns(undone.copy.id)] == ["問い", "a", "b", "c"]


def test_imported_texts_are_newest_first_by_when_they_were_written(full: SqlStore, target: SqlStore) -> None:
    mine = target.create_session(model="m", preset="p")
    target.add_turn(mine.id, "to be found")
    target.import_(everything(full))
    found = target.search("to ")
    times = [hit.created_at for hit in found if hit.created_at]
    assert len(times) == 3
    assert times == sorted(times, reverse=True)


def test_nothing_is_imported_twice(full: SqlStore, target: SqlStore) -> None:
    exported = everything(full)
    target.import_(exported)
    again = target.import_([*exported, exported[0]])
    assert (again.sessions, again.turns, again.answers) == (0, 0, 0)
    assert again.skipped == {"already here": 3, "already here, in the trash": 1}
    assert everything(target) == exported


def test_an_unknown_session_is_not_exported(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        list(store.export([1]))


def changed(path: str, value: Any) -> Any:
    """A function that sets one place of an exported session; "turns.0.number" names it."""

    def change(session: dict[str, Any]) -> Any:
        *way, last = path.split(".")
        place: Any = session
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[int(last) if last.isdigit() else last] = value
        return session

    return change


BROKEN = {
    "text": lambda _s: "text",
    "nothing": lambda _s: None,
    "list": lambda s: [s],
    "empty": lambda _s: {},
    "format": changed("format", "other"),
    "version 0": changed("version", 0),
    "version text": changed("version", "1"),
    "no uid": changed("uid", ""),
    "number as title": changed("title", 5),
    "title missing a type": changed("title", None),
    "turns as text": changed("turns", "none"),
    "unknown status": changed("turns.0.answers.0.status", "done"),
    "text as list": changed("turns.0.answers.0.text", ["a"]),
    "unknown option": changed("turns.0.answers.0.options", {"heat": 1}),
    "option as text": changed("turns.0.answers.0.options", {"seed": "1"}),
    "option as truth": changed("overrides", {"seed": True}),
    "endless option": changed("overrides", {"temperature": float("nan")}),
    "endless time": changed("turns.0.answers.0.usage", {"total_ms": float("inf")}),
    "negative tokens": changed("turns.0.answers.0.usage", {"prompt_tokens": -1}),
    "too many tokens": changed("turns.0.answers.0.usage", {"prompt_tokens": 10**30}),
    "no time": changed("created_at", "yesterday"),
    "time before time": changed("created_at", "0001-01-01T00:00:00+14:00"),
    "time as truth": changed("turns.0.created_at", [1]),
    "two adopted": changed("turns.0.answers.0.adopted", True),
    "score of nine": changed("turns.0.answers.0.rating", {"accuracy": 9, "created_at": "2026-01-01T09:00:00"}),
    "gap in the numbers": changed("turns.0.number", 2),
    "number 0": changed("turns.0.number", 0),
    "follows itself": changed("turns.0.after", 0),
    "follows none": changed("turns.1.after", 99),
    "no such rewind": changed("turns.0.rewind", 9),
    "summary of too much": changed("summarised", 99),
    "attachment": changed("turns.0.attachments", [["name", "text"]]),
}


def test_a_broken_line_is_named_and_nothing_is_imported(full: SqlStore, target: SqlStore) -> None:
    good, *_ = everything(full)
    for change in BROKEN.values():
        broken = change(copy.deepcopy(good) | {"uid": "another"})
        with pytest.raises(StoreError, match="Line 2 ") as raised:
            target.import_([good, broken])
        assert raised.value.hint
    assert target.sessions() == []
    assert target.search("答え") == []


def test_a_file_of_a_newer_version_says_so(full: SqlStore, target: SqlStore) -> None:
    with pytest.raises(StoreError, match="newer"):
        target.import_([everything(full)[0] | {"version": 2}])


def test_unknown_keys_and_half_surrogates_of_a_foreign_file_do_no_harm(target: SqlStore) -> None:
    time = "2026-01-01T09:00:00"
    turn = {"number": 1, "question": "\ud800\0", "created_at": time, "colour": {"deep": [1]}, "answers": []}
    line = {"format": "llamune-session", "version": 1, "uid": "\udc00", "created_at": time, "updated_at": time}
    assert target.import_([line | {"turns": [turn], "future": True}]).turns == 1
    session = target.sessions()[0]
    assert target.turns(session.id)[0].question == "\ufffd\0"
    assert session.created_at is not None
    assert session.created_at.isoformat() == "2026-01-01T09:00:00+00:00"
