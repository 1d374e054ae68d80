"""Every slash command through its handler, on the real store and the scripted engine, with a shell that remembers."""

import json
import shutil
import stat
from collections import deque
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from llamune import i18n, settings, text
from llamune.app import App
from llamune.chat.events import Event
from llamune.chat.fanout import Running
from llamune.chat.model import ModelInfo
from llamune.chat.session import Attachment, Turn
from llamune.commands import registry
from llamune.commands.values import Shown
from llamune.engine.catalog import Catalog
from llamune.engine.scripted import ScriptedEngine
from llamune.errors import LlamuneError, ModelNotFound, NotFound, SettingsError, UsageError
from llamune.paths import Paths
from llamune.shell.style import Style
from llamune.shell.view import View
from llamune.store import database

VIEW = View(Style(False), text.Glyphs(), markdown=False)


class RememberingShell:
    """The port of commands without a terminal: what is shown is text in `out`, replies are given beforehand."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.conversation = app.conversation()
        self.registry = registry()
        self.known: tuple[ModelInfo, ...] = ()
        self.values: list[Shown | str] = []
        self.out = ""
        self.replies: deque[str] = deque()
        self.asked: list[str] = []
        self.events: list[Event] = []
        self.input = ""
        self.attached: list[Attachment] = []
        self.clipboard: str | None = ""
        self.forgotten: set[str] = set()
        self.left = False

    def show(self, value: Shown | str) -> None:
        self.values.append(value)
        self.out += VIEW.show(value, 100) + "\n"

    async def ask(self, prompt: str, default: str = "") -> str:
        self.asked.append(prompt)
        return self.replies.popleft()

    async def confirm(self, question: str) -> bool:
        return await self.ask(question) == "y"

    async def watch(self, running: Running, turn: Turn) -> None:
        async with running:
            self.events += [event async for event in running]

    def put(self, text: str) -> None:
        self.input = text

    def attach(self, attachment: Attachment) -> None:
        self.attached.append(attachment)

    def copy(self, text: str) -> bool:
        if self.clipboard is None:
            return False
        self.clipboard = text
        return True

    def forget(self, texts: Collection[str]) -> None:
        self.forgotten |= set(texts)

    async def edit(self, text: str) -> str:
        return text

    def leave(self) -> None:
        self.left = True

    # what tests do

    async def run(self, line: str, *replies: str) -> str:
        """Types a command, and these replies to what it asks. Returns what was shown."""
        self.values, self.out, self.asked = [], "", []
        self.replies.extend(replies)
        command, arguments = self.registry.parse(line)
        await command.handler(self, arguments)
        assert not self.replies, f"never asked for: {list(self.replies)}"
        return self.out

    async def say(self, *questions: str) -> None:
        """Asks questions and waits for their answers."""
        for question in questions:
            await self.watch(await self.conversation.ask(question), self.conversation.last_turn())

    def texts(self) -> dict[str, str]:
        """Letter → text of the last turn's answers; the one that stands has a star."""
        return {a.letter + ("*" if a.adopted else ""): a.text for a in self.conversation.last_turn().answers}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version, made once."""
    home = Paths(tmp_path_factory.mktemp("home"))
    database.open(home).close()
    return home.database


@pytest.fixture
async def shell(
    paths: Paths, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RememberingShell]:
    """A shell on an empty store; `scripted:list` answers Alpha, Beta, Gamma … in turn."""
    shutil.copy(migrated, paths.database)
    monkeypatch.chdir(tmp_path)
    app = App(settings.load(paths), paths)
    app._catalog = Catalog([ScriptedEngine(["Alpha 14 days.", "Beta 30 days.", "Gamma.", "Delta."])])
    await app.open()
    app.state.remember(model="scripted:list", preset="balanced")
    made = RememberingShell(app)
    yield made
    await app.close()


# answers


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


# turns


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


# models and presets


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


# context


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


# sessions


async def test_new_sessions_resume_title(shell: RememberingShell) -> None:
    assert "no sessions yet" in await shell.run("/sessions")
    with pytest.raises(UsageError, match="no other session"):
        await shell.run("/resume")
    await shell.say("First question?")
    first = shell.conversation.session
    assert f"The last one stays: /resume {first.id}" in await shell.run("/new")
    await shell.run("/title  退職金の\x1b[31m計算 ")
    await shell.say("Second question?")
    assert shell.conversation.session.title == "退職金の計算"
    assert "title: 退職金の計算" in await shell.run("/title")
    out = await shell.run("/sessions")
    assert f"★ {shell.conversation.session.id}  退職金の計算" in out
    assert "First question?" in out
    assert "/sessions N shows more" in await shell.run("/sessions 1")
    out = await shell.run("/resume")
    assert "1 ❯ First question?" in out
    assert f"Back in {first.id} “First question?”: 1 turn" in out
    await shell.run("/resume 退職")
    assert shell.conversation.session.title == "退職金の計算"
    await shell.run(f"/resume #{first.id}")
    assert shell.conversation.session.id == first.id
    await shell.run("/new")
    await shell.say("Third question?")
    assert "several fit" in await shell.run("/resume question")
    with pytest.raises(UsageError, match="No session has"):
        await shell.run("/resume nonsense")
    with pytest.raises(NotFound):
        await shell.run("/resume 99")


async def test_search_marks_what_it_found(shell: RememberingShell) -> None:
    await shell.run("/switch scripted:echo")
    await shell.say("就業規則の変更に必要な手続きは?")
    out = await shell.run("/search 変更")
    marked = shell.values[0]
    assert [marked.text[a:b] for a, b in marked.marks] == ["変更"]
    assert marked.head.startswith(f"{shell.conversation.session.id}  就業規則の変更に必要な手続きは? · turn 1, ")
    assert "2 places" in out
    assert "Nothing was found for “退職”." in await shell.run("/search 退職")


async def test_delete_trash_restore(shell: RememberingShell) -> None:
    with pytest.raises(UsageError, match="Nothing has been asked"):
        await shell.run("/delete")
    await shell.say("one", "two")
    session = shell.conversation.session
    assert "with 2 turns, 2 answers goes into the trash" in await shell.run("/delete", "")
    assert shell.conversation.session.id == session.id
    out = await shell.run("/delete", "y")
    assert f"/undo or /restore {session.id} brings it back" in out
    assert shell.conversation.session.id == 0, "a new one has begun"
    assert "one" in await shell.run("/trash")
    with pytest.raises(UsageError, match="is in the trash"):
        await shell.run(f"/resume {session.id}")
    assert f"/resume {session.id} opens it" in await shell.run(f"/restore {session.id}")
    assert "The trash is empty." in await shell.run("/trash")
    with pytest.raises(UsageError, match="not in the trash"):
        await shell.run(f"/restore {session.id}")
    await shell.run(f"/delete {session.id}", "y")
    assert "“one” is back with 2 turns." in await shell.run("/undo")
    assert shell.conversation.session.id == session.id, "nothing else was open"


async def test_purge_erases_history_and_log_too(shell: RememberingShell) -> None:
    await shell.say("the secret plan\nsecond line")
    await shell.run("/rewind 0", "y")
    await shell.say("the other secret")
    secret = shell.conversation.session
    await shell.run("/new")
    await shell.say("harmless")
    kept = shell.conversation.session
    paths = shell.app.paths
    paths.history.write_text(
        "\n# 2026-10-01 10:00:00\n+the secret plan\n+second line\n\n# 2026-10-01 10:01:00\n+harmless\n"
        "\n# 2026-10-01 10:02:00\n+the other secret\n\n# 2026-10-01 10:03:00\n+the secret plan\n"
    )
    paths.log.parent.mkdir()
    paths.log.write_text("WARNING all is well\nERROR no: the secret plan\n")
    with pytest.raises(NotFound):
        await shell.run("/purge 99")
    out = await shell.run(f"/purge {secret.id}", "y")
    assert "1 session with 1 turn" in out
    assert "Nothing was erased." in out
    assert shell.app.store.session(secret.id)
    out = await shell.run(f"/purge {secret.id} {secret.id}", "ＰＵＲＧＥ")
    assert "Erased: 1 session" in out
    with pytest.raises(NotFound):
        shell.app.store.session(secret.id)
    assert (
        paths.history.read_text() == "\n# 2026-10-01 10:01:00\n+harmless\n\n# 2026-10-01 10:03:00\n+the secret plan\n"
    )
    assert paths.log.read_text() == "WARNING all is well\n"
    assert shell.forgotten == {"the secret plan\nsecond line", "the other secret"}
    assert shell.conversation.session.id == kept.id
    await shell.run("/delete", "y")
    await shell.run("/purge trash", "purge")
    assert shell.app.store.sessions() == []
    assert "The trash is empty." in await shell.run("/purge trash")


async def test_export_and_import_are_a_round_trip(shell: RememberingShell, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nothing has been asked"):
        await shell.run("/export")
    await shell.run("/system Be short.")
    await shell.say("One?\nsecond line")
    await shell.run("/retry scripted:echo", "y")
    number = shell.conversation.session.id
    assert f"{tmp_path}/all.jsonl" in await shell.run("/export all.jsonl all")
    assert stat.S_IMODE((tmp_path / "all.jsonl").stat().st_mode) == 0o600
    [line] = (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()
    assert [a["text"] for a in json.loads(line)["turns"][0]["answers"]] == ["Alpha 14 days.", "One?\nsecond line"]
    await shell.run("/purge " + str(number), "purge")
    assert "1 session added: 1 turn, 2 answers." in await shell.run("/import all.jsonl")
    again = shell.app.store.sessions()[0]
    await shell.run(f"/export again.jsonl {again.id}")
    assert (tmp_path / "again.jsonl").read_text() == (tmp_path / "all.jsonl").read_text()


async def test_export_to_read(shell: RememberingShell, tmp_path: Path) -> None:
    await shell.run("/system Be short.")
    await shell.say("One?\nsecond line")
    await shell.run("/retry scripted:echo", "n")
    await shell.run("/export my notes.md")
    text = (tmp_path / "my notes.md").read_text(encoding="utf-8")
    assert text.startswith("# One?\n")
    assert "> Be short." in text
    assert "## 1\n\n> One?\n> second line\n\n**scripted:list** · balanced\n\nAlpha 14 days.\n" in text
    assert text.endswith("Other answers, not adopted: B (scripted:echo balanced)\n")
    await shell.run("/export my notes.md", "")
    assert shell.asked == [f"{tmp_path}/my notes.md exists. Overwrite it?"]
    (tmp_path / "my notes.md").write_text("old")
    await shell.run("/export my notes.md", "")
    assert (tmp_path / "my notes.md").read_text() == "old"
    await shell.run(f"/export {shell.conversation.session.id}")
    assert (tmp_path / f"llamune-{shell.conversation.session.id}.md").exists()
    with pytest.raises(UsageError, match=r"Names end in|says not which form"):
        await shell.run("/export notes.txt")
    with pytest.raises(LlamuneError, match="cannot be written"):
        await shell.run("/export no/such/folder.md")


@pytest.mark.parametrize("content", ["no json\n", "[1, 2]\n", '{"format": "other"}\n'])
async def test_what_is_no_export_is_not_imported(shell: RememberingShell, tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.jsonl").write_text(content)
    with pytest.raises(LlamuneError) as error:
        await shell.run("/import bad.jsonl")
    assert error.value.hint
    assert shell.app.store.sessions() == []
    with pytest.raises(UsageError, match="There is no file"):
        await shell.run("/import none.jsonl")


# the program


async def test_help(shell: RememberingShell) -> None:
    out = await shell.run("/help")
    assert all(f"/{name}" in out for name in shell.registry.commands)
    assert "/retry 2 1/creative" in await shell.run("/help /retry")
    with pytest.raises(UsageError, match="no command /retyr"):
        await shell.run("/help retyr")


async def test_settings(shell: RememberingShell) -> None:
    out = await shell.run("/settings")
    assert all(key in out for key in settings.DECLARED)
    await shell.run("/settings thinking show")
    assert shell.app.settings.thinking == settings.load(shell.app.paths).thinking == "show"
    out = await shell.run("/settings thinking")
    assert "settings.toml" in out
    assert "one of fold, show, off" in out
    await shell.run("/settings thinking default")
    assert shell.app.settings.origin("thinking") == "default"
    assert "from the next start" in await shell.run("/settings embedded_idle 60")
    assert settings.load(shell.app.paths).embedded_idle == 60
    for typed in ("thinkin", "thinking loud", "embedded_idle x"):
        with pytest.raises(SettingsError) as error:
            await shell.run(f"/settings {typed}")
        assert error.value.hint


async def test_a_setting_that_something_stronger_sets(paths: Paths, shell: RememberingShell) -> None:
    shell.app.settings = settings.load(paths, flags={"thinking": "off"})
    assert "set by command line now, which is stronger" in await shell.run("/settings thinking show")
    assert shell.app.settings.thinking == "off"


async def test_the_language_changes_at_once(shell: RememberingShell) -> None:
    await shell.run("/settings language ja")
    assert i18n.language() == "ja"


async def test_quit(shell: RememberingShell) -> None:
    await shell.run("/quit")
    assert shell.left


async def test_completion_offers_what_can_be_typed(shell: RememberingShell) -> None:
    await shell.run("/models")
    await shell.say("one")
    offered = {
        (c.name, p.name): [word for word, about in p.choices(shell)]
        for c in shell.registry.commands.values()
        for p in c.parameters
        if p.choices
    }
    assert {"scripted:echo", "scripted:echo/creative", "*/fast", "all"} <= set(offered["retry", "CANDIDATES"])
    assert offered["adopt", "LETTER"] == ["A"]
    assert offered["rewind", "N"] == ["1"]
    assert offered["resume", "NUMBER"] == [str(shell.conversation.session.id)]
    assert all(words for key, words in offered.items() if key != ("restore", "NUMBER"))


async def test_a_missing_model_is_named(shell: RememberingShell) -> None:
    with pytest.raises((ModelNotFound, UsageError)):
        await shell.run("/switch nowhere:1b")
    assert shell.conversation.session.model == "scripted:list"
