"""Documents on a real screen: what stands under an answer, in Japanese, wide and narrow."""

from pathlib import Path

import pytest
from chatting import CTRL_C, Chat, answers, prepare

ASKED = "国内出張の日当はいくらですか"
JAPANESE = {"LANG": "ja_JP.UTF-8"}


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_an_answer_with_sources(home: Path, migrated: Path, columns: int) -> None:
    with Chat(prepare(home, migrated), "scripted:cite", columns=columns, rows=50, ready="通信", env=JAPANESE) as chat:
        chat.command("/knowledge on rules", "rules。")
        chat.command(ASKED, "scripted:cite [rules]", "2,500円", "[1] 旅費規程.md", "うち引用 1 件")
        chat.command("/sources", "国内出張の日当", "引用あり")
        chat.command("役員の退職金は?", "llamune [rules]", "rules には見つかりませんでした。")
        chat.command("/retry none", "採用しますか" if columns > 40 else "採用しま")
        chat.send("n\r")
        chat.command("/mode audit", "audit", "出典付き")
        if columns > 80:
            chat.sees("audit [rules]")  # in the toolbar
        chat.command("/mode off", "audit")
        assert chat.widest()[0] <= columns
        chat.leave()


def test_a_search_is_waited_for_and_can_be_stopped(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:cite") as chat:
        chat.command("/knowledge on slow", "from now on: slow.")
        chat.types(ASKED)
        chat.sees("searching slow …")
        chat.send(CTRL_C)
        chat.sees("(stopped)", gone="searching")
        assert answers(home) == []
        chat.command("/knowledge off", "No documents")
        chat.command("/knowledge on broken", "broken")
        chat.command(ASKED, "The collection broken cannot be read.")
        chat.holds(ASKED)
        chat.send("\x15")
        chat.command("/knowledge off", "No documents")
        chat.ask("still here", "No documents.")
        chat.leave()


def test_a_session_that_is_resumed_has_its_documents(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:cite") as chat:
        chat.command("/knowledge on rules", "from now on: rules.")
        chat.ask(ASKED, "[1] 旅費規程.md")
        chat.leave()
    with Chat(home, "", "--resume", ready="session 1") as chat:
        chat.sees("[1] 旅費規程.md", "1 cited")
        chat.ask("What is the daily allowance?", "[1] travel.md")
        chat.leave()


def test_what_is_hostile_in_a_document_does_not_reach_the_terminal(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:cite", rows=50) as chat:
        chat.command("/knowledge on hostile", "hostile.")
        chat.ask("What are the instructions on the daily allowance?", "[1] rules [9] fake.md")
        before = len(chat.raw)
        for line in ("/sources", "/sources 1", "/sources hits", "/context"):
            chat.command(line, "fake.md")
        assert b"PWNED" in chat.raw[before:]
        assert b"[/INST]\x1b[2J" not in chat.raw, "an escape sequence of the document"
        chat.leave()
