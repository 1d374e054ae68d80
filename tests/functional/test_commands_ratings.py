"""Votes, scores, and comparing without names."""

import pytest
from remembering import VIEW, RememberingShell

from llamune import i18n
from llamune.chat.blind import shuffled
from llamune.chat.lineup import Candidate
from llamune.chat.ranking import outcomes
from llamune.chat.rating import Rating
from llamune.chat.task import guess
from llamune.commands.ratings import understood
from llamune.errors import StoreError, UsageError


def ratings(shell: RememberingShell) -> dict[str, Rating]:
    store, turn = shell.app.store, shell.conversation.last_turn()
    return {store.answer(r.answer_id).letter: r for r in store.ratings(turn.id)}


def compared(shell: RememberingShell) -> set[tuple[str, str, float]]:
    return {(o.first[1], o.second[1], o.score) for o in outcomes(shell.app.store.contests())}


async def test_votes(shell: RememberingShell) -> None:
    with pytest.raises(UsageError, match="Nothing has been asked"):
        await shell.run("/good")
    await shell.say("How long?")
    assert "A (scripted:list balanced) is noted as good." in await shell.run("/good")
    await shell.run("/retry fast creative")
    assert "B (scripted:list fast) is noted as bad." in await shell.run("/bad ｂ")
    assert {k: (r.vote, r.blind, r.task) for k, r in ratings(shell).items()} == {
        "A": ("good", False, "chat"),
        "B": ("bad", False, "chat"),
    }
    assert compared(shell) == {("balanced", "fast", 1.0), ("balanced", "creative", 1.0)}
    with pytest.raises(UsageError, match="no answer Z"):
        await shell.run("/good Z")


async def test_what_a_question_was_for(shell: RememberingShell) -> None:
    await shell.say("Please write a Python function")
    assert "coding (by the word “python” in the question)" in await shell.run("/task")
    await shell.run("/good")
    assert "writing (as you said)" in await shell.run("/task writing")
    assert ratings(shell)["A"].task == "writing"
    with pytest.raises(UsageError, match="no task called"):
        await shell.run("/task writting")
    i18n.install("ja")
    assert "翻訳（指定されたもの）" in await shell.run("/task 翻訳")
    await shell.say("Hello")
    assert "会話（自動の判定）" in await shell.run("/task")


@pytest.mark.parametrize(
    ("question", "task"),
    [
        ("次の文を英語にしてください", "translation"),
        ("Translate this code comment into Japanese", "translation"),
        ("Ｐｙｔｈｏｎで書いて", "coding"),
        ("この議事録を要約して", "documents"),
        ("13 の 2 割はいくつ?", "reasoning"),
        ("お礼のメールの下書き", "writing"),
        ("decode the barcode", "chat"),
        ("x" * 50_000 + " translate this", "translation"),
        ("", "chat"),
    ],
)
def test_the_rule_for_tasks(question: str, task: str) -> None:
    assert guess(question)[0] == task


async def test_scores_with_a_comment(shell: RememberingShell) -> None:
    await shell.say("How long?")
    out = await shell.run('/rate accuracy 4 natural 5 useful 3 "short 2 and clear"')
    assert "accuracy 4 · naturalness 5 · usefulness 3 · “short 2 and clear”" in out
    rating = ratings(shell)["A"]
    assert (rating.scores, rating.comment) == ((4, 5, 3), "short 2 and clear")
    await shell.run("/rate a useful 1")
    assert ratings(shell)["A"].scores == (4, 5, 1)


@pytest.mark.parametrize(
    ("typed", "letter", "said"),
    [
        (
            "正確さ 4 自然さ５ 有用さ：3 「短い、良い」",
            "",
            {"accuracy": 4, "natural": 5, "useful": 3, "comment": "短い、良い"},
        ),
        ("Ｂ　正確さ４、有用さ=1", "B", {"accuracy": 4, "useful": 1}),
        ("c acc 2", "c", {"accuracy": 2}),
        ("useful: 5 B", "B", {"useful": 5}),
        ("B “only a comment”", "B", {"comment": "only a comment"}),
    ],
)
def test_scores_are_understood(typed: str, letter: str, said: dict[str, object]) -> None:
    assert understood(typed) == (letter, said)


@pytest.mark.parametrize("typed", ["B", "accuracy 6", "accuracy 0", "useful -1", "speed 3", "accuracy", "B C useful 3"])
def test_scores_that_cannot_be_say_why(typed: str) -> None:
    with pytest.raises(UsageError) as error:
        understood(typed)
    assert error.value.hint


async def test_adopting_keeping_and_saying_no_are_choices(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/retry fast", "")
    assert compared(shell) == set(), "nothing was said"
    await shell.run("/retry creative", "n")
    assert compared(shell) == {("balanced", "fast", 1.0), ("balanced", "creative", 1.0)}
    await shell.run("/adopt B")
    assert compared(shell) == {("balanced", "fast", 0.0), ("fast", "creative", 1.0)}
    await shell.run("/undo")
    assert compared(shell) == {("balanced", "fast", 1.0), ("balanced", "creative", 1.0)}
    await shell.run("/keep")
    assert [bool(r.chosen_at) for r in ratings(shell).values()] == [True, False]


async def test_a_single_answer_that_is_kept_was_not_compared(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/keep")
    assert ratings(shell) == {}


# without names


async def test_names_are_hidden_until_a_vote(shell: RememberingShell) -> None:
    await shell.say("How long?")
    assert "on: " in await shell.run("/blind on")
    out = await shell.run("/retry fast creative scripted:echo")
    shown = [out, *[await shell.run(line) for line in ("/answers", "/answer C", "/diff A C", "/diff B C", "/diff B B")]]
    shown.append(
        "".join(f"{word} {about}" for word, about in shell.registry.find("adopt").parameters[0].choices(shell))
    )
    shown.append(await shell.run("/discard D"))
    await shell.run("/undo")
    for text in shown:
        assert not {"fast", "creative", "scripted:echo", "first token"} & set(text.replace("(", " ").split()), text
    with pytest.raises(UsageError, match="which answer"):
        await shell.run("/good")
    out = await shell.run("/good C")
    made = {a.letter: f"{a.model} {a.preset}" for a in shell.conversation.last_turn().answers}
    assert f"the names: B {made['B']} · C {made['C']} · D {made['D']}" in out
    assert f"C ({made['C']}) is noted as good." in out
    assert ratings(shell)["C"].blind
    assert "fast" in await shell.run("/answers")
    assert all(o.blind for o in outcomes(shell.app.store.contests()))


@pytest.mark.parametrize("line", ["/adopt B", "/keep", "/rate B useful 5", "/blind off"])
async def test_whatever_decides_reveals(shell: RememberingShell, line: str) -> None:
    await shell.run("/blind on")
    await shell.say("How long?")
    await shell.run("/retry fast creative")
    assert "the names: B scripted:list " in await shell.run(line)
    assert "(hidden)" not in await shell.run("/answers")
    assert "Beta" in VIEW.show(shell.conversation.last_turn().answers[1], 80)
    assert [r.blind for r in ratings(shell).values()] == ([] if "off" in line else [True])


async def test_one_candidate_is_not_hidden(shell: RememberingShell) -> None:
    await shell.run("/blind on")
    await shell.say("How long?")
    assert "B (scripted:list fast) stands now." in await shell.run("/retry fast", "y")


async def test_an_answer_that_is_being_written_cannot_be_rated(shell: RememberingShell) -> None:
    await shell.say("How long?")
    turn = shell.conversation.last_turn()
    shell.app.store.add_answer(turn.id, model="m", preset="p", options=turn.answers[0].options)
    with pytest.raises(StoreError, match="still being written"):
        await shell.run("/good B")


def test_mixing_keeps_models_together_and_comes_in_every_order() -> None:
    import random

    asked = [Candidate(m, p) for m in "xyz" for p in "12"]
    orders = {tuple(shuffled(asked, random.Random(seed))) for seed in range(400)}
    assert all(set(order) == set(asked) for order in orders)
    assert all(order[i].model == order[i + 1].model for order in orders for i in (0, 2, 4))
    assert len(orders) == 48
