"""The test terminals themselves: what they show is what a program wrote."""

import asyncio
import sys

from prompt_toolkit import PromptSession
from terminal.term import Term, screen

PROGRAM = """
import os, signal, sys
signal.signal(signal.SIGWINCH, lambda *_: print("now", *os.get_terminal_size(), flush=True))
print("日本語", *os.get_terminal_size(), os.environ.get("GONE"), flush=True)
for line in sys.stdin:
    print("got", line.upper(), flush=True)
sys.exit(3)
"""


def test_a_program_in_a_terminal() -> None:
    with Term([sys.executable, "-c", PROGRAM], columns=50, rows=10, env={"GONE": None}) as term:
        assert term.wait_for("日本語 50 10 None"), term.text()
        assert term.echoes
        term.send("abc\n")
        assert term.wait_for("got ABC"), term.text()
        term.resize(40, 8)
        assert term.wait_for("now 40 8"), term.text()
        for n in range(20):
            term.send(f"line {n}\n")
        assert term.wait_for("got LINE 19")
        assert "got ABC" not in term.text()
        assert "got ABC" in term.everything()
        term.send("\x04")
        assert term.wait_end() == 3


def test_waiting_ends_when_the_program_has_left() -> None:
    with Term([sys.executable, "-c", "print('short')"]) as term:
        assert not term.wait_for("never", seconds=30)
        assert term.status == 0
        assert "short" in term.text()


async def test_prompt_toolkit_without_a_terminal() -> None:
    with screen(60, 10) as (keys, shown):
        prompt = asyncio.create_task(PromptSession[str]("名前 > ", bottom_toolbar="下の行").prompt_async())
        keys.send_text("ねこ")
        assert await shown.wait_for("下の行", "ねこ"), shown.text()
        keys.send_text("\r")
        assert await prompt == "ねこ"
        assert shown.text().startswith("名前 > ")
