"""While an answer streams: typing, waiting in line, every way to stop or leave, a terminal that changes its size."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatting import CLEAR, CTRL_C, CTRL_D, ENTER, Chat, answers, prepare

SPOKEN = "いろはにほへとちりぬるを"


@pytest.fixture
def ready(home: Path, migrated: Path) -> Path:
    return prepare(home, migrated)


@pytest.fixture
def endless(ready: Path) -> Iterator[Chat]:
    """A chat in which an answer streams that never ends by itself."""
    with Chat(ready, "scripted:endless") as chat:
        chat.send(SPOKEN + ENTER)
        chat.sees(f"scripted:endless\n{SPOKEN}")
        yield chat


def goes_on(chat: Chat) -> None:
    """Waits until more of the answer is stored than now."""
    before = len(chat.last().text)
    while len(chat.last().text) <= before:
        assert chat.pump(0.05), chat.text()


def test_what_is_typed_meanwhile_is_seen_and_kept(endless: Chat) -> None:
    endless.send("次の質問")
    endless.sees("❯ 次の質問")
    goes_on(endless)
    endless.sees("❯ 次の質問")
    endless.send(CTRL_C)  # first the text in the input
    endless.sees("❯", gone="次の質問")
    goes_on(endless)
    assert endless.last().status == "streaming"
    endless.send("half a")
    endless.sees("❯ half a")
    endless.kill(signal.SIGINT)  # from outside it is Ctrl-C: the text goes
    endless.sees("❯", gone="half a")
    endless.kill(signal.SIGINT)  # then the answer
    endless.sees("(stopped; what came is kept)")
    row = endless.last()
    assert row.status == "cancelled"
    assert row.text.startswith(SPOKEN * 3)
    endless.send(CTRL_C)
    endless.sees("Ctrl-C again to leave")
    endless.send(CTRL_C)
    assert endless.wait_end() == 0
    assert endless.echoes


def test_enter_meanwhile_puts_the_next_question_in_line(ready: Path) -> None:
    with Chat(ready, "scripted:slow") as chat:
        chat.send("abcd efgh ijkl mnop qrst" + ENTER)
        chat.sees("scripted:slow\nabcd")
        chat.send("second\nline" + ENTER + "third" + ENTER + "half")
        chat.sees("next: second line", "next: third", "❯ half")
        chat.sees("❯ third", "❯ half", gone="next:")
        while len(answers(ready)) < 3 or chat.last().status != "complete":
            assert chat.pump(0.05), chat.text()
        assert [(r.question, r.text) for r in answers(ready)] == [
            (q, q) for q in ("abcd efgh ijkl mnop qrst", "second\nline", "third")
        ]
        chat.holds("half")


def test_stopping_keeps_the_line_and_ctrl_d_leaves_only_an_empty_prompt(endless: Chat) -> None:
    endless.send("/switch scripted:echo" + ENTER + "after the stop" + ENTER)
    endless.sees("next: /switch", "next: after the stop")
    endless.send(CTRL_C)
    endless.sees("scripted:echo answers from now on", "scripted:echo\nafter the stop", "first token")
    assert [r.status for r in answers(endless.home)] == ["cancelled", "complete"]
    endless.send("x" + CTRL_D + CLEAR)
    endless.sees("❯ x")
    endless.send("\x7f" + CTRL_D)
    assert endless.wait_end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(endless: Chat, number: int) -> None:
    endless.send("half typed")
    endless.sees("❯ half typed")
    goes_on(endless)
    assert not endless.echoes
    endless.kill(number)
    assert endless.wait_end() is not None, endless.text()
    assert endless.echoes
    assert last_of(endless.raw, b"\x1b[?25h", b"\x1b[?25l"), "the cursor is hidden"
    assert last_of(endless.raw, b"\x1b[?2004l", b"\x1b[?2004h"), "bracketed paste is on"
    assert b"Traceback" not in endless.raw
    row = endless.last()
    assert row.status == "cancelled"
    assert row.text.startswith(SPOKEN)


def last_of(raw: bytes, wanted: bytes, other: bytes) -> bool:
    return raw.rfind(wanted) > raw.rfind(other)


def test_leaving_marks_the_answer(endless: Chat) -> None:
    endless.send("/quit" + ENTER)  # may be done while an answer streams
    assert endless.wait_end() == 0
    assert endless.last().status == "cancelled"
    assert endless.last().text


def test_the_terminal_changes_its_size(endless: Chat) -> None:
    endless.send("typed")
    for columns in (40, 100):
        endless.resize(columns, 24)
        endless.send(CLEAR)
        before = len(endless.raw)
        while len(endless.raw) < before + 2000:  # some redraws at that size
            assert endless.pump(0.1), endless.text()
        endless.sees("❯ typed", "traffic")
        rows = endless.text().split("\n")
        assert sum("traffic" in row for row in rows) == 1, endless.text()
        assert sum("❯ typed" in row for row in rows) == 1, endless.text()
        spoken = [row for row in rows if row and row.strip(SPOKEN) == ""]
        assert max(len(row) * 2 for row in spoken[:-1]) in range(columns - 3, columns + 1), endless.text()
    endless.send(CTRL_C + CTRL_C)
    endless.sees("(stopped; what came is kept)")


def test_stopped_before_the_first_word(ready: Path) -> None:
    with Chat(ready, "scripted:busy") as chat:
        chat.send("anyone?" + ENTER)
        chat.sees("Too many wait. Again in 1 s.")
        chat.send(CTRL_C)
        chat.sees("(stopped before the first word)")
        assert (chat.last().status, chat.last().text) == ("cancelled", "")
        chat.leave()
