"""Commands about answers and turns, on the real store and the scripted engine."""

import asyncio
from pathlib import Path

import pytest
from remembering import RememberingShell

from llamune.chat.events import AnswerQueued
from llamune.chat.lineup import read
from llamune.chat.session import Attachment
from llamune.engine.scripted import ScriptedEngine
from llamune.errors import SettingsError, UsageError
from llamune.network.counts import Group, Snapshot
from llamune.network.processes import CONTAINER


async def test_retry_of_one_asks_and_adopts(shell: RememberingShell) -> None:
    await shell.say("How long?")
    out = await shell.run("/retry creative", "d", "y")
    assert shell.asked == ["adopt B? [y]es / [n]o / [d]iff "] * 2
    assert "Alpha 14 days." in out
    assert "Beta 30 days." in out
    assert shell.texts() == {"A": "Alpha 14 days.", "B*": "Beta 30 days."}
    assert shell.conversation.last_turn().answers[1].preset == "creative"
    assert "B (scripted:list creative) stands now." in out


@pytest.mark.parametrize("reply", ["", "n", "ｎ", "いいえ"])
async def test_retry_keeps_the_original_unless_told(shell: RememberingShell, reply: str) -> None:
    await shell.say("How long?")
    assert "A (scripted:list balanced) stays." in await shell.run("/retry 1", reply)
    assert shell.texts() == {"A*": "Alpha 14 days.", "B": "Beta 30 days."}


@pytest.mark.parametrize("reply", ["y", "ｙ", "YES", "はい"])
async def test_yes_may_be_typed_with_the_input_method_on(shell: RememberingShell, reply: str) -> None:
    await shell.say("How long?")
    await shell.run("/retry 1", reply)
    assert "B*" in shell.texts()


async def test_a_question_typed_where_yes_or_no_was_asked_is_not_lost(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/retry 1", "And in Osaka?")
    assert shell.input == "And in Osaka?"
    assert "A*" in shell.texts()


async def test_retry_without_an_argument_lists_and_asks(shell: RememberingShell) -> None:
    await shell.say("How long?")
    out = await shell.run("/retry", "2/fast 1")
    assert shell.asked == ["retry ❯ "]
    assert out.splitlines()[1].split()[:3] == ["★", "1", "scripted:list"]
    assert "2  scripted:echo" in out
    assert "balanced" in out
    assert "scripted:embed" not in out, "it cannot answer"
    assert shell.texts() == {"A*": "Alpha 14 days.", "B": "How long?", "C": "Beta 30 days."}
    assert "/adopt B · /keep · /diff A B" in out
    assert "A (scripted:list balanced) stays." in out


async def test_answers_of_one_model_are_made_one_after_the_other(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/retry scripted:list/fast scripted:echo/fast scripted:list/creative")
    assert [(e.letter, e.model) for e in shell.events[-20:] if isinstance(e, AnswerQueued)] == [
        ("B", "scripted:list"),
        ("D", "scripted:list"),
        ("C", "scripted:echo"),
    ]
    engine = shell.app.catalog.engine("scripted")
    assert isinstance(engine, ScriptedEngine)
    assert [r.model for r in engine.requests[1:]] == ["scripted:list", "scripted:list", "scripted:echo"]


async def test_retry_goes_back_on_an_empty_line(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/retry", " ")
    assert len(shell.texts()) == 1


async def test_numbers_mean_the_list_that_was_shown(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/models")
    second = shell.known[1].name
    await shell.run("/switch scripted:markdown")
    await shell.run("/retry 2", "n")
    assert shell.conversation.last_turn().answers[-1].model == second


async def test_a_failed_retry_changes_nothing_and_asks_nothing(shell: RememberingShell) -> None:
    await shell.say("How long?")
    out = await shell.run("/retry scripted:refused")
    assert shell.asked == []
    assert "A (scripted:list balanced) stays." in out
    assert shell.conversation.last_turn().answers[1].status == "failed"


async def test_of_several_the_ways_on_are_said_even_when_only_one_came(shell: RememberingShell) -> None:
    await shell.say("How long?")
    out = await shell.run("/retry 1 scripted:refused")
    assert shell.asked == []
    assert "/adopt B · /keep · /diff A B" in out


async def test_retry_refuses_with_near_matches(shell: RememberingShell) -> None:
    with pytest.raises(UsageError, match="Nothing has been asked"):
        await shell.run("/retry 1")
    await shell.say("How long?")
    for typed in ("scripted:lisst", "99", "1/creativ"):
        with pytest.raises(UsageError) as error:
            await shell.run(f"/retry {typed}")
        assert error.value.hint
    assert len(shell.texts()) == 1


async def test_adopt_keep_discard_and_the_way_back(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/retry 1 scripted:echo")
    assert "stands now" in await shell.run("/adopt c")
    assert shell.texts() == {"A": "Alpha 14 days.", "B": "Beta 30 days.", "C*": "How long?"}
    assert "stands already" in await shell.run("/adopt C")
    assert "C (scripted:echo balanced) stays. The others stay" in await shell.run("/keep")
    with pytest.raises(UsageError, match="is the one that stands"):
        await shell.run("/discard C")
    assert "is hidden" in await shell.run("/discard B")
    assert "Beta" not in await shell.run("/answers")
    assert "The hidden answer is back" in await shell.run("/undo")
    assert "Beta" in await shell.run("/answers")
    assert "stands again" in await shell.run("/undo")
    assert "A*" in shell.texts()
    with pytest.raises(UsageError, match="no answer Z"):
        await shell.run("/adopt Z")


async def test_an_answer_without_text_cannot_stand(shell: RememberingShell) -> None:
    await shell.say("How long?")
    await shell.run("/retry scripted:refused")
    with pytest.raises(UsageError, match="has no text"):
        await shell.run("/adopt B")


async def test_answer_and_diff(shell: RememberingShell) -> None:
    await shell.say("How long?")
    with pytest.raises(UsageError, match="only one answer"):
        await shell.run("/diff")
    await shell.run("/retry 1 scripted:echo")
    out = await shell.run("/answer B")
    assert "Beta 30 days." in out
    assert "Alpha" not in out
    left, right, _share = (await shell.run("/diff A B"), *shell.values)[1:]
    assert [left.text[a:b] for a, b in left.marks] == ["Alpha 14"]
    assert [right.text[a:b] for a, b in right.marks] == ["Beta 30"]
    await shell.run("/diff")
    assert [v.head[0] for v in shell.values[:2]] == ["A", "C"]
    await shell.run("/diff B")
    assert [v.head[0] for v in shell.values[:2]] == ["A", "B"]
    assert "the same, word for word" in await shell.run("/diff A A")


async def test_history_numbers_and_shortens(shell: RememberingShell) -> None:
    with pytest.raises(UsageError, match="Nothing has been asked"):
        await shell.run("/history")
    await shell.run("/switch scripted:echo")
    long = "\n".join(f"line {n}" for n in range(30))
    await shell.say(*(f"question {n}" for n in range(1, 23)), long)
    out = await shell.run("/history")
    assert "the last 20 of 23 turns" in out
    assert "4 ❯ question 4" in out
    assert "question 3\n" not in out
    assert out.count("line 29") == 1, "in the question, not in its answer"
    assert "line 3 …" in out
    assert (await shell.run("/history 23")).count("line 29") == 2
    for typed in ("0", "24"):
        with pytest.raises(UsageError, match="There is no turn"):
            await shell.run(f"/history {typed}")


async def test_rewind_says_what_goes_and_how_it_comes_back(shell: RememberingShell) -> None:
    await shell.say("one", "two", "three")
    await shell.run("/retry 1", "n")
    out = await shell.run("/rewind 1", "")
    assert "After turn 1 these go: 2 turns, 3 answers (1 not adopted)." in out
    assert shell.conversation.session.turn_count == 3, "Enter alone destroys nothing"
    out = await shell.run("/rewind 1", "y")
    assert "Back at turn 1 “one”. /undo brings the 2 turns back." in out
    assert shell.conversation.session.turn_count == 1
    assert "Back again: 2 turns." in await shell.run("/undo")
    assert shell.conversation.session.turn_count == 3
    assert "nothing comes after it" in await shell.run("/rewind 3")
    assert "Back at the beginning." in await shell.run("/rewind 0", "y")
    assert shell.conversation.session.turn_count == 0
    with pytest.raises(UsageError, match="Nothing has been asked"):
        await shell.run("/rewind 4")


async def test_turns_whose_place_was_taken_come_back_beside(shell: RememberingShell) -> None:
    await shell.say("one", "two")
    await shell.run("/rewind 1", "y")
    await shell.say("other")
    out = await shell.run("/undo")
    copy = shell.app.store.sessions()[0]
    assert f"/resume {copy.id}" in out
    assert "a session of their own" in out
    assert [t.question for t in shell.app.store.turns(copy.id)] == ["one", "two"]


async def test_undo_with_nothing_to_undo(shell: RememberingShell) -> None:
    assert "nothing to take back" in await shell.run("/undo")


async def test_edit_takes_the_turn_back_and_its_question_out(shell: RememberingShell) -> None:
    await shell.say("one", "two\nlines")
    out = await shell.run("/edit")
    assert shell.input == "two\nlines"
    assert shell.conversation.session.turn_count == 1
    assert "Turn 2 with 1 answer is taken back" in out
    await shell.run("/undo")
    assert shell.conversation.session.turn_count == 2


async def test_edit_brings_attached_files_along_once(shell: RememberingShell, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("B")
    files = (Attachment("a.txt", "A"), Attachment("b.txt", "B"))
    await shell.watch(await shell.conversation.ask("see @b.txt", files), shell.conversation.last_turn())
    await shell.run("/edit")
    assert [a.name for a in shell.attached] == ["a.txt"], "the other one is named in the question"


async def test_copy(shell: RememberingShell) -> None:
    await shell.run("/switch scripted:markdown")
    await shell.say("one")
    await shell.run("/copy code")
    assert shell.clipboard == "print('こんにちは')\n"
    await shell.run("/copy")
    assert shell.clipboard is not None
    assert shell.clipboard.startswith("# 見出し")
    await shell.run("/retry scripted:echo", "n")
    await shell.run("/copy B")
    assert shell.clipboard == "one"
    with pytest.raises(UsageError, match="no answer X"):
        await shell.run("/copy X")
    await shell.run("/adopt B")
    with pytest.raises(UsageError, match="There is no code in B"):
        await shell.run("/copy code")
    shell.clipboard = None
    out = await shell.run("/copy")
    assert "no way to its clipboard" in out
    assert "one" in out


async def test_think(shell: RememberingShell) -> None:
    await shell.say("one")
    assert "came without any thinking" in await shell.run("/think")
    await shell.run("/retry scripted:think", "y")
    assert "The user asks something. I repeat it." in await shell.run("/think")
    await shell.run("/think off")
    assert shell.app.settings.thinking == "off"
    await shell.run("/retry scripted:think", "y")
    assert "came without any thinking" in await shell.run("/think")
    await shell.run("/think on")
    assert shell.app.settings.thinking == "fold"
    with pytest.raises(SettingsError, match="thinking"):
        await shell.run("/think maybe")


@pytest.mark.parametrize(
    ("group", "told"),
    [
        (Group("engine", {}, by="", problem=CONTAINER), "Ollama – – not measured outside"),
        (Group("engine", {}, by=""), "Ollama (not running) – – 0 B"),
        (Group("engine", {}, by="uid"), "Ollama (by its user) – – 0 B"),
    ],
)
async def test_an_engine_that_cannot_be_seen_is_not_called_off(
    shell: RememberingShell, monkeypatch: pytest.MonkeyPatch, group: Group, told: str
) -> None:
    own = Group("llamune", {}, (1,))
    monkeypatch.setattr(shell.app, "measured", lambda: Snapshot(0, 1, (own, group), samples=1))
    out = " ".join((await shell.run("/traffic")).split())
    assert told in out
    assert f"not measured: {group.problem}" in out or not group.problem


async def test_leaving_cuts_what_is_made_behind_and_keeps_what_came(shell: RememberingShell) -> None:
    """When `aclose` is over, nothing runs any more and the row says so: the store is closed next."""
    await shell.say("How long?")
    turn = shell.conversation.last_turn()
    running = await shell.conversation.behind(turn, [read("scripted:endless/fast")])
    shell.background.start(turn, running)
    async with asyncio.timeout(20):
        while not (shell.background.open and shell.background.open[0].text):  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0.01)
        await shell.background.aclose()
    behind = shell.conversation.last_turn().answers[1]
    assert (behind.status, bool(behind.text), shell.background.open) == ("cancelled", True, [])
    assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("line-up")]
