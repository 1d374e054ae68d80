"""Several answers: the line-up behind the user's back, and candidates beside one another."""

import re
from pathlib import Path

import pytest
from chatting import CTRL_C, CTRL_D, ENDED, ENTER, Chat, answers, prepare

PLAIN = "List<String> stays."  # of the Markdown model's answer


def settled(chat: Chat, count: int) -> None:
    """Waits until that many answers are stored and have ended."""
    while len(rows := answers(chat.home)) < count or any(r.status in ("waiting", "streaming") for r in rows):
        assert chat.pump(0.05), chat.text()


def test_answers_arrive_behind_the_users_back(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), rows=50) as chat:
        chat.command(
            "/lineup add scripted:markdown/fast", "1  scripted:markdown/fast", "on: they answer every question"
        )
        chat.ask("What is it?")
        chat.send("typing on")
        chat.sees("● answers from scripted:markdown have arrived for “What is it?”", "/answers")
        chat.holds("typing on")
        assert PLAIN not in chat.everything(), "no word of it is shown unasked"
        chat.send(CTRL_C)
        chat.command("/answers", "★ A scripted:echo balanced", "  B scripted:markdown fast", PLAIN)
        chat.command("/adopt B", "B (scripted:markdown fast) stands now.")
        assert [(r.letter, r.adopted) for r in answers(home)] == [("A", 0), ("B", 1)]
        chat.command("/undo", "stands again")
        chat.command("/lineup remove 1", "The line-up is empty")
        chat.ask("Alone again?")
        assert len(answers(home)) == 3
        chat.leave()


def test_stopping_giving_way_and_leaving(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.command("/lineup add scripted:endless scripted:refused", "2  scripted:refused/balanced")
        chat.ask("first")
        while not (r := answers(home)[1]).text:
            assert chat.pump(0.05), chat.text()
        assert (r.model, r.status) == ("scripted:endless", "streaming")
        chat.sees("⏳ scripted:endless")  # in the toolbar
        chat.ask("second", "scripted:echo\nsecond")  # the one place there is goes to the foreground
        chat.command("/stop all", "answers stopped; what came is kept.")
        settled(chat, 6)
        assert [r.status for r in answers(home) if r.model == "scripted:endless"] == ["cancelled", "cancelled"]
        chat.ask("third")
        while not any(r.question == "third" and r.model == "scripted:endless" and r.text for r in answers(home)):
            assert chat.pump(0.05), chat.text()
        chat.send(CTRL_D)
        assert chat.wait_end() == 0
        rows = answers(home)
        assert {r.status for r in rows if r.question == "third"} == {"complete", "cancelled"}
        assert chat.echoes


@pytest.mark.parametrize(("columns", "beside"), [(80, 1), (100, 2), (150, 3)])
def test_candidates_stand_beside_one_another_where_there_is_room(
    home: Path, migrated: Path, columns: int, beside: int
) -> None:
    with Chat(prepare(home, migrated), columns=columns, rows=50) as chat:
        chat.ask("How long?")
        chat.command("/retry scripted:markdown scripted:echo/fast scripted:echo/code", "/adopt B · /keep · /diff A B")
        chat.sees(PLAIN)
        heads = [row for row in chat.text().split("\n") if re.search(r"[BC] scripted:\w+ \w+", row)]
        names = [re.findall(r"([ABCD]) scripted:", row) for row in heads]
        if beside > 1:
            assert names == [
                list("ABCD")[i : i + beside] for i in range(0, 4, beside) if set("BC") & set("ABCD"[i : i + beside])
            ]
        else:
            assert sorted(letter for row in names for letter in row) == ["B", "C"]
        assert chat.widest()[0] <= columns
        chat.command("/adopt D", "D (scripted:echo code) stands now.")


def test_one_of_several_fails_and_one_is_stopped(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.ask("How long?")
        chat.types("/retry scripted:refused scripted:endless scripted:echo/fast")
        chat.sees("The scripted engine does not answer.", "scripted:endless is writing")
        chat.send(CTRL_C)
        chat.sees("/adopt")
        rows = answers(home)
        assert [(r.model, r.status) for r in rows[:3]] == [
            ("scripted:echo", "complete"), ("scripted:refused", "failed"), ("scripted:endless", "cancelled")
        ]  # fmt: skip
        chat.ask("Still there?", "scripted:echo\nStill there?")


def test_stop_all_stops_what_is_watched_too(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.ask("How long?")
        chat.command("/stop all", "No answer is being made.")
        chat.types("/retry scripted:endless scripted:endless/fast")
        chat.sees("scripted:endless is writing")
        chat.send("/stop all" + ENTER)
        chat.sees("2 answers stopped; what came is kept.", "/adopt B")
        assert "differences in fact" not in chat.everything(), "what was cut is not compared"
        assert [r.status for r in answers(home)] == ["complete", "cancelled", "cancelled"]


def test_one_other_answer_is_asked_about(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.ask("How long?")
        chat.command("/retry scripted:markdown/creative", PLAIN, "adopt B? [y]es / [n]o / [d]iff")
        chat.send("And in Osaka?" + ENTER)  # whatever else is typed is not lost
        chat.sees("stays.")
        chat.holds("And in Osaka?")
        chat.ask("", "scripted:echo\nAnd in Osaka?")


def test_a_full_server_and_a_model_too_large_keep_nobody_else_waiting(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), rows=40) as chat:
        chat.ask("How long?")
        chat.types("/retry scripted:busy scripted:memory scripted:echo/fast")
        chat.sees("Too many wait. Again in 2 s.", "scripted:memory does not fit.", "D scripted:echo fast")
        assert [(r.model, r.status) for r in answers(home)[2:]] == [
            ("scripted:memory", "failed"), ("scripted:echo", "complete")
        ]  # fmt: skip
        chat.send("/stop B" + ENTER)
        chat.sees("1 answer stopped; what came is kept.", "/adopt D")


def test_a_judge_that_takes_its_time_says_so_and_what_comes_next(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    with Chat(home) as chat:
        chat.ask("one")
        chat.command("/judge A --by scripted:endless", "judges A", "s · Ctrl-C stops it")
        chat.send("what next" + ENTER)
        chat.sees("next: what next", "s · Ctrl-C stops it")
        chat.send(CTRL_C)
        chat.sees("(stopped)", ENDED, gone="Ctrl-C stops it")
        chat.leave()
    assert [a.question for a in answers(home)] == ["one", "what next"]


def test_ctrl_c_stops_all_six_and_keeps_what_came(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    with Chat(home, columns=120, rows=40) as chat:
        chat.ask("one")
        chat.command("/retry scripted:endless x4 scripted:echo scripted:length", "scripted:endless is writing")
        chat.send(CTRL_C)
        chat.sees("what came is kept", "/adopt", gone="is writing")
        chat.ask("two")
        chat.leave()
    first, *others = [a for a in answers(home) if a.question == "one"]
    assert (first.adopted, [a.adopted for a in others]) == (1, [0] * 6)
    assert {a.status for a in others} <= {"cancelled", "complete"}
    assert all(a.text for a in others if a.status == "complete")
    assert any(a.status == "cancelled" and a.text for a in others)


def test_what_has_no_room_beside_another_is_asked_again_alone(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    with Chat(home, rows=40) as chat:
        chat.ask("How long does it take to go there and back again?")
        chat.command("/lineup limit 3", "3")
        chat.types("/retry scripted:slow scripted:crowded scripted:slow/fast")
        chat.sees("scripted:crowded does not fit. Once more, alone.")
        chat.sees("C scripted:crowded", "/adopt", seconds=60)
        chat.leave()
    assert [(a.model, a.status) for a in answers(home)] == [
        ("scripted:echo", "complete"), ("scripted:slow", "complete"), ("scripted:crowded", "complete"),
        ("scripted:slow", "complete"),
    ]  # fmt: skip


def test_the_board_tells_who_failed_who_is_done_and_what_the_others_wait_for(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    with Chat(home, columns=120, rows=40) as chat:
        chat.ask("one")
        chat.types("/retry scripted:refused scripted:echo scripted:endless scripted:endless/fast")
        chat.sees("scripted:refused failed", "scripted:echo is done", "scripted:endless is writing")
        chat.sees("waiting for scripted:endless  1")  # and for how long
        chat.send("/stop D" + ENTER)
        chat.sees("scripted:endless was stopped", "scripted:endless is writing")
        chat.send(CTRL_C)
        chat.sees("/adopt")
        chat.leave()
