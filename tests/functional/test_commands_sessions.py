"""Commands about sessions, deleting, taking along, and the program itself."""

import json
import stat
from pathlib import Path

import pytest
from remembering import RememberingShell

from llamune import i18n, settings
from llamune.errors import LlamuneError, NotFound, SettingsError, UsageError
from llamune.paths import Paths


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
    assert marked.head.startswith(f"{shell.conversation.session.id}  就業規則の変更に必要な手続… · turn 1, ")
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


async def test_purge_erases_nothing_when_the_history_cannot_be_cleared(shell: RememberingShell) -> None:
    await shell.say("secret")
    shell.app.paths.history.mkdir()
    with pytest.raises(LlamuneError) as error:
        await shell.run("/purge 1", "purge")
    assert "history" in error.value.message
    assert "No session was erased" in error.value.hint
    assert shell.app.store.session(1)


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
    shell.app.settings = settings.load(paths, environment={"OLLAMA_HOST": "127.0.0.1:1"})
    assert "set by OLLAMA_HOST now, which is stronger" in await shell.run("/settings ollama_host 127.0.0.1:2")
    assert shell.app.settings.ollama_host == "http://127.0.0.1:1"


async def test_think_is_for_this_run_and_settings_for_good(paths: Paths, shell: RememberingShell) -> None:
    await shell.run("/think show")
    assert "this run only" in await shell.run("/settings thinking")
    assert settings.load(paths).thinking == "fold"
    await shell.run("/settings thinking off")
    assert shell.app.settings.thinking == settings.load(paths).thinking == "off"


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
