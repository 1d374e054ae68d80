"""What runs, in words: rows of the board, what an answer is doing, what is made behind it, what was typed ahead.

Prints nothing.
"""

import time
from collections.abc import Iterable

from llamune import text
from llamune.chat.board import Lane
from llamune.chat.events import AnswerFailed, AnswerFinished
from llamune.i18n import _, ngettext
from llamune.knowledge.renewals import Renewal
from llamune.shell.view import View


def waiting_for(lane: Lane, now: float) -> str:
    """What a running answer is doing, and since when, in words."""
    said = {
        "waiting": lane.why or _("waiting for {model}"),
        "loading": _("loading {model}"),
        "reading": _("{model} reads {tokens} tokens") if lane.reading else _("{model} reads the conversation"),
        "thinking": _("{model} is thinking"),
        "writing": _("{model} is writing"),
    }.get(lane.state, "{model}")
    what = said.format(model=text.one_line(lane.model), tokens=f"{lane.reading:,}")
    return f"{what}  {text.seconds(1000 * (now - lane.since))}"


def _ended(lane: Lane) -> str:
    match lane.end:
        case AnswerFinished():
            said = _("{model} is done")
        case AnswerFailed():
            said = _("{model} failed")
        case _:
            said = _("{model} was stopped")
    return said.format(model=text.one_line(lane.model))


def behind(lanes: Iterable[Lane], renewals: Iterable[Renewal], glyphs: text.Glyphs) -> str:
    """Answers and indexes that are made in the background, for the toolbar."""
    now, parts = time.monotonic(), []
    for lane in lanes:
        since = _("waiting") if lane.state == "waiting" else text.seconds(1000 * (now - lane.since))
        parts.append(f"{text.one_line(lane.model)} {since}")
    answers = [f"{glyphs.wait} {' · '.join(parts)}"] if parts else []
    return " · ".join([*(f"{glyphs.renew} {r.percent} % {r.corpus}" for r in renewals), *answers])


def typed_ahead(lines: Iterable[str], view: View, columns: int) -> list[str]:
    """The last lines that were typed ahead, as rows."""
    rows = [text.cut(_("next: ") + text.one_line(line), columns - 1) for line in lines]
    return [view.style(row, "dim") for row in rows[-3:]]


def board(lanes: list[Lane], rows: int, columns: int, tail: list[str]) -> list[str]:
    """A row for each answer, then `tail`; where `rows` are too few, those being made, and how many more there are."""
    now, room = time.monotonic(), max(1, rows - len(tail))
    if len(lanes) > room:
        lanes = sorted(lanes, key=lambda lane: (lane.end is not None, lane.state == "waiting"))
        lanes, left = lanes[: room - 1], lanes[room - 1 :]
        waiting = sum(not lane.end for lane in left)
        told = _("  … {waiting} more waiting, {done} done").format(waiting=waiting, done=len(left) - waiting)
        tail = [text.cut(told, columns - 1), *tail]
    return [*(_row(lane, now, columns) for lane in lanes), *tail]


def _row(lane: Lane, now: float, columns: int) -> str:
    tokens = ngettext("{n} token", "{n} tokens", lane.pieces).format(n=lane.pieces) if lane.pieces else ""
    said = _ended(lane) if lane.end else waiting_for(lane, now)
    return text.cut(f"  {lane.letter}  {lane.preset:<10} {said}  {tokens}", columns - 1)
