"""Extra prompts and domain modes in the chat."""

from pathlib import Path

import pytest
from remembering import RememberingShell

from llamune.chat.ports import ChatRequest
from llamune.chat.session import Answer
from llamune.commands.lineup import candidates
from llamune.commands.prompts import READY
from llamune.errors import NotFound, UsageError
from llamune.library import Library
from llamune.store import database

MODE = """\
preset = "fast"
corpora = ["rules", "gone"]
models = ["absent", "scripted:mark"]
lineup = ["scripted:echo/code", "absent"]
system.en = "You audit."
prompts.en = ["Quote."]
greeting.en = "Welcome."
"""


@pytest.fixture
def shell(shell: RememberingShell) -> RememberingShell:
    app = shell.app
    app.library = Library(app.paths, lambda: app.settings, lambda: app.store, app.open_catalog, scripted=True)
    shell.conversation = app.conversation()
    return shell


def sent(shell: RememberingShell) -> list[ChatRequest]:
    return shell.app.catalog.engines[0].requests  # type: ignore[attr-defined,no-any-return]


def system(shell: RememberingShell) -> str:
    first = sent(shell)[-1].messages[0]
    return first.content if first.role == "system" else ""


async def test_where_a_prompt_holds(shell: RememberingShell) -> None:
    assert "Nothing goes along" in await shell.run("/prompt")
    assert "Prompt 1 goes along in this session: about" in await shell.run("/prompt add “Be brief.”")
    await shell.run("/prompt add japanese --always")
    await shell.run("/prompt add 「監査用」 --mode audit")
    await shell.say("?")
    assert system(shell) == f"{READY['japanese']}\n\nBe brief."
    out = await shell.run("/prompt")
    assert "2 prompts are sent now" in out
    assert "always" in out
    assert "監査用" not in out
    await shell.run("/new")
    await shell.say("?")
    assert system(shell) == READY["japanese"]


async def test_switching_versions_and_removing(shell: RememberingShell) -> None:
    await shell.run("/prompt add --always First.")
    await shell.say("?")
    assert "version 2 now" in await shell.run('/prompt edit 1 "Second."')
    await shell.say("?")
    await shell.run("/prompt off 1")
    await shell.say("?")
    assert [r.messages[0].content for r in sent(shell)] == ["First.", "Second.", "?"]
    out = await shell.run("/prompt show 1")
    assert out.index("version 2") < out.index("Second.") < out.index("version 1") < out.index("First.")
    await shell.run("/prompt edit #1")
    assert shell.input == "/prompt edit 1 Second."
    assert "/prompt on 1 brings it back" in await shell.run("/prompt remove 1")
    assert "Nothing goes along" in await shell.run("/prompt")
    await shell.run("/prompt on 1")
    await shell.say("?")
    assert system(shell) == "Second."
    numbers = [[(p.number, p.version) for p in a.seen.prompts] for a in _answers(shell) if a.seen]
    assert numbers == [[(1, 1)], [(1, 2)], [(1, 2)]]


def _answers(shell: RememberingShell) -> list[Answer]:
    return [t.answers[0] for t in shell.app.store.turns(shell.conversation.session.id)]


async def test_a_prompt_from_a_file(shell: RememberingShell, tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_bytes("敬語で。\n".encode("cp932"))
    await shell.run("/prompt add @rules.txt --session")
    await shell.say("?")
    assert system(shell) == "敬語で。"


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("/prompt add", "What shall be sent"),
        ("/prompt add --always", "What shall be sent"),
        ("/prompt add x --mode nix", "no mode called nix"),
        ("/prompt off", "Which prompt"),
        ("/prompt frobnicate", "does not know"),
    ],
)
async def test_what_is_typed_wrong(shell: RememberingShell, line: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        await shell.run(line)
    with pytest.raises(NotFound):
        await shell.run("/prompt on 99")


async def test_a_mode_sets_everything_and_gives_it_back(shell: RememberingShell) -> None:
    folder = shell.app.paths.modes
    folder.mkdir()
    (folder / "mine.toml").write_text(MODE)
    shell.app.state.remember(lineup=["scripted:list/fast"], lineup_on=False)
    out = await shell.run("/mode mine")
    for told in ("scripted:markdown", "fast", "You audit.", "Quote.", "rules", "not here: gone", "Welcome."):
        assert told in out
    await shell.say("hello")
    session = shell.conversation.session
    assert (session.mode, session.model, session.preset, session.corpora) == (
        *("mine", "scripted:markdown", "fast", ("rules",)),
    )
    assert [str(c) for c in candidates(shell)] == ["scripted:echo/code", "absent/fast"]
    await shell.run("/lineup remove 2")
    assert [str(c) for c in candidates(shell)] == ["scripted:echo/code"]
    assert (shell.app.state.lineup, shell.app.state.lineup_on) == (["scripted:list/fast"], False), "of other sessions"
    await shell.run("/knowledge off")
    await shell.say("hello")
    assert system(shell) == "You audit.\n\nQuote."
    again = database.open(shell.app.paths)
    assert again.session(session.id).mode == "mine"
    again.close()
    await shell.run("/switch scripted:echo")
    assert "Mode mine is off" in await shell.run("/mode off")
    session = shell.conversation.session
    assert (session.mode, session.system, session.preset) == ("", "", "balanced")
    assert session.model == "scripted:echo", "what was changed by hand stays"
    assert (shell.app.state.lineup, candidates(shell)) == (["scripted:list/fast"], [])
    with pytest.raises(UsageError, match="No mode is on"):
        await shell.run("/mode off")


async def test_one_mode_after_another(shell: RememberingShell) -> None:
    await shell.run("/mode audit")
    await shell.run("/mode cod")
    assert (shell.conversation.session.mode, shell.conversation.session.preset) == ("coding", "code")
    await shell.run("/mode off")
    session = shell.conversation.session
    assert (session.mode, session.system, session.preset, session.model) == ("", "", "balanced", "scripted:list")


async def test_modes_are_listed_and_a_broken_one_is_named(shell: RememberingShell) -> None:
    folder = shell.app.paths.modes
    folder.mkdir()
    (folder / "broken.toml").write_text("preset = ")
    await shell.run("/mode audit")
    out = await shell.run("/mode")
    assert "audit" in out
    assert str(folder / "broken.toml") in out.replace("\n", "")
    with pytest.raises(UsageError, match="no mode called broken"):
        await shell.run("/mode broken")


async def test_a_mode_whose_file_is_gone_sends_no_prompt_of_it(shell: RememberingShell) -> None:
    folder = shell.app.paths.modes
    folder.mkdir()
    (folder / "mine.toml").write_text(MODE)
    await shell.run("/mode mine")
    (folder / "mine.toml").unlink()
    await shell.run("/knowledge off")
    await shell.say("hello")
    assert system(shell) == "You audit."
    await shell.run("/mode off")
