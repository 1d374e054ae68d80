"""The store port: what every implementation must do. There is one, over SQLite; it runs here on a real file."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from llamune.chat.context import with_attachments
from llamune.chat.ports import Store
from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Answer, Attachment, ChatSession, Turn, Usage
from llamune.chat.usage import by as usage_by
from llamune.errors import NotFound, StoreError, UsageError
from llamune.paths import Paths
from llamune.store import database

WARM = SamplingOptions(temperature=0.7, seed=3)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Paths(tmp_path_factory.mktemp("migrated"))
    database.open(home).close()
    return home.database


@pytest.fixture
def store(empty: Path, paths: Paths) -> Iterator[Store]:
    shutil.copy(empty, paths.database)
    ticks = count()
    opened = database.open(paths, clock=lambda: datetime(2026, 10, 2, tzinfo=UTC) + timedelta(seconds=next(ticks)))
    yield opened
    opened.close()


@pytest.fixture
def session(store: Store) -> ChatSession:
    return store.create_session(model="qwen3:8b", preset="balanced", system="簡潔に", title="退職金の計算")


def answered(store: Store, turn: Turn, text: str, *, adopted: bool = False) -> Answer:
    answer = store.add_answer(turn.id, model="m", preset="balanced", options=WARM, engine="scripted", adopted=adopted)
    return store.finish(answer.id, "complete", text=text)


def talk(store: Store, session: ChatSession, *questions: str) -> list[Turn]:
    turns = [store.add_turn(session.id, question) for question in questions]
    for turn in turns:
        answered(store, turn, f"to {turn.question}", adopted=True)
    return turns


def asked(store: Store, session: ChatSession) -> list[tuple[int, str]]:
    return [(turn.number, turn.question) for turn in store.turns(session.id)]


# sessions


def test_a_session_comes_back_as_it_was_made(store: Store, session: ChatSession) -> None:
    assert store.session(session.id) == session
    assert (session.model, session.preset, session.system) == ("qwen3:8b", "balanced", "簡潔に")
    assert (session.title, session.titled_by, session.turn_count) == ("退職金の計算", "auto", 0)
    assert session.created_at == session.updated_at
    assert session.created_at is not None
    assert session.created_at.tzinfo is not None


def test_changes_of_a_session_are_kept_and_are_no_use_of_it(store: Store, session: ChatSession) -> None:
    changed = store.update_session(session.id, title="別の題", titled_by="user", model="gemma3:4b", overrides=WARM)
    assert changed == store.session(session.id)
    assert (changed.title, changed.titled_by, changed.model, changed.overrides) == ("別の題", "user", "gemma3:4b", WARM)
    assert changed.updated_at == session.updated_at


def test_an_unknown_field_of_a_session_is_a_mistake_of_the_caller(store: Store, session: ChatSession) -> None:
    with pytest.raises(TypeError, match="deleted_at"):
        store.update_session(session.id, deleted_at=None)


def test_lists_have_the_newest_use_first_and_no_empty_session(store: Store, session: ChatSession) -> None:
    other = store.create_session(model="m", preset="p", title="other")
    assert store.sessions() == []
    assert store.last_session() is None
    turn = store.add_turn(session.id, "一")
    store.add_turn(other.id, "two")
    assert [s.id for s in store.sessions()] == [other.id, session.id]
    answered(store, turn, "三")
    assert [s.id for s in store.sessions()] == [session.id, other.id]
    assert [s.id for s in store.sessions(limit=1, offset=1)] == [other.id]
    last = store.last_session()
    assert last is not None
    assert last.id == session.id


def test_what_is_not_there_is_not_found(store: Store, session: ChatSession) -> None:
    for number in (99, 0, -1, 2**63, 10**40):
        for call in (store.session, store.turn, store.answer, store.turns, store.adopt, store.delete_session):
            with pytest.raises(NotFound):
                call(number)
    with pytest.raises(NotFound):
        store.add_turn(99, "?")
    with pytest.raises(NotFound):
        store.finish(99, "complete", text="")
    with pytest.raises(NotFound):
        store.save_progress(99, "", "")


# turns and answers


def test_turns_are_numbered_and_read_by_number(store: Store, session: ChatSession) -> None:
    talk(store, session, *"abcde")
    assert asked(store, session) == list(enumerate("abcde", 1))
    assert [t.question for t in store.turns(session.id, first=2, last=3)] == ["b", "c"]
    assert [t.question for t in store.turns(session.id, first=-2)] == ["d", "e"]
    assert [t.question for t in store.turns(session.id, first=-99)] == list("abcde")
    assert store.turns(session.id, first=6) == []
    assert store.session(session.id).turn_count == 5


def test_an_answer_is_waiting_then_streaming_then_complete(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    answer = store.add_answer(turn.id, model="m", preset="fast", options=WARM, engine="scripted", adopted=True)
    assert (answer.status, answer.letter, answer.options, answer.adopted) == ("waiting", "A", WARM, True)
    store.save_progress(answer.id, "途中", "考え")
    now = store.answer(answer.id)
    assert (now.status, now.text, now.thinking) == ("streaming", "途中", "考え")
    usage = Usage(prompt_tokens=5, completion_tokens=7, first_token_ms=1.5, generate_ms=70.0)
    done = store.finish(
        answer.id, "complete", text="途中で終わり", thinking="考えた", usage=usage, reason="stop", digest="sha"
    )
    assert store.turn(turn.id).answers == (done,)
    assert (done.status, done.text, done.thinking, done.usage) == ("complete", "途中で終わり", "考えた", usage)
    assert (done.reason, done.digest, done.model, done.engine) == ("stop", "sha", "m", "scripted")


def test_finish_names_the_model_that_really_answered(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    answer = store.add_answer(turn.id, model="m", preset="p", options=WARM)
    done = store.finish(answer.id, "failed", text="", error="gone", hint="try", model="m:latest", engine="ollama")
    assert (done.model, done.engine, done.error, done.hint) == ("m:latest", "ollama", "gone", "try")


def test_progress_that_comes_after_the_end_changes_nothing(store: Store, session: ChatSession) -> None:
    done = answered(store, store.add_turn(session.id, "?"), "the end")
    store.save_progress(done.id, "too late", "")
    assert store.answer(done.id) == done


def test_letters_go_on_after_z_and_never_change(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    answers = [store.add_answer(turn.id, model="m", preset="p", options=WARM) for _ in range(29)]
    store.discard(answers[1].id)
    store.add_answer(turn.id, model="m", preset="p", options=WARM)
    letters = [a.letter for a in store.turn(turn.id).answers]
    assert letters[:2] == ["A", "C"]
    assert letters[-6:] == ["Y", "Z", "AA", "AB", "AC", "AD"]


def test_messages_are_what_the_model_sees(store: Store, session: ChatSession) -> None:
    files = (Attachment("規程.txt", "第1条"), Attachment("b.py", "print('`')"))
    first = store.add_turn(session.id, "要約して", files)
    answered(store, first, "rejected")
    answered(store, first, "kept", adopted=True)
    store.add_turn(session.id, "no answer")
    talk(store, session, "third")
    assert first.attachments == files
    assert list(store.messages(session.id)) == [
        (1, with_attachments("要約して", files), "kept"),
        (2, "no answer", ""),
        (3, "third", "to third"),
    ]
    assert [number for number, _q, _a in store.messages(session.id, after=2)] == [3]


def test_messages_of_a_long_session_are_all_there(store: Store, session: ChatSession) -> None:
    exported = next(iter(store.export([session.id])))
    turn = {"question": "?", "created_at": exported["created_at"]}
    turns = [turn | {"number": n + 1, "after": n - 1 if n else None} for n in range(1100)]  # more than two pages
    store.import_([{**exported, "uid": "long", "turns": turns}])
    long = store.sessions()[0]
    assert [n for n, _q, _a in store.messages(long.id)] == list(range(1, 1101))
    assert [n for n, _q, _a in store.messages(long.id, after=999)] == list(range(1000, 1101))


def test_edit_question_changes_the_question_only(store: Store, session: ChatSession) -> None:
    turn = talk(store, session, "befor")[0]
    edited = store.edit_question(turn.id, "before")
    assert (edited.question, edited.number, edited.answers[0].text) == ("before", 1, "to befor")
    assert [hit.excerpt for hit in store.search("before")] == ["before"]


def test_texts_are_kept_as_they_came_and_half_surrogates_are_replaced(store: Store, session: ChatSession) -> None:
    odd = "a\0b \x1b[31m 😀 ﾊﾟ\r\n\u2028"
    turn = store.add_turn(session.id, odd + "\ud83d", (Attachment("\udc80.txt", "\ud800"),))
    assert turn.question == odd + "\ufffd"
    assert turn.attachments == (Attachment("\ufffd.txt", "\ufffd"),)
    answer = store.add_answer(turn.id, model="\ud800", preset="p", options=WARM, adopted=True)
    store.save_progress(answer.id, "\ud800", "\0")
    assert store.finish(answer.id, "complete", text=odd).text == odd
    assert store.update_session(session.id, title="\0\udfff").title == "\0\ufffd"
    assert [(q, a) for _n, q, a in store.messages(session.id)] == [
        (with_attachments(turn.question, turn.attachments), odd)
    ]
    assert [hit.where for hit in store.search("b \x1b")] == ["answer", "question"]


# the way back


def test_adopt_switches_and_undo_switches_back(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    one, two = answered(store, turn, "1", adopted=True), answered(store, turn, "2")
    adopted = store.adopt(two.id)
    assert [(a.letter, a.adopted) for a in adopted.answers] == [("A", False), ("B", True)]
    assert adopted.adopted is not None
    assert adopted.adopted.id == two.id
    assert [a for _n, _q, a in store.messages(session.id)] == ["2"]
    undone = store.undo(session.id)
    assert undone is not None
    assert undone.kind == "adopt"
    assert store.answer(one.id).adopted
    assert store.undo(session.id) is None


def test_adopting_what_stands_is_no_act(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    store.adopt(answered(store, turn, "1", adopted=True).id)
    assert store.undo() is None


def test_discard_hides_an_answer_and_undo_shows_it(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    stands, other = answered(store, turn, "stands", adopted=True), answered(store, turn, "other words")
    deleted = store.discard(other.id)
    assert (deleted.kind, deleted.turns, deleted.answers, deleted.rejected) == ("discard", 0, 1, 1)
    assert [a.letter for a in store.turn(turn.id).answers] == ["A"]
    assert [a.letter for t in store.turns(session.id) for a in t.answers] == ["A"]
    assert store.answer(other.id).discarded
    assert store.search("other words") == []
    with pytest.raises(StoreError, match="stands"):
        store.discard(stands.id)
    with pytest.raises(StoreError, match="discarded"):
        store.adopt(other.id)
    undone = store.undo()
    assert undone is not None
    assert undone.kind == "discard"
    assert [a.letter for a in store.turn(turn.id).answers] == ["A", "B"]
    assert len(store.search("other words")) == 1


def test_rewind_counts_first_and_takes_what_it_counted(store: Store, session: ChatSession) -> None:
    turns = talk(store, session, *"abc")
    answered(store, turns[1], "rejected")
    counted = store.count_after(session.id, 1)
    assert (counted.kind, counted.turns, counted.answers, counted.rejected) == ("rewind", 2, 3, 1)
    assert counted.session.turn_count == 3
    gone = store.rewind(session.id, 1)
    assert (gone.turns, gone.answers, gone.rejected, gone.session.turn_count) == (2, 3, 1, 1)
    assert asked(store, session) == [(1, "a")]
    assert store.turn(turns[2].id).question == "c"


@pytest.mark.parametrize("number", [-1, 4, 10**30])
def test_rewind_to_a_turn_that_is_not_there(store: Store, session: ChatSession, number: int) -> None:
    talk(store, session, *"abc")
    with pytest.raises(NotFound):
        store.rewind(session.id, number)
    assert len(store.turns(session.id)) == 3


def test_rewind_to_the_last_turn_is_no_act(store: Store, session: ChatSession) -> None:
    talk(store, session, *"ab")
    assert store.rewind(session.id, 2).turns == 0
    assert store.undo() is None


def test_rewind_to_the_beginning_and_back(store: Store, session: ChatSession) -> None:
    talk(store, session, *"ab")
    assert store.rewind(session.id, 0).session.turn_count == 0
    assert asked(store, session) == []
    assert [s.id for s in store.sessions()] == [session.id]
    undone = store.undo(session.id)
    assert undone is not None
    assert (undone.kind, undone.turns, undone.copy) == ("rewind", 2, None)
    assert asked(store, session) == [(1, "a"), (2, "b")]


def test_rewound_turns_whose_places_are_taken_become_a_session(store: Store, session: ChatSession) -> None:
    turns = talk(store, session, *"abc")
    answered(store, turns[0], "also a")
    store.rewind(session.id, 1)
    talk(store, session, "x")
    undone = store.undo(session.id)
    assert undone is not None
    assert undone.copy is not None
    assert (undone.turns, undone.copy.turn_count, undone.copy.model) == (2, 3, session.model)
    assert asked(store, session) == [(1, "a"), (2, "x")]
    assert asked(store, undone.copy) == [(1, "a"), (2, "b"), (3, "c")]
    assert [t.id for t in store.turns(undone.copy.id)][1:] == [t.id for t in turns[1:]]
    assert [a.text for a in store.turns(undone.copy.id)[0].answers] == ["to a", "also a"]
    assert {hit.session.id for hit in store.search("also a")} == {session.id, undone.copy.id}
    talk(store, undone.copy, "goes on")
    assert asked(store, undone.copy)[-1] == (4, "goes on")


def test_rewound_turns_of_a_session_that_began_anew(store: Store, session: ChatSession) -> None:
    talk(store, session, *"ab")
    store.rewind(session.id, 0)
    talk(store, session, "x")
    undone = store.undo()
    assert undone is not None
    assert undone.copy is not None
    assert asked(store, undone.copy) == [(1, "a"), (2, "b")]


def test_undo_goes_back_through_rewinds_of_rewinds(store: Store, session: ChatSession) -> None:
    talk(store, session, *"abcd")
    store.rewind(session.id, 3)
    store.rewind(session.id, 1)
    for expected in ("abc", "abcd"):
        store.undo(session.id)
        assert "".join(question for _n, question in asked(store, session)) == expected


def test_turns_come_back_behind_the_turns_they_stood_behind(store: Store, session: ChatSession) -> None:
    """Twice rewound, with other turns in between: each branch comes back whole."""
    talk(store, session, *"abcd")
    store.rewind(session.id, 3)  # d
    store.rewind(session.id, 1)  # b c
    talk(store, session, *"xyz")
    first, second = store.undo(session.id), store.undo(session.id)
    assert first is not None
    assert first.copy is not None
    assert asked(store, first.copy) == [(1, "a"), (2, "b"), (3, "c")]
    assert second is not None
    assert second.copy is not None
    assert asked(store, second.copy) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert asked(store, session) == [(1, "a"), (2, "x"), (3, "y"), (4, "z")]


def test_delete_hides_a_session_until_undo(store: Store, session: ChatSession) -> None:
    turns = talk(store, session, "棚卸の手順", "b")
    answered(store, turns[1], "rejected")
    deleted = store.delete_session(session.id)
    assert (deleted.kind, deleted.turns, deleted.answers, deleted.rejected) == ("delete", 2, 3, 1)
    assert deleted.session.deleted_at is not None
    assert store.sessions() == []
    assert [s.id for s in store.sessions(deleted=True)] == [session.id]
    assert store.search("棚卸") == []
    assert len(store.turns(session.id)) == 2
    for call in (lambda: store.add_turn(session.id, "?"), lambda: store.delete_session(session.id)):
        with pytest.raises(StoreError, match="deleted"):
            call()
    undone = store.undo()
    assert undone is not None
    assert (undone.kind, undone.turns, undone.session.deleted_at) == ("delete", 2, None)
    assert len(store.search("棚卸")) == 2


def test_an_answer_goes_on_in_a_deleted_session(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    answer = store.add_answer(turn.id, model="m", preset="p", options=WARM, adopted=True)
    store.delete_session(session.id)
    store.save_progress(answer.id, "go", "")
    assert store.finish(answer.id, "complete", text="gone on").text == "gone on"


def test_restore_takes_a_session_out_of_the_trash_and_uses_up_the_act(store: Store, session: ChatSession) -> None:
    other = store.create_session(model="m", preset="p")
    talk(store, other, "x")
    talk(store, session, "y")
    store.delete_session(session.id)
    store.delete_session(other.id)
    assert store.restore_session(session.id).deleted_at is None
    with pytest.raises(StoreError, match="not deleted"):
        store.restore_session(session.id)
    undone = store.undo()
    assert undone is not None
    assert undone.session.id == other.id
    assert store.undo() is None


def test_compact_stands_for_turns_until_undone(store: Store, session: ChatSession) -> None:
    talk(store, session, *"abc")
    store.compact(session.id, 1, "first")
    compacted = store.compact(session.id, 2, "first and second")
    assert (compacted.summary, compacted.summarised) == ("first and second", 2)
    assert len(store.turns(session.id)) == 3
    for expected in (("first", 1), ("", 0)):
        undone = store.undo(session.id)
        assert undone is not None
        assert (undone.kind, undone.session.summary, undone.session.summarised) == ("compact", *expected)
    for through in (0, 4, -1):
        with pytest.raises(NotFound):
            store.compact(session.id, through, "?")


def test_a_rewind_into_summarised_turns_takes_the_summary_with_it(store: Store, session: ChatSession) -> None:
    talk(store, session, *"abc")
    store.compact(session.id, 2, "a and b")
    assert store.rewind(session.id, 2).session.summary == "a and b"
    assert store.rewind(session.id, 1).session.summary == ""
    undone = store.undo()
    assert undone is not None
    assert (undone.session.summary, undone.session.summarised) == ("a and b", 2)


def test_undo_takes_the_newest_of_all_or_of_one_session(store: Store, session: ChatSession) -> None:
    other = store.create_session(model="m", preset="p")
    talk(store, session, *"ab")
    talk(store, other, *"cd")
    store.rewind(session.id, 1)
    store.rewind(other.id, 1)
    store.compact(session.id, 1, "a")
    first, second, third = store.undo(other.id), store.undo(), store.undo()
    assert [(u.kind, u.session.id) for u in (first, second, third) if u] == [
        ("rewind", other.id),
        ("compact", session.id),
        ("rewind", session.id),
    ]
    assert store.undo() is None
    assert store.undo(99) is None


def test_undo_works_after_a_restart_and_when_the_clock_was_set_back(paths: Paths, empty: Path) -> None:
    shutil.copy(empty, paths.database)
    for year, act in ((2026, "first"), (2020, "second")):
        opened = database.open(paths, clock=lambda year=year: datetime(year, 1, 1, tzinfo=UTC))
        session = opened.last_session() or opened.create_session(model="m", preset="p")
        talk(opened, session, act)
        opened.compact(session.id, 1, act)
        opened.close()
    opened = database.open(paths)
    undone = opened.undo()
    opened.close()
    assert undone is not None
    assert undone.session.summary == "first"


# what the user thinks of answers


def test_a_rating_is_kept_and_grows(store: Store, session: ChatSession) -> None:
    answer = answered(store, store.add_turn(session.id, "?"), "1", adopted=True)
    assert store.ratings(answer.turn_id) == []
    store.rate(answer.id, vote="good", blind=True, task="code")
    rating = store.rate(answer.id, accuracy=4, useful=1, comment="短い\ud800", task="code")
    assert store.ratings(answer.turn_id) == [rating]
    assert (rating.vote, rating.accuracy, rating.natural, rating.useful) == ("good", 4, None, 1)
    assert (rating.comment, rating.blind, rating.task, rating.chosen_at) == ("短い\ufffd", False, "code", None)
    assert store.rate(answer.id, vote="bad").vote == "bad"
    assert rating.created_at is not None


def test_a_rating_that_cannot_be_is_refused(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    answer = answered(store, turn, "1")
    for score in (0, 6, -1):
        with pytest.raises(UsageError):
            store.rate(answer.id, natural=score)
    with pytest.raises(TypeError, match="colour"):
        store.rate(answer.id, colour=1)
    with pytest.raises(NotFound):
        store.rate(99, vote="good")
    running = store.add_answer(turn.id, model="m", preset="p", options=WARM)
    with pytest.raises(StoreError, match="still being written"):
        store.rate(running.id, vote="good")
    assert store.ratings(turn.id) == []


def test_choices_have_a_time_and_undo_takes_it_back(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    one, two = answered(store, turn, "1", adopted=True), answered(store, turn, "2")

    def chosen() -> list[str]:
        return [store.answer(r.answer_id).letter for r in store.ratings(turn.id) if r.chosen_at]

    assert chosen() == [], "it stands, but nobody chose it"
    store.adopt(two.id, blind=True, task="fast")
    assert chosen() == ["B"]
    assert [(r.blind, r.task) for r in store.ratings(turn.id)] == [(True, "fast")]
    store.undo()
    assert chosen() == []
    store.keep(turn.id)
    assert chosen() == ["A"]
    assert store.answer(one.id).adopted
    with pytest.raises(StoreError, match="No answer stands"):
        store.keep(store.add_turn(session.id, "no answer").id)


def test_contests_hold_what_was_said_with_all_complete_answers(store: Store, session: ChatSession) -> None:
    turns = [store.add_turn(session.id, str(n)) for n in range(3)]
    for turn in turns:
        answered(store, turn, "stands", adopted=True)
        answered(store, turn, "other")
    failed = store.add_answer(turns[2].id, model="broken", preset="p", options=WARM)
    store.finish(failed.id, "failed", text="half")
    store.adopt(store.turn(turns[0].id).answers[1].id, task="code")
    store.rate(store.turn(turns[2].id).answers[0].id, vote="bad")
    first, second = store.contests()
    assert (first.turn_id, first.task, second.turn_id, second.task) == (turns[0].id, "code", turns[2].id, "")
    assert [(e.adopted, bool(e.rating and e.rating.chosen_at)) for e in first.entries] == [(False, False), (True, True)]
    assert [e.rating.vote if e.rating else None for e in second.entries] == ["bad", None]
    store.rewind(session.id, 0)
    assert len(list(store.contests())) == 2, "what was said stays true of an answer that was rewound"


def test_a_turn_has_the_task_of_its_question_or_the_one_that_was_told(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "次の文を英語に翻訳してください")
    assert store.task(turn.id) == "translation"
    answer = answered(store, turn, "1", adopted=True)
    store.rate(answer.id, vote="good", task="translation")
    store.set_task(turn.id, "writing")
    answered(store, turn, "2")
    assert store.task(turn.id) == "writing"
    assert [line.task for line in store.usage()] == ["writing"]
    assert [c.task for c in store.contests()] == ["writing"]
    file = store.add_turn(session.id, "?", [Attachment("a.txt", "text")])
    assert store.task(file.id) == "documents"
    with pytest.raises(NotFound):
        store.set_task(99, "chat")


def test_usage_counts_what_ended_by_model_preset_and_task(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "Why?")
    costs = [Usage(None, None, 100, 200.0, 0.0, 10.0, 1000.0 * n, 1000.0 * n + 300) for n in (1, 2, 4)]
    for usage in [*costs, Usage(load_ms=900.0, total_ms=float(2**53)), Usage()]:
        made = store.add_answer(turn.id, model="m", preset="p", options=WARM)
        store.finish(made.id, "complete", text="x", usage=usage)
    for status in ("failed", "cancelled"):
        store.finish(store.add_answer(turn.id, model="m", preset="p", options=WARM).id, status, text="")
    store.add_answer(turn.id, model="m", preset="p", options=WARM)  # still waits
    other = store.add_answer(turn.id, model="n", preset="p", options=WARM)
    store.finish(other.id, "complete", text="y", usage=costs[0])
    store.adopt(other.id)
    store.rate(other.id, vote="good", accuracy=5, useful=2)
    store.rate(made.id, vote="bad")
    alone = store.add_turn(session.id, "Alone?")
    answered(store, alone, "nobody was beside it", adopted=True)
    store.keep(alone.id)
    assert sum(line.compared for line in store.usage() if line.preset == "balanced") == 0
    [first, second] = [line for line in usage_by(store.usage(), "model", "preset", "task") if line.preset == "p"]
    assert (first.model, first.preset, first.task, first.answers) == ("m", "p", "reasoning", 7)
    assert (first.complete, first.failed, first.success) == (5, 1, 5 / 6)
    assert (first.total.n, first.first.n, first.load.n, first.speed.n) == (4, 3, 1, 3)
    assert first.speed.at(0.5) == pytest.approx(50, rel=0.011)
    assert first.first.at(0.95) == pytest.approx(200, rel=0.011)
    assert (first.compared, first.chosen, first.bad, first.score) == (4, 0, 1, None)
    assert (second.compared, second.chosen, second.adopted, second.good, second.score) == (1, 1, 1.0, 1, 3.5)
    assert sum(first.weeks.values()) == 5
    both = usage_by(store.usage(), "task")[0]
    assert (both.model, both.task, both.answers, both.total.n) == ("", "reasoning", 8, 5)


def test_usage_since_a_moment(store: Store, session: ChatSession) -> None:
    answered(store, store.add_turn(session.id, "?"), "1", adopted=True)
    made = store.turns(session.id)[0].answers[0].created_at
    assert made is not None
    store.rate(1, vote="good")
    assert [line.good for line in store.usage(made)] == [1]
    later = made + timedelta(microseconds=1)
    assert (store.usage(later), list(store.contests(later))) == ([], [])
    assert (store.usage(None, made), list(store.contests(None, made))) == ([], [])
    assert [line.good for line in store.usage(made, later)] == [1]
    assert len(list(store.contests(made, later))) == 1


def test_ratings_travel_with_their_session_and_are_erased_with_it(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    answered(store, turn, "1", adopted=True)
    other = answered(store, turn, "2")
    store.adopt(other.id, task="code")
    store.rate(other.id, vote="good", accuracy=5, comment="良い", blind=True, task="code")
    exported = list(store.export([session.id]))
    before = next(iter(store.contests()))
    store.purge([session.id])
    assert list(store.contests()) == []
    store.import_(exported)
    [again] = store.contests()
    assert [e.adopted for e in again.entries] == [False, True]
    assert again.entries[1].rating == replace(before.entries[1].rating, answer_id=again.entries[1].rating.answer_id)
    assert list(store.export([store.sessions()[0].id])) == exported


def test_many_contests_are_all_there(store: Store, session: ChatSession) -> None:
    line = next(iter(store.export([session.id])))
    time = line["created_at"]
    answer = {"model": "m", "preset": "p", "status": "complete", "text": "x", "created_at": time}
    rated = answer | {"rating": {"vote": "good", "created_at": time}}
    turns = [
        {
            "number": n + 1,
            "after": n - 1 if n else None,
            "question": "?",
            "created_at": time,
            "answers": [answer, rated],
        }
        for n in range(1100)
    ]
    store.import_([{**line, "uid": "long", "turns": turns}])
    assert sum(len(contest.entries) for contest in store.contests()) == 2200


def test_what_was_adopted_in_rewound_turns_is_taken_back_where_they_went(store: Store, session: ChatSession) -> None:
    turn = store.add_turn(session.id, "?")
    one, two = answered(store, turn, "1", adopted=True), answered(store, turn, "2")
    store.adopt(two.id)
    store.rewind(session.id, 0)
    store.add_turn(session.id, "something else")
    came = store.undo(session.id)
    assert came is not None
    assert came.copy is not None
    store.discard(one.id)
    assert store.undo(session.id) is None
    assert [a.letter for a in store.turn(turn.id).answers if a.adopted] == ["B"], "a hidden one must not come back"
    kinds = [undone.kind for undone in (store.undo(came.copy.id), store.undo(came.copy.id)) if undone]
    assert kinds == ["discard", "adopt"]
    assert [a.letter for a in store.turn(turn.id).answers if a.adopted] == ["A"]
