"""What a command gives to be shown: plain values, without colours or widths, so that any screen can show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llamune.chat.session import Answer, Turn

if TYPE_CHECKING:
    from llamune.chat.disagreement import Report

Tone = Literal["plain", "dim", "good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Note:
    """One or more lines of text."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a listing. `least`: fewest columns it can be cut to, 0 = it is never cut; `spare`: dropped first
    (the highest number first) when the screen is narrow, 0 = never."""

    title: str
    right: bool = False
    least: int = 0
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under headings; `after` is a dim line below, `empty` what is said when there are no rows."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    after: str = ""
    empty: str = ""
    marked: int = -1  # the row that is current


@dataclass(frozen=True, slots=True)
class Fields:
    """Names and values, one per line."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Said:
    """A turn as it is read again: question, and the answer that stands (or `answers`, all of them)."""

    turn: Turn
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text shown as it is, between two dim lines (what the model sees, a system prompt)."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with marked places: (start, end) pairs, as of a search result or a difference."""

    text: str
    marks: Sequence[tuple[int, int]] = ()
    head: str = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where answers differ in fact; `sentences`: with the sentence of each answer."""

    report: "Report"
    sentences: bool = True


Shown = Disagreement | Note | Listing | Fields | Said | Verbatim | Marked | Answer
