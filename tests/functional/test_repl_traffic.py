"""/traffic as it is typed: rows of real bytes, and the figure of the toolbar in its own words."""

import re
from pathlib import Path

import pytest
from chatting import Chat, prepare


def row(screen: str, begin: str) -> str:
    return next(line for line in screen.splitlines() if line.strip().startswith(begin))


def test_the_table_shows_what_a_child_on_this_machine_was_sent(migrated: Path, home: Path) -> None:
    with Chat(prepare(home, migrated, 'sealed = "off"\n'), "guide:1m") as chat:
        chat.ask("What is Llamune?")
        screen = chat.command("/traffic", "measured since", "signed report")
        ours = row(screen, "llamune (pid")
        assert re.search(r"llamune \(pid \d+, \d child(ren)?\) +[\d.]+ [kM]?B +– +(0 B|not measured)", ours), ours
        sent = re.search(r"([\d.]+) kB", ours)
        assert sent
        assert float(sent[1]) > 1  # the question, the answer, and what came with it
        assert "refused: nothing" in screen
        assert "no server answers" in screen  # of Ollama, whose cloud is asked for
        figure = screen.splitlines()[screen.splitlines().index(ours) + 1]
        assert figure in screen.rstrip().splitlines()[-1]  # the toolbar says the same
        chat.leave()


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_a_narrow_screen_in_japanese(migrated: Path, home: Path, columns: int) -> None:
    with Chat(prepare(home, migrated), "scripted:echo", "--language", "ja", columns=columns, ready="通信") as chat:
        screen = chat.command("/traffic", "拒否した通信", "署名付き")
        assert "外部" in screen
        assert chat.widest()[0] <= columns
