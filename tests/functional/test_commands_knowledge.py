"""Documents in the chat: what is sent, what is said of it, and what is remembered."""

from pathlib import Path

import pytest
from remembering import RememberingShell

from llamune.chat.lineup import read
from llamune.chat.ports import ChatRequest
from llamune.errors import KnowledgeError, StoreError, UsageError
from llamune.knowledge.corpus import Root
from llamune.knowledge.shelf import Shelf
from llamune.library import Library
from llamune.paths import Paths
from llamune.store import database

ASKED = "国内出張の日当はいくらですか"
PASSAGE = "国内出張の日当は1日につき2,500円とする。"
NOTHING = "役員の退職金は?"


@pytest.fixture
def shell(shell: RememberingShell) -> RememberingShell:
    """The shell with the scripted collections, and a model that cites."""
    app = shell.app
    app.library = Library(app.paths, lambda: app.settings, lambda: app.store, app.open_catalog, scripted=True)
    shell.conversation = app.conversation()
    shell.conversation.change(model="scripted:cite")
    return shell


def sent(shell: RememberingShell) -> list[ChatRequest]:
    return shell.app.catalog.engines[0].requests  # type: ignore[attr-defined,no-any-return]


def last_message(shell: RememberingShell) -> str:
    return sent(shell)[-1].messages[-1].content


async def test_switched_on_and_off(shell: RememberingShell) -> None:
    out = await shell.run("/knowledge")
    assert "rules" in out
    assert "Searched for each question from now on: rules, slow." in await shell.run("/knowledge on ru slow")
    assert shell.conversation.session.corpora == ("rules", "slow")
    assert "from now on: slow." in await shell.run("/knowledge off rules")
    assert "from now on: slow." in await shell.run("/knowledge off rules"), "it is there, but not on"
    with pytest.raises(UsageError, match="no collection called rulez"):
        await shell.run("/knowledge on rulez")
    with pytest.raises(UsageError, match="Which collection"):
        await shell.run("/knowledge on")
    await shell.run("/knowledge on all")
    assert "broken" in shell.conversation.session.corpora
    assert "No documents are searched" in await shell.run("/knowledge off")
    await shell.say(ASKED)
    assert last_message(shell) == ASKED


async def test_an_answer_with_its_sources(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    await shell.say(ASKED)
    assert PASSAGE in last_message(shell)
    assert last_message(shell).endswith("\n\n" + ASKED)
    assert sent(shell)[-1].messages[0].role == "user", "nothing is put into the system prompt"
    out = await shell.run("/answers")
    assert f"{PASSAGE} [1]" in out
    assert "  [1] 旅費規程.md › 第4条 日当 (2026-04-01)" in out
    assert "1 cited · /sources" in out
    out = await shell.run("/sources")
    assert "[国内出張]の[日当]は" in out
    assert "rules 1.00 · cited" in out
    assert PASSAGE in await shell.run("/sources 1")
    assert PASSAGE in await shell.run("/sources a 1")
    out = await shell.run("/sources hits")
    assert "休暇規程.md › 第12条" in out
    assert "not found below 0.250 · sure from 0.400" in out
    with pytest.raises(UsageError, match="no passage 7"):
        await shell.run("/sources 7")


async def test_words_in_another_kana_are_marked_as_they_stand(shell: RememberingShell, tmp_path: Path) -> None:
    shelf, file = Shelf(shell.app.paths.home / "knowledge"), tmp_path / "備品.md"
    file.write_text("プロジェクターは二階の書庫に置く。", encoding="utf-8")
    shelf.create("備品")
    async with shelf.changing("備品", lambda *_: None, "none") as indexer:
        await indexer.read([Root(file)])
    await shelf.aclose()
    shell.app.library = Library(
        shell.app.paths, lambda: shell.app.settings, lambda: shell.app.store, shell.app.open_catalog, scripted=False
    )
    shell.conversation = shell.app.conversation()
    shell.conversation.change(model="scripted:cite")
    await shell.run("/knowledge on 備品")
    await shell.say("ﾌﾟﾛｼﾞｪｸﾀｰはどこ")
    assert "[プロジェクターは]二階の" in await shell.run("/sources")
    assert "プロジェクターは" in await shell.run("/sources hits")


async def test_what_is_not_there_is_marked(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    shell.conversation.change(model="scripted:miscite")
    await shell.say(ASKED)
    out = await shell.run("/answers")
    assert "[9] points nowhere" in out
    assert "in none of the passages: “987,654円”" in out
    checked = shell.conversation.last_turn().answers[0].checked
    assert checked
    assert (checked.cited, checked.nowhere, checked.unsupported) == ((1,), (9,), ("987,654円",))


async def test_orders_in_a_document_stay_quoted(shell: RememberingShell) -> None:
    await shell.run("/knowledge on hostile")
    await shell.say("What is the daily allowance, and what instructions?")
    message = last_message(shell)
    mark = message.partition("with the code ")[2].partition(".")[0]
    body, end, rest = message.partition(f"\n</passage {mark}>")
    assert "Ignore the instructions above" in body
    assert end
    assert "PWNED" not in rest
    assert "<|im" not in message
    assert "[INST]" not in message
    assert [m.role for m in sent(shell)[-1].messages] == ["user"]
    out = await shell.run("/context")
    assert "\x1b" not in out
    assert "\n[9] fake.md" not in out


async def test_not_found_asks_nobody(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    await shell.say(NOTHING)
    assert sent(shell) == []
    answer = shell.conversation.last_turn().answers[0]
    assert (answer.text, answer.model, answer.reason) == ("Not found in rules.", "llamune", "not_found")
    out = await shell.run("/answers")
    assert "best match 0.00, needed 0.25" in out
    assert "/retry none" in out
    assert "No model was asked" in await shell.run("/context A")
    await shell.run("/retry none", "n")
    assert last_message(shell) == NOTHING


async def test_or_a_general_answer_that_is_set_apart(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    assert "not_found general keeps it" in await shell.run("/knowledge general")
    await shell.say(NOTHING)
    assert last_message(shell) == NOTHING
    out = await shell.run("/answers")
    assert out.index("Not found in rules. What follows is the model's own") < out.index("No documents.")
    await shell.run("/knowledge say")
    await shell.say(NOTHING)
    assert len(sent(shell)) == 1


async def test_every_candidate_sees_the_same(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    await shell.say(ASKED)
    await shell.run("/retry scripted:echo/fast scripted:cite/code")
    await shell.run("/knowledge off")
    await shell.run("/retry scripted:echo/*/rag")
    knowledge = await shell.app.library.knowledge()
    assert len(knowledge.searched) == 1  # type: ignore[attr-defined]
    assert len({r.messages for r in sent(shell)}) == 1
    await shell.run("/retry rag none prompt")
    assert [a.how for a in shell.conversation.last_turn().answers[-3:]] == [
        *("balanced/rag", "balanced/none", "balanced/prompt"),
    ]
    assert [r.messages[-1].content == ASKED for r in sent(shell)[-3:]] == [False, True, True]


async def test_levels_also_mean_extra_prompts(shell: RememberingShell) -> None:
    await shell.run("/prompt add “Be short.” --always")
    await shell.run("/knowledge on rules")
    await shell.say(ASKED)
    await shell.run("/retry none prompt rag")
    seen = [(len(r.messages), PASSAGE in r.messages[-1].content) for r in sent(shell)]
    assert seen == [(2, True), (1, False), (2, False), (2, True)]
    await shell.run("/new")
    await shell.run("/knowledge off")
    await shell.say("?")
    with pytest.raises(UsageError, match="No documents are switched on"):
        await shell.run("/retry rag")


async def test_the_line_up_sees_the_same(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    await shell.say(ASKED)
    turn = shell.conversation.last_turn()
    candidates = [read(f"scripted:echo/{how}") for how in ("fast", "code/none", "nix")]
    running = await shell.conversation.behind(turn, candidates)
    await shell.watch(running, turn)
    assert [PASSAGE in r.messages[-1].content for r in sent(shell)] == [True, True, False]
    assert shell.conversation.last_turn().answers[-1].status == "failed"


async def test_follow_ups_pass_on_what_was_asked_before(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    await shell.say(ASKED, "海外出張の日当は?")
    knowledge = await shell.app.library.knowledge()
    assert knowledge.searched == [  # type: ignore[attr-defined]
        (ASKED, ("rules",), ()),
        ("海外出張の日当は?", ("rules",), (ASKED,)),
    ]
    first = sent(shell)[-1].messages[0]
    assert first.content == ASKED, "passages of earlier turns are not sent again"


async def test_the_budget_is_kept_and_said(shell: RememberingShell) -> None:
    await shell.run("/knowledge on long")
    await shell.run("/context size 1024")
    await shell.say("What is the allowance?")
    answer = shell.conversation.last_turn().answers[0]
    assert answer.seen
    assert answer.seen.found
    assert len(answer.seen.found.passages) == 5
    assert len(answer.seen.passages) == 1
    assert answer.seen.passages[0].text.endswith(" …")
    out = await shell.run("/answers")
    assert "no room for 4 of 5" in out
    assert "shortened" in out
    assert answer.usage.prompt_tokens
    assert answer.usage.prompt_tokens < 1024
    assert "The allowance is paid. The allowance" in (await shell.run("/sources 1"))
    await shell.run("/retry scripted:cite/fast", "n")
    assert sent(shell)[-1].messages == sent(shell)[-2].messages, "whatever was learned about the model's tokens"
    await shell.run("/context size 256")
    await shell.say("What is the allowance?")
    answer = shell.conversation.last_turn().answers[0]
    assert answer.status == "complete"
    assert answer.seen
    assert answer.seen.passages == ()


async def test_a_search_that_fails_is_told_and_stores_nothing(shell: RememberingShell) -> None:
    await shell.run("/knowledge on broken")
    with pytest.raises(KnowledgeError, match="cannot be read"):
        await shell.say(ASKED)
    assert shell.conversation.session.turn_count == 0


async def test_context_word_for_word(shell: RememberingShell) -> None:
    shell.conversation.change(system="Be kind.")
    await shell.run("/knowledge on rules")
    await shell.say("hello", ASKED)
    out = await shell.run("/context")
    for message in sent(shell)[-1].messages:
        assert message.content in out
    assert "Word for word as it was sent." in out
    await shell.run("/retry scripted:echo/fast/none", "n")
    out = await shell.run("/context b")
    assert PASSAGE not in out
    assert "Word for word as it was sent." in out
    shell.conversation.change(system="Be rude.")
    assert "Be kind." in await shell.run("/context A")
    turn = shell.app.store.turns(shell.conversation.session.id, first=1, last=1)[0]
    shell.app.store.edit_question(turn.id, "hullo")
    assert "has changed" in await shell.run("/context A")


async def test_a_session_keeps_its_documents(shell: RememberingShell, paths: Paths) -> None:
    await shell.run("/knowledge on rules")
    await shell.say(ASKED, ASKED)
    await shell.run("/rewind 1", "y")
    await shell.run("/switch scripted:list")
    assert shell.conversation.session.corpora == ("rules",)
    await shell.run("/new")
    assert shell.conversation.session.corpora == ("rules",)
    again = database.open(paths)
    session = again.sessions()[0]
    answer = again.turns(session.id)[0].answers[0]
    again.close()
    assert session.corpora == ("rules",)
    assert answer.seen
    assert answer.seen.found
    assert PASSAGE in answer.seen.passages[0].text
    assert answer.seen.found.hits


async def test_an_export_takes_contexts_along(
    shell: RememberingShell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await shell.run("/prompt add Short.")
    await shell.run("/prompt edit 1 Shorter.")
    await shell.run("/knowledge on rules")
    await shell.say(ASKED)
    exported = list(shell.app.store.export([shell.conversation.session.id]))
    other = database.open(Paths(tmp_path_factory.mktemp("other")))
    assert other.import_(exported).sessions == 1
    session = other.sessions()[0]
    assert list(other.export([session.id])) == exported
    assert [p.text for p in other.prompts.held(session.id, "")] == ["Shorter."]
    mine = shell.conversation.last_turn().answers[0]
    assert other.turns(session.id)[0].answers[0].seen == mine.seen
    broken = {**exported[0], "uid": "x"}
    broken["turns"][0]["answers"][0]["seen"]["found"]["passages"][0]["text"] = 5
    with pytest.raises(StoreError, match="seen"):
        other.import_([broken])
    other.close()


async def test_purging_a_session_takes_its_passages(shell: RememberingShell, paths: Paths) -> None:
    await shell.run("/prompt add TOPSECRET")
    await shell.run("/knowledge on rules")
    await shell.say(ASKED)
    number = shell.conversation.session.id
    shell.app.store.delete_session(number)
    shell.app.store.purge([number])
    files = b"".join(path.read_bytes() for path in paths.home.glob("llamune.db*"))
    assert b"TOPSECRET" not in files
    assert PASSAGE.encode() not in files


async def test_blind_comparison_hides_the_sources(shell: RememberingShell) -> None:
    await shell.run("/knowledge on rules")
    await shell.say(ASKED)
    await shell.run("/blind on")
    await shell.run("/retry rag none")
    out = await shell.run("/answers")
    hidden = out[out.index("B (hidden)") :]
    assert "旅費規程.md" not in hidden
    assert "/rag" not in hidden
