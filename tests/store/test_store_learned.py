"""Which of the own answers a model learns from: those the user chose or rated well, never those rated badly."""

from collections.abc import Callable

from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Turn
from llamune.store.store import SqlStore
from llamune.training.dataset.gather import conversations

Say = Callable[..., Turn]


def said(store: SqlStore) -> list[list[tuple[str, str]]]:
    return [[(m.role, m.content) for m in pair.messages] for pair in conversations(store)]


def test_nothing_without_a_judgement(store: SqlStore, say: Say) -> None:
    session = store.create_session(model="m", preset="p")
    say(store, session.id, "q1", "a1")
    assert said(store) == []


def test_good_and_chosen_answers_with_what_stood_before(store: SqlStore, say: Say) -> None:
    session = store.create_session(model="m", preset="p", system="Be brief.")
    say(store, session.id, "q1", "a1")
    second = say(store, session.id, "q2", "a2", "b2")
    store.adopt(second.answers[1].id)
    third = say(store, session.id, "q3", "a3")
    store.rate(third.answers[0].id, vote="good")
    begin = [("system", "Be brief."), ("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "b2")]
    assert said(store) == [begin, [*begin, ("user", "q3"), ("assistant", "a3")]]


def test_a_bad_vote_wins_over_the_choice(store: SqlStore, say: Say) -> None:
    session = store.create_session(model="m", preset="p")
    turn = say(store, session.id, "q", "a", "b")
    store.adopt(turn.answers[1].id)
    store.rate(turn.answers[1].id, vote="bad")
    assert said(store) == []


def test_only_whole_answers(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    turn = store.add_turn(session.id, "q")
    answer = store.add_answer(turn.id, model="m", preset="p", options=SamplingOptions(), adopted=True)
    store.finish(answer.id, "stopped", text="half of")
    store.rate(answer.id, vote="good")
    assert said(store) == []


def test_every_session_and_none_that_was_deleted(store: SqlStore, say: Say) -> None:
    for number in range(205):  # more than are read at once
        session = store.create_session(model="m", preset="p")
        store.rate(say(store, session.id, f"q{number}", "a").answers[0].id, vote="good")
    store.delete_session(session.id)
    found = {rows[0][1] for rows in said(store)}
    assert found == {f"q{n}" for n in range(204)}
