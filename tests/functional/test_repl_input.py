"""The input line: keys, pastes, the editor, history, completion, confirmations, and what was mistyped.

Most tests share one chat; each begins with an empty prompt and leaves one.
"""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatting import CTRL_C, ENTER, Chat, answers, prepare

ALT_ENTER, CTRL_J, UP, RIGHT, TAB, EDITOR_KEYS = "\x1b\r", "\n", "\x1b[A", "\x1b[C", "\t", "\x18\x05"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Chat]:
    folder = tmp_path_factory.mktemp("input")
    editor = folder / "editor"
    editor.write_text("#!/bin/sh\nprintf ' and the\\neditor' >> \"$1\"\n")
    editor.chmod(0o700)
    with Chat(prepare(folder / "home", migrated), env={"EDITOR": str(editor), "VISUAL": str(editor)}) as chat:
        yield chat


@pytest.fixture
def chat(shared: Chat) -> Iterator[Chat]:
    assert shared.cleared().input == ""
    yield shared
    assert shared.status is None, shared.text()


@pytest.mark.parametrize("newline", [ALT_ENTER, CTRL_J])
def test_a_new_line_in_one_message(chat: Chat, newline: str) -> None:
    chat.ask(f"first{newline}second{newline}{newline}third", "❯ first\n  second\n\n  third\nscripted:echo\nfirst")
    assert chat.last().question == "first\nsecond\n\nthird"


def test_a_paste_is_one_message_and_waits_for_enter(chat: Chat) -> None:
    before = len(answers(chat.home))
    chat.paste("一行目\r\n二行目\rthree\n")
    chat.sees("❯ 一行目\n  二行目\n  three")
    assert len(answers(chat.home)) == before
    chat.ask("")
    assert [r.question for r in answers(chat.home)[before:]] == ["一行目\n二行目\nthree\n"]


def test_a_paste_of_a_megabyte_is_one_message(chat: Chat) -> None:
    before = len(answers(chat.home))
    chat.paste("0123456789 日本語 12\n" * 40_000)
    chat.send("the end" + ENTER)
    chat.sees("… 40,001 lines, 720,007 characters in all", "Nothing was\nsent.", "the end")
    assert chat.everything().count("tokens, but scripted:echo reads") == 1
    chat.send(CTRL_C)  # what was refused was in the input again
    chat.sees("❯", gone="the end\n")
    chat.ask("small")
    assert [r.question for r in answers(chat.home)[before:]] == ["small"]


def test_control_characters_are_shown_harmlessly_and_kept(chat: Chat) -> None:
    evil = "a\x00b\x1b[31mc\x1b]0;evil\x07d\x1b[2Jef"
    chat.command("/new", "new session")
    start = len(chat.raw)
    chat.paste(evil)
    chat.sees("❯ a^@b^[[31mc^[]0;evil^Gd^[[2Je")
    chat.ask("")
    chat.command("/sessions", "★", "abcdef")
    chat.paste(f"/title {evil}")
    chat.send(ENTER)
    chat.command("/trash", "The trash is empty.")
    chat.command("/search d", "abcdef")
    written = chat.raw[start:]
    for harm in (b"\x00", b"\x1b]0;", b"\x07", b"\x1b[2J\x1b[2J", b"\x1b[31mc"):
        assert harm not in written, harm
    row = chat.last()
    assert row.question == row.text == evil


def test_the_editor_edits_what_was_typed(chat: Chat) -> None:
    chat.send("typed" + EDITOR_KEYS)
    chat.sees("❯ typed and the\n  editor")
    chat.ask("!", "editor!")
    assert chat.last().question == "typed and the\neditor!"


def test_commands_and_their_arguments_complete_with_descriptions(chat: Chat) -> None:
    chat.send("/re")
    chat.sees("/rewind", "go back to an earlier turn", "/retry", "/resume")
    chat.send("w")
    chat.sees("/rewind", gone="/retry")
    chat.send(TAB)
    chat.sees("❯ /rewind")
    chat.send(CTRL_C + "/switch scripted:e")
    chat.sees("scripted:echo", "answers with the question", "scripted:empty")
    chat.send(TAB + TAB)
    chat.sees("❯ /switch scripted:endless")
    chat.send(ENTER + "x")  # takes the completion, and does nothing more
    chat.sees("❯ /switch scripted:endlessx")
    chat.send(CTRL_C + "/settings thin")
    chat.sees("thinking of a model: folded, shown")
    chat.send(CTRL_C)
    chat.sees("❯", gone="/settings")


def test_files_complete_behind_an_at_sign(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "議事録.md").write_text("中身は三行です。")
    chat.send(f"@{tmp_path}/議" + TAB)
    chat.sees("議事録.md")
    chat.send(CTRL_C)
    chat.command(f"@{tmp_path}/議事録.mdを要約", "with 議事録.md, 8 characters", "中身は三行です。", "first token")


def test_what_was_typed_before_is_suggested(chat: Chat) -> None:
    chat.ask("a question that comes again")
    chat.cleared().send("a question th")
    chat.sees("❯ a question that comes again")
    chat.send(RIGHT)
    chat.ask("?", "scripted:echo\na question that comes again?")


def test_history_of_other_runs(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    with Chat(home) as chat:
        chat.ask("first\nof two lines".replace("\n", ALT_ENTER))
        chat.ask("日本語の質問")
        chat.leave()
    assert stat.S_IMODE((home / "history").stat().st_mode) == 0o600
    with Chat(home) as chat:
        chat.send(UP)
        chat.sees("❯ 日本語の質問")
        chat.send(UP)
        chat.sees("❯ first\n  of two lines")
        chat.send(CTRL_C)
        chat.sees("❯", gone="of two lines")


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("/swich scripted:slow", "There is no command /swich", "Did you mean /switch"),
        ("/re 1", "/re could be several commands", "/retry"),
        ("/switch scripted:ecko", "There is no model called scripted:ecko", "Did you mean scripted:echo"),
        ("/preset creativ0", "There is no preset called creativ0", "Did you mean creative"),
        ("/params temprature 1", "There is no option called temprature", "Did you mean temperature"),
        ("/params temperature 9", "temperature cannot be 9", "from 0 to 2"),
        ("/settings thinkin show", "There is no setting called thinkin", "Did you mean thinking"),
        ("/rewind", "/rewind needs N", "/rewind N"),
        ("/rewind two", "must be a number", "numbers stand in the list"),
        ("/resume 999", "999", ""),
    ],
)
def test_what_cannot_be_understood_is_in_the_input_again(chat: Chat, typed: str, message: str, hint: str) -> None:
    chat.command(typed, message, hint)
    chat.holds(typed)
    chat.send(CTRL_C)
    chat.sees("❯")


def test_what_would_turn_the_line_around_is_seen_in_the_input_and_sent_as_it_is(chat: Chat) -> None:
    chat.cleared().send("a\u202eb\u2066c")
    chat.holds("a\ufffdb\ufffdc")
    assert "\u202e" not in chat.raw.decode()
    chat.send(ENTER)
    chat.sees("first token")
    assert answers(chat.home)[-1].question == "a\u202eb\u2066c"


def test_a_text_that_begins_with_a_slash(chat: Chat) -> None:
    chat.ask("//etc/hosts とは?", "scripted:echo\n/etc/hosts とは?")


def test_a_confirmation_takes_only_what_was_typed_after_it(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:slow") as chat:
        chat.send("eight ch" + "." * 12 + ENTER + "/rewind 0" + ENTER)
        chat.sees("next: /rewind 0")
        chat.send("y")  # typed before anything was asked: a draft, no answer
        chat.sees("❯ y")
        chat.sees("All of it goes: 1 turn, 1 answer. /undo brings it back.", "rewind? [y/N]", gone="❯ y")
        chat.send(ENTER)  # Enter alone never destroys anything
        chat.holds("y")
        chat.send(CTRL_C + "/rewind 0" + ENTER)
        chat.sees("rewind? [y/N]", gone="\n❯ y\n")
        chat.send(CTRL_C)  # neither does Ctrl-C
        chat.sees("❯\n")
        chat.command("/history", "1 ❯ eight ch")
        chat.command("/rewind 0", "rewind? [y/N]")
        chat.send("y" + ENTER)
        chat.sees("Back at the beginning. /undo brings the 1 turn back.")
        chat.command("/history", "Nothing has been asked in this session yet")
        chat.send(CTRL_C)
        chat.command("/undo", "Back again: 1 turn.")
        chat.command("/history", "1 ❯ eight ch")


def test_a_question_typed_at_a_confirmation_is_in_the_input_again(chat: Chat) -> None:
    chat.ask("What is it?", "What is it?")
    chat.command("/rewind 0", "rewind? [y/N]")
    chat.send("What about Osaka?" + ENTER)
    chat.holds("What about Osaka?")
    chat.send(CTRL_C)
    chat.command("/history", " ❯ What is it?")


def test_deleting_asks_and_says_the_way_back(chat: Chat) -> None:
    chat.ask("to be deleted")
    turns = len({r.question for r in answers(chat.home)})
    assert turns
    chat.command("/delete", "goes into the trash.", "delete? [y/N]")
    chat.send("n" + ENTER)
    chat.command("/history", "to be deleted")
    chat.command("/delete", "delete? [y/N]")
    chat.send("ｙ" + ENTER)  # the input method is still on
    chat.sees("Deleted. /undo or /restore")
    number = re.search(r"/restore (\d+)", chat.text())
    assert number
    chat.command("/trash", f" {number[1]} ")
    chat.command("/undo", "is back with")
    chat.command("/history", "to be deleted")
