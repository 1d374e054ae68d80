"""Builds a document's sections while a reader goes through it: headings in, sections with their path out.

Knows two kinds of headings: those that the format states, with a level, and clauses of Japanese rules in plain lines
(see `clauses`), which stand below whatever the format stated before. Nothing that is put in gets lost: a heading
without text becomes the text of a section.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from llamune.sources.clauses import caption, clause
from llamune.sources.document import Section
from llamune.sources.part import MAX_ROWS, MAX_TEXT, Unreadable


@dataclass(frozen=True, slots=True)
class _Heading:
    text: str
    stated: int | None  # the format's level; None = a clause in a plain line
    rule: int | None  # the clause's level


class Outline:
    """The sections so far."""

    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._begun: Section | None = None  # whose text is still in _pieces
        self._pieces: list[str] = []
        self._path: list[_Heading] = []
        self._bare = False  # nothing stands below the newest heading yet
        self._size = 0
        self._place: tuple[int | None, int | None] = (None, None)

    def at(self, page: int | None = None, line: int | None = None) -> None:
        """Where the following stands."""
        self._place = (page, line)

    def heading(self, text: str, level: int) -> None:
        """A heading that the format states; level 1 is the outermost."""
        if text := one_line(text):
            found = clause(text)
            self._push(_Heading(text, level, found.level if found else None))

    def text(self, text: str, *, sep: str = "\n", rules: bool = True) -> None:
        """Lines of text; those that are headings of clauses become headings.

        Args:
            sep: what joins it to text before in the same section.
            rules: look for clauses.
        """
        first = self._place[1]
        held: list[str] = []
        start = first
        for number, line in enumerate(normal(text).split("\n")):
            here = None if first is None else first + number
            found = clause(line) if rules else None
            if found is None:
                start = start if held else here
                held.append(line)
                continue
            self._add("\n".join(held), sep, start)
            heading = one_line(found.heading + self._caption())
            self._push(_Heading(heading, None, found.level))
            held, start = ([found.rest] if found.rest else []), here
        self._add("\n".join(held), sep, start)

    def table(self, rows: Iterable[Sequence[str]], *, header: bool = True, first: int | None = None) -> None:
        """A table; one line per row, the first the header. One column is text.

        Args:
            first: the number of the first row in its sheet; an empty row then begins another section.
        """
        lines = [(number, line) for number, row in enumerate(self._counted(rows), first or 0) if (line := _row(row))]
        if not lines:
            return
        top = lines.pop(0)[1] if header and len(lines) > 1 and " | " in lines[0][1] else ""
        for _gap, run in groupby(enumerate(lines), lambda at: 0 if first is None else at[1][0] - at[0]):
            found = [line for _place, line in run]
            row = None if first is None else found[0][0]
            self._put(Section("", self._names(), "table", top, *self._place, row), "\n".join(t for _n, t in found))
        self._flush()

    def leave(self) -> None:
        """Ends all headings: what follows stands on its own."""
        self._end_bare(0)
        self._path = []

    def sections(self) -> tuple[Section, ...]:
        """All of them; nothing may be added afterwards."""
        self._end_bare(0)
        self._flush()
        return tuple(self._sections)

    def _counted(self, rows: Iterable[Sequence[str]]) -> Iterable[Sequence[str]]:
        for number, row in enumerate(rows):
            if number > MAX_ROWS:
                raise Unreadable("rows")
            yield row

    def _caption(self) -> str:
        """Takes （…） away from the end of the text so far: it names the clause that follows."""
        before, _end, last = self._pieces[-1].rpartition("\n") if self._begun else ("", "", "")
        found = caption(last)
        if found:
            self._pieces[-1] = before
            if not before:
                del self._pieces[-2:]  # with what joined it
            if not self._pieces:
                self._begun, self._bare = None, bool(self._path)
        return found

    def _push(self, heading: _Heading) -> None:
        keep = len(self._path)
        for index, old in enumerate(self._path):
            if heading.stated is not None:
                ends = old.stated is None or old.stated >= heading.stated
            else:
                ends = old.rule is not None and heading.rule is not None and old.rule >= heading.rule
            if ends:
                keep = index
                break
        self._end_bare(keep)
        self._path[keep:] = [heading]
        self._bare = True

    def _end_bare(self, keep: int) -> None:
        if self._bare and keep < len(self._path):
            names = self._names()
            self._put(Section("", names[:-1], "text", "", *self._place), names[-1])

    def _add(self, text: str, sep: str, line: int | None) -> None:
        if not text.strip():
            return
        text, begun = text.strip("\n"), Section("", self._names(), "text", "", self._place[0], line)
        if self._begun and (begun.path, begun.page) == (self._begun.path, self._begun.page):
            self._grow(len(text))
            self._pieces += [sep, text]
        else:
            self._put(begun, text)

    def _put(self, section: Section, text: str) -> None:
        self._flush()
        self._grow(len(text))
        self._begun, self._pieces, self._bare = section, [text], False

    def _flush(self) -> None:
        if self._begun:
            self._sections.append(replace(self._begun, text="".join(self._pieces)))
        self._begun = None

    def _grow(self, more: int) -> None:
        self._size += more
        if self._size > MAX_TEXT:
            raise Unreadable("wordy")

    def _names(self) -> tuple[str, ...]:
        return tuple(heading.text for heading in self._path)


def _row(cells: Sequence[str]) -> str:
    line = " | ".join(one_line(cell) for cell in cells)
    return line if line.strip(" |") else ""


def one_line(text: str) -> str:
    """Runs of blanks and line ends as one blank."""
    return " ".join(text.split())


def normal(text: str) -> str:
    """Line ends as LF, vertical tabs (Word's and PowerPoint's line break) too; NUL is dropped."""
    return text.replace("\r\n", "\n").translate(_ENDS)


_ENDS = {0: None, 11: "\n", 12: "\n", 13: "\n", 0x2028: "\n", 0x2029: "\n", 0x85: "\n"}
