"""Conversations across runs and processes: going back, bringing back after a restart, two at once, very long ones."""

import sqlite3
from pathlib import Path

from chatting import ENTER, Chat, answers, prepare

TURNS = 10_000


def test_rewinding_to_the_beginning_and_undo_after_a_restart(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.ask("first question")
        chat.ask("second question")
        chat.command("/rewind 0", "All of it goes: 2 turns, 2 answers", "rewind? [y/N]")
        chat.send("y" + ENTER)
        chat.sees("Back at the beginning.")
        chat.leave()
    with Chat(home, "scripted:echo", "--resume") as chat:
        chat.command("/undo", "Back again: 2 turns.")
        chat.command("/history", "1 ❯ first question", "2 ❯ second question")
        chat.command("/rewind 1", "After turn 1 these go: 1 turn, 1 answer.", "rewind? [y/N]")
        chat.send("y" + ENTER)
        chat.sees("Back at turn 1 “first question”")
        chat.ask("another second question")
        chat.command("/undo", "came back as a session of their own")  # its place has been taken
        chat.command("/sessions", "first question")
        chat.leave()


def test_two_at_once_on_one_home(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:endless") as one, Chat(home) as two:
        one.send("from the first" + ENTER)
        one.sees("scripted:endless\nfrom the first")
        two.ask("from the second", "scripted:echo\nfrom the second")
        two.command("/sessions", "from the first", "from the second")
        two.command("/history", "from the second")
        rows = {r.question: r for r in answers(home)}
        assert rows["from the first"].status == "streaming", "its owner lives: nobody else cuts it"
        assert rows["from the second"].status == "complete"
        two.leave()
        one.send("\x03")
        one.sees("(stopped; what came is kept)")
        one.ask("/switch scripted:echo" + ENTER + "on", "scripted:echo\non")
        one.leave()
    assert [r.status for r in answers(home)] == ["cancelled", "complete", "complete"]


def test_a_conversation_of_ten_thousand_turns(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.ask("the first of many")
        chat.leave()
    multiply(home / "llamune.db", TURNS)
    with Chat(home, "scripted:echo", "--resume", rows=100) as chat:
        chat.sees(f"{TURNS} turns", "question 10000")
        chat.command("/history", f"the last 20 of {TURNS} turns", f"{TURNS} ❯ question {TURNS}")
        chat.command("/current", f"{TURNS} turns")
        chat.command("/rewind 9999", "1 turn, 1 answer", "[y/N]")
        chat.send("n" + ENTER)
        chat.leave()


def multiply(database: Path, turns: int) -> None:
    """Gives the only session copies of its only turn."""
    with sqlite3.connect(database) as base:
        for table, changed in (
            ("turn", "id + n, session_id, id + n - 1, number + n, 'question ' || (number + n)"),
            ("answer", "id + n, turn_id + n"),
        ):
            columns = [row[1] for row in base.execute(f"PRAGMA table_info({table})")]
            rest = ", ".join(columns[len(changed.split(",")) :])
            base.execute(
                f"WITH RECURSIVE step(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < {turns - 1}) "
                f"INSERT INTO {table} SELECT {changed}, {rest} FROM {table}, step"
            )
    base.close()
