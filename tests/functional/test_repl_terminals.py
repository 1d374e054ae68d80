"""Terminals of all kinds: dumb, narrow, without colour, without UTF-8, Japanese; and no terminal at all."""

import os
import re
import select
import subprocess
from pathlib import Path

import pytest
from chatting import CTRL_C, CTRL_D, ENTER, PROGRAM, Chat, answers, environment, piped, prepare

COLOUR = re.compile(rb"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38)[0-9;]*m")


def test_a_dumb_terminal_gets_whole_lines_and_no_escapes(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:markdown", ready="", env={"TERM": "dumb"}) as chat:
        chat.sees("❯")
        chat.send("hello\n")
        chat.sees("List<String> stays.", "first token")
        chat.send("/swich x\n")
        chat.sees("There is no command /swich", "Did you mean /switch")
        chat.send("/rewind 0\n")
        chat.sees("rewind? [y/N]")
        chat.send("y\n")
        chat.sees("Back at the beginning.")
        chat.send(CTRL_D)
        assert chat.wait_end() == 0
        assert b"\x1b" not in chat.raw


def test_ctrl_c_in_a_dumb_terminal_stops_the_answer_then_leaves(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:endless", ready="", env={"TERM": "dumb"}) as chat:
        chat.sees("❯")
        chat.send("hello\n")
        while not answers(home) or not chat.last().text:
            assert chat.pump(0.05), chat.text()
        chat.send(CTRL_C)
        chat.sees("stopped")
        assert chat.last().status == "cancelled"
        chat.send("/switch scripted:echo\nagain\n")
        chat.sees("first token")
        chat.send(CTRL_C)
        assert chat.wait_end() is not None, chat.text()
        assert b"Traceback" not in chat.raw


def test_lines_from_a_pipe(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    done = piped(home, "hello\n\n/swich x\n/rewind 0\ny\n日本語\n", "-m", "scripted:markdown")
    said = done.stdout.decode()
    assert done.returncode == 0
    assert done.stderr == b""
    assert "\x1b" not in said
    assert "# 見出し" in said, "Markdown stays as it is in a pipe"
    assert "Did you mean /switch" in said
    assert "Back at the beginning" in said
    assert [r.question for r in answers(home)] == ["hello", "日本語"]


def test_nothing_comes_from_standard_input(home: Path, migrated: Path) -> None:
    assert piped(prepare(home, migrated), "").returncode == 0


def test_the_reader_of_a_pipe_may_go(home: Path, migrated: Path) -> None:
    variables = {k: v for k, v in {**os.environ, **environment(prepare(home, migrated))}.items() if v is not None}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*PROGRAM, "-m", "scripted:echo"], env=variables, **pipes) as chat:
        assert chat.stdout
        assert select.select([chat.stdout], [], [], 20)[0]
        chat.stdout.close()
        _out, err = chat.communicate(b"hello\n" * 3, timeout=20)
    assert b"Traceback" not in err, err


def test_no_color(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:markdown", env={"NO_COLOR": "1"}) as chat:
        chat.ask("hello", "List<String> stays.")
        chat.command("/swich", "Did you mean")
        assert not COLOUR.search(chat.raw)
    with Chat(home, "scripted:markdown") as chat:
        chat.ask("hello")
        assert COLOUR.search(chat.raw)


def test_a_terminal_without_utf8_gets_plain_signs(home: Path, migrated: Path) -> None:
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LANG": None, "LC_ALL": "C"}
    with Chat(prepare(home, migrated), "scripted:markdown", env=plain) as chat:
        chat.sees("\n>")
        chat.ask("hello", "> hello", "List<String> stays.", "print(", "- nested")
        chat.command("/preset", "* balanced")
        chat.command("/sessions", "* 1")
        chat.send("/swich" + ENTER)
        chat.sees("There is no command /swich")
        chat.send(CTRL_C)
        chat.leave()
        assert chat.raw.isascii()
        assert b"Traceback" not in chat.raw


TOUR = (  # command, what it shows in English and in Japanese
    ("/help", "Ctrl-D", "Ctrl-D"),
    ("/help retry", "/retry 2 1/creative", "/retry 2 1/creative"),
    ("/models", "/switch NUMBER", "/switch"),
    ("/current", "scripted:markdown", "scripted:markdown"),
    ("/preset", "creative", "creative"),
    ("/params", "temperature", "temperature"),
    ("/settings", "embedded_idle", "embedded_idle"),
    ("/sessions", "/resume", "/resume"),
    ("/history", "見出し", "見出し"),
    ("/answers", "見出し", "見出し"),
    ("/context", "4,096", "4,096"),
    ("/trash", "", ""),
    ("/lineup", "/lineup", "/lineup"),
    ("/swich scripted:echo", "/switch", "/switch"),
)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("columns", [80, 40])
def test_no_row_is_wider_than_the_screen(home: Path, migrated: Path, columns: int, language: str) -> None:
    prepare(home, migrated, f'language = "{language}"\n')
    traffic = "通信" if language == "ja" else "traffic"
    with Chat(home, "scripted:markdown", columns=columns, ready=traffic) as chat:
        chat.command("hello", "List<String> stays.", "最初" if language == "ja" else "first token")
        for line, *shown in TOUR:
            chat.command(line, shown[language == "ja"])
            chat.send(CTRL_C * line.startswith("/swich"))
        chat.command("/rewind 0", "[y/N]")
        chat.send(ENTER)
        chat.cleared()
        wide, row = chat.widest()
        assert wide <= columns, row
        if language == "ja":
            english = re.search(
                r"\b(answers from now on|There is no|Did you mean|first token|traffic)\b", chat.everything()
            )
            assert not english, english
