"""Commands about models, presets and what the model sees."""

from pathlib import Path

import pytest
from remembering import RememberingShell

from llamune.engine.scripted import ScriptedEngine
from llamune.errors import LlamuneError, ModelNotFound, UsageError


async def test_models_and_switch(shell: RememberingShell) -> None:
    out = await shell.run("/models")
    assert out.splitlines()[1].split()[:3] == ["★", "1", "scripted:list"]
    assert "4,096" in out
    assert "scripted:embed" not in out
    names = [m.name for m in shell.known]
    number = names.index("scripted:think") + 1
    assert "scripted:think answers from now on." in await shell.run(f"/switch {number}")
    assert shell.conversation.session.model == shell.app.state.model == "scripted:think"
    assert "answers already" in await shell.run("/switch scripted:thi")
    await shell.run("/switch", "scripted:ec")
    assert shell.conversation.session.model == "scripted:echo"
    await shell.run("/switch", "")
    assert shell.conversation.session.model == "scripted:echo"
    for typed, hint in (("scripted:ecko", "scripted:echo"), ("0", "1 to"), ("scripted:e", "scripted:echo")):
        with pytest.raises(LlamuneError) as error:
            await shell.run(f"/switch {typed}")
        assert hint in error.value.hint


async def test_switch_keeps_the_conversation(shell: RememberingShell) -> None:
    await shell.say("one")
    await shell.run("/switch scripted:echo")
    await shell.say("two")
    models = [t.adopted.model for t in shell.app.store.turns(shell.conversation.session.id) if t.adopted]
    assert models == ["scripted:list", "scripted:echo"]


async def test_current(shell: RememberingShell) -> None:
    out = await shell.run("/current")
    assert "new, nothing asked yet" in out
    assert "scripted:list" in out
    assert "temperature 0.7" in out
    await shell.say("one")
    out = await shell.run("/current")
    assert "“one”, 1 turn" in out
    assert "of 4,096 tokens" in out


async def test_preset(shell: RememberingShell) -> None:
    out = await shell.run("/preset")
    assert "★ balanced" in out
    assert "creative" in out
    assert "0.95" in out
    assert "Preset creative from now on" in await shell.run("/preset crea")
    assert shell.conversation.session.preset == shell.app.state.preset == "creative"
    with pytest.raises(UsageError) as error:
        await shell.run("/preset creatve")
    assert "creative" in error.value.hint


async def test_params(shell: RememberingShell) -> None:
    await shell.say("one")
    out = await shell.run("/params")
    assert "temperature       0.7  preset balanced" in out
    assert "not sent" in out
    out = await shell.run("/params temperature ０．５")
    assert "0.5" in out
    assert "by hand" in out
    await shell.run("/params max_tokens 200")
    sent = shell.conversation.options("balanced")
    assert (sent.temperature, sent.num_predict) == (0.5, 200)
    assert "0.7  preset balanced" in await shell.run("/params temperature none")
    await shell.run("/params reset")
    assert shell.conversation.session.overrides.given() == {}
    for typed, hint in (("temperture 1", "temperature"), ("temperature 3", "from 0 to 2"), ("top_k x", "whole number")):
        with pytest.raises(UsageError) as error:
            await shell.run(f"/params {typed}")
        assert hint in error.value.hint


async def test_system(shell: RememberingShell) -> None:
    assert "no system prompt" in await shell.run("/system")
    await shell.run("/system Answer\nin verse.")
    await shell.say("one")
    assert "Answer\nin verse." in await shell.run("/system")
    assert (await shell.conversation.context()).messages[0].content == "Answer\nin verse."
    await shell.run("/system none")
    assert shell.conversation.session.system == ""


async def test_a_missing_model_is_named(shell: RememberingShell) -> None:
    with pytest.raises((ModelNotFound, UsageError)):
        await shell.run("/switch nowhere:1b")
    assert shell.conversation.session.model == "scripted:list"


async def test_context_of_a_long_session_shows_its_beginning_and_its_end(shell: RememberingShell) -> None:
    await shell.run("/system Be short.")
    for number in range(12):
        await shell.say(f"question {number}")
    out = await shell.run("/context")
    assert ("Be short." in out, "question 1\n" in out, "question 2\n" in out) == (True, False, True)
    assert "… 4 messages · /context all" in out
    whole = await shell.run("/context all")
    assert ("/context all" in whole, "question 1\n" in whole) == (False, True)
    assert "question 1\n" in await shell.run("/context A")


async def test_context_shows_exactly_what_is_sent(shell: RememberingShell) -> None:
    assert "sees nothing yet" in await shell.run("/context")
    await shell.run("/system Be short.")
    await shell.say("one")
    await shell.run("/switch scripted:refused")
    await shell.say("two")
    await shell.run("/switch scripted:echo")
    out = await shell.run("/context")
    shown = [(v.title, v.text) for v in shell.values if hasattr(v, "title")]
    await shell.say("three")
    engine = shell.app.catalog.engine("scripted")
    assert isinstance(engine, ScriptedEngine)
    sent = [(m.role, m.content) for m in engine.requests[-1].messages]
    assert shown == sent[:-1]
    assert "turns without an answer: 2" in out
    assert "of 4,096 tokens" in out
    assert "temperature 0.7" in out


async def test_context_size(shell: RememberingShell) -> None:
    await shell.say("one")
    assert "reads 4,096 tokens" in await shell.run("/context size")
    out = await shell.run("/context size 2048")
    assert "reads 2,048 tokens from now on (before: 4,096)" in out
    assert "loaded again" in out
    assert (await shell.conversation.context()).num_ctx == 2048
    for typed in ("255", "4097"):
        with pytest.raises(UsageError) as error:
            await shell.run(f"/context size {typed}")
        assert error.value.hint == "It can be 256 to 4,096."
    with pytest.raises(UsageError, match="does not know"):
        await shell.run("/context big")


async def test_compact_shows_keeps_and_can_be_undone(shell: RememberingShell) -> None:
    await shell.say("one", "two")
    with pytest.raises(UsageError, match="nothing to compact"):
        await shell.run("/compact")
    await shell.say("three")
    out = await shell.run("/compact")
    assert "summary of turns 1 to 1" in out
    assert "Delta." in out
    seen = (await shell.conversation.context()).messages
    assert [m.content for m in seen][:2] == ["Delta.", "two"]
    assert "one" in await shell.run("/history")
    assert "the model sees a summary" in shell.out
    assert "stands for turns 1 to 1" in await shell.run("/context")
    assert "The summary is taken back" in await shell.run("/undo")
    assert (await shell.conversation.context()).messages[0].content == "one"


async def test_an_empty_summary_changes_nothing(shell: RememberingShell) -> None:
    await shell.say("one", "two", "three")
    await shell.run("/switch scripted:silent")
    with pytest.raises(LlamuneError, match="empty"):
        await shell.run("/compact")
    assert shell.conversation.session.summarised == 0


async def test_attach(shell: RememberingShell, tmp_path: Path) -> None:
    (tmp_path / "my notes.md").write_text("text")
    assert "my notes.md (4 characters) goes with the next question." in await shell.run('/attach "my notes.md"')
    await shell.run(f"/attach {tmp_path}/my notes.md")
    assert [a.text for a in shell.attached] == ["text", "text"]
    with pytest.raises(UsageError, match=r"There is no file none\.md"):
        await shell.run("/attach none.md")
