"""An answer on the screen while it arrives: what is settled is printed once, what may still change is a preview.

A row is given out only when nothing that can follow changes it: whole blocks, items of a list one by one, lines of a
code block one by one, and always on complete lines (a lone `#`, `-` or `***` becomes something else with the next
character). So nothing on the screen is ever redrawn, whatever the length of the answer, and the end result is the same
for every way to cut the text into pieces. The work grows linearly with the text.

`feed` gives text to print above the prompt, `preview` the rows below it, `end` the rest. Nothing here prints.
"""

import re

from markdown_it.tree import SyntaxTreeNode

from llamune import text
from llamune.shell import dialect
from llamune.shell.markdown import LISTS, Code, Renderer, gap
from llamune.shell.runs import DIM, Line, Look, paint, wrap

PREVIEWED = 1500  # characters of an unsettled block that are looked at for a preview
OFTEN = 2000  # characters up to which an unsettled block is read anew with every line; beyond it, after 1/8 more
ONE_LINE = ("heading", "hr")
UNTIL_BLANK = ("paragraph", "table", "blockquote")  # blocks that an empty line ends
FENCE = re.compile(r"(?m)^[ >\t]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?(`{3,}|~{3,})")


class AnswerStream:
    """One answer. `width`, in columns, may be changed at any time; what is printed stays as it is.

    Args:
        width: columns of the screen.
        color: False: no escape sequences; Markdown's own marks set words off instead.
        markdown: False: the text as it is, cleaned, line by line (pipes, terminals that cannot do more).
        glyphs: the signs for bullets, bars and rules.
    """

    def __init__(
        self, width: int, *, color: bool = True, markdown: bool = True, glyphs: text.Glyphs | None = None
    ) -> None:
        self.width = width
        self._look = Look(color, glyphs or text.glyphs("utf-8"))
        self._markdown = markdown
        self._cleaner = text.Cleaner()
        self._parser, self._blocks = dialect.parser(), dialect.block_parser()
        self._tail = ""  # what is not settled
        self._seen = 0  # characters of it that were complete lines when it was last read
        self._before = ""  # type of the block above
        self._number: int | None = None  # of the item above, while its list may go on
        self._in_list = False
        self._code: _OpenCode | None = None
        self._kind = ""  # type of the unsettled block

    def feed(self, piece: str) -> str:
        """Takes in one more piece, raw. Returns whole rows to print now, often none."""
        self._tail += self._cleaner.feed(piece)
        if not self._markdown:
            whole, newline, self._tail = self._tail.rpartition("\n")
            return whole + newline
        return self._print(self._advance(final=False))

    def end(self) -> str:
        """What is left to print when the answer has ended, or was cut."""
        self._tail += self._cleaner.end()
        if not self._markdown:
            rest, self._tail = self._tail, ""
            return rest + "\n" if rest else ""
        rows = self._advance(final=True)
        rows += self._settle(self._tail)
        if self._code:
            rows += self._close_code()
        self._tail = ""
        return self._print(rows)

    def preview(self, rows: int) -> list[str]:
        """At most `rows` rows (ANSI) of what may still change, to be shown until the next call."""
        if rows <= 0 or not self._tail.strip():
            return []
        if not self._markdown:
            shown = wrap([(self._tail[-PREVIEWED:], "")], self.width)
        elif self._code:
            shown = self._code.code.peek(self._tail[-PREVIEWED:], self.width)
        else:
            shown = self._preview_rows(self._excerpt(rows))
        return [paint(row, self._look.color) for row in shown[-rows:]]

    def _print(self, rows: list[Line]) -> str:
        return "".join(paint(row, self._look.color) + "\n" for row in rows)

    # settling

    def _advance(self, *, final: bool) -> list[Line]:
        out: list[Line] = []
        while True:
            complete = len(self._tail) if final else self._tail.rfind("\n") + 1
            if self._code:
                out += self._code_lines(complete, final)
                if self._code:
                    return out
            else:
                enough = 1 if complete < OFTEN else complete // 8
                if complete - self._seen < enough or not self._block(complete, out):
                    return out

    def _block(self, complete: int, out: list[Line]) -> bool:
        """Settles the blocks before the last one, and the items before the last of a list. True: a code block began."""
        tokens = self._blocks.parse(self._tail[:complete], {})
        tops = [token for token in tokens if token.level == 0 and token.map and token.nesting >= 0]
        self._seen = complete
        if not tops:
            return False
        last = tops[-1]
        self._kind = last.type.removesuffix("_open")
        assert last.map
        start = last.map[0]
        if start:
            out += self._settle(self._take(start))
        whole = self._tail[: self._seen]
        if self._kind in ONE_LINE or (self._kind in UNTIL_BLANK and _ends_blank(whole)):
            out += self._settle(whole)
            self._tail, self._seen = self._tail[self._seen :], 0
        elif last.type == "fence":
            out += self._open_code(last.info, last.markup)
            return True
        elif self._kind in LISTS:
            items = [
                t.map[0] for t in tokens if t.level == 1 and t.type == "list_item_open" and t.map and t.map[0] >= start
            ]
            if len(items) > 1:
                out += self._settle(self._take(items[-1] - start), list_goes_on=True)
        return False

    def _take(self, lines: int) -> str:
        """Removes that many lines from the unsettled text."""
        end = 0
        for _ in range(lines):
            end = self._tail.index("\n", end) + 1
        source, self._tail = self._tail[:end], self._tail[end:]
        self._seen -= end
        return source

    def _settle(self, source: str, *, list_goes_on: bool = False) -> list[Line]:
        """The rows of complete blocks. `list_goes_on`: more items of the last list will follow."""
        if not source.strip():
            return []
        out: list[Line] = []
        for node in self._nodes(source):
            out += self._placed(node)
        self._in_list = list_goes_on
        if not list_goes_on:
            self._number = None
        return out

    def _placed(self, node: SyntaxTreeNode) -> list[Line]:
        """The rows of a block, with an empty one before it where it needs one."""
        renderer = Renderer(self.width, self._look)
        continued, self._in_list = self._in_list and node.type in LISTS, False
        if node.type in LISTS:
            rows, self._number = renderer.items(node, self._number if continued else None)
            if node.type == "bullet_list":
                self._number = None
        else:
            rows = renderer.block(node)
        if rows and not continued and self._before and gap(self._before, node.type):
            rows = [[], *rows]
        if rows:
            self._before = node.type
        return rows

    def _nodes(self, source: str) -> list[SyntaxTreeNode]:
        return SyntaxTreeNode(self._parser.parse(source)).children

    # code blocks, line by line

    def _open_code(self, info: str, mark: str) -> list[Line]:
        first = self._take(1) if "\n" in self._tail else self._tail
        self._tail = self._tail if first.endswith("\n") else ""
        self._code = _OpenCode(Code(info, self._look), mark, len(first) - len(first.lstrip(" ")))
        lead: list[Line] = [[]] if self._before and gap(self._before, "fence") else []
        self._before, self._number, self._in_list = "fence", None, False
        return [*lead, *self._code.code.top(self.width)]

    def _code_lines(self, complete: int, final: bool) -> list[Line]:
        assert self._code
        body, rest = self._tail[:complete], self._tail[complete:]
        lines = body.split("\n")
        if not lines[-1].strip(" \t"):  # nothing, or blanks without a line end: no line
            lines.pop()
        out: list[Line] = []
        for n, line in enumerate(lines):
            if self._code.closes(line):
                left = "\n".join(lines[n + 1 :]) + ("\n" if body.endswith("\n") and n + 1 < len(lines) else "")
                self._tail, self._seen = left + rest, 0
                return [*out, *self._close_code()]
            out += self._code.code.line(self._code.dedent(line), self.width)
        self._tail, self._seen = rest, 0
        return out

    def _close_code(self) -> list[Line]:
        assert self._code
        code, self._code = self._code.code, None
        return code.bottom()

    # the preview

    def _excerpt(self, rows: int) -> str:
        """The end of the unsettled text, so much of it that it fills the preview and reads like the whole."""
        lines = self._tail[-PREVIEWED:].split("\n")[-rows - 1 :]
        shown = "\n".join(lines)
        if len(shown) >= len(self._tail):
            return self._tail
        dropped = self._tail[: -len(shown)]
        head = dropped[:PREVIEWED].split("\n", 2)
        if self._kind == "table" and len(head) > 2:
            return f"{head[0]}\n{head[1]}\n{shown}"
        indent = len(lines[0]) - len(lines[0].lstrip(" "))
        shown = "\n".join(line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in lines)
        fences = FENCE.findall(dropped)
        return f"{fences[-1]}\n{shown}" if len(fences) % 2 else shown

    def _preview_rows(self, source: str) -> list[Line]:
        before, number, in_list = self._before, self._number, self._in_list
        try:
            return [row for node in self._nodes(source) for row in self._placed(node)]
        finally:
            self._before, self._number, self._in_list = before, number, in_list


def _ends_blank(lines: str) -> bool:
    return not lines[lines.rfind("\n", 0, -1) + 1 :].strip(" \t\n")


class _OpenCode:
    """A fenced code block whose end has not come."""

    def __init__(self, code: Code, mark: str, indent: int) -> None:
        self.code = code
        self._closing = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*\Z")
        self._indent = indent

    def closes(self, line: str) -> bool:
        return self._closing.match(line) is not None

    def dedent(self, line: str) -> str:
        """The line without as much white space as stood before the fence; a tab goes to the next multiple of four."""
        column = at = 0
        while at < len(line) and column < self._indent and line[at] in " \t":
            column += 4 - column % 4 if line[at] == "\t" else 1
            at += 1
        return " " * (column - self._indent) + line[at:]


def render(source: str, width: int, *, color: bool = True, glyphs: text.Glyphs | None = None) -> str:
    """A whole answer at once, for the history: the same rows as if it had been streamed."""
    stream = AnswerStream(width, color=color, glyphs=glyphs)
    return stream.feed(source) + stream.end()


def thinking(source: str, width: int, *, color: bool = True) -> list[str]:
    """The rows of what a model thought: dim and plain, its Markdown left as it is."""
    runs = [(text.clean(source).replace("\t", " "), DIM)]
    return [paint(row, color) for row in wrap(runs, width)]
