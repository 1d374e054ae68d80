"""Options by hand: moved with the arrow keys in a terminal, typed where there is none; a pipe is not asked."""

import json
import sqlite3
from pathlib import Path

import pytest
from remembering import RememberingShell

from llamune.errors import UsageError
from tests.functional.chatting import CTRL_C, ENTER, Chat, piped, prepare

LEFT, RIGHT, UP = "\x1b[D", "\x1b[C", "\x1b[A"


def overrides(home: Path) -> dict[str, float]:
    with sqlite3.connect(f"file:{home}/llamune.db?mode=ro", uri=True) as base:
        (found,) = base.execute("SELECT overrides FROM session ORDER BY id DESC").fetchone()
    base.close()
    return {k: v for k, v in json.loads(found).items() if v is not None}


@pytest.mark.parametrize("columns", [80, 40])
def test_arrow_keys_move_a_value(home: Path, migrated: Path, columns: int) -> None:
    with Chat(prepare(home, migrated), columns=columns) as chat:
        chat.ask("hello")
        chat.command("/params temperature", "temperature 0 ─", "0.7")
        chat.send(RIGHT)
        chat.sees("0.75")
        chat.send(LEFT + LEFT)
        chat.sees("0.65")
        chat.send(UP)
        chat.sees("1.15")
        chat.send(ENTER)
        chat.sees("by hand")
        chat.command("/params top_k", "top_k 1 ─", "40")
        chat.send(RIGHT + CTRL_C)
        chat.sees("40  preset")
        chat.command("/params seed", "seed 0 ─")
        chat.send("１２" + ENTER)
        chat.sees("by hand")
        chat.leave()
    assert overrides(home) == {"temperature": 1.15, "seed": 12}


def test_a_draft_and_the_arrow_keys_are_as_before_afterwards(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.command("/params top_p", "top_p 0 ─")
        chat.send(ENTER)
        chat.sees("preset balanced")
        chat.cleared().send("ac" + LEFT + "b")
        chat.holds("abc")
        chat.send(CTRL_C)
        chat.leave()


def test_a_pipe_is_not_asked(home: Path, migrated: Path) -> None:
    done = piped(prepare(home, migrated), "/params temperature\nhello\n")
    assert "preset balanced" in done.stdout.decode()
    assert "hello" in done.stdout.decode()


async def test_typed_where_nothing_moves(shell: RememberingShell) -> None:
    assert "by hand" in await shell.run("/params max_tokens", "８０")
    assert shell.conversation.options("balanced").num_predict == 80
    assert "not sent" in await shell.run("/params max_tokens", "none")
    assert "preset balanced" in await shell.run("/params temperature", "0.7")  # as it was
    for wrong in ("-1", "nan", "1e400", "hot", "1_0", "٣"):
        with pytest.raises(UsageError, match="cannot be"):
            await shell.run("/params temperature", wrong)
