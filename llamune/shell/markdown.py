"""Markdown as rows of styled text for a terminal of any width, Japanese first; every visible character is kept.

A small renderer on markdown-it's tokens. Blocks are rendered one by one and know nothing of each other, which is what
lets an answer be printed while it arrives (see stream.py). Rows are never wider than asked; line ends of the source
stay line ends (joining Japanese lines would put blanks between them, and poems and addresses would go).
"""

from collections.abc import Iterable, Iterator

from markdown_it.tree import SyntaxTreeNode

from llamune import text
from llamune.shell import table
from llamune.shell.code import Highlighter
from llamune.shell.runs import DIM, Line, Look, beside, both, fold, plain, restyle, untab, width, wrap

NARROWEST = 12  # columns that an indented block keeps; deeper indentation is given up below it
LISTS = ("bullet_list", "ordered_list")
TIGHT = (*LISTS, "fence", "code_block")  # stand without an empty row below the text of a list item
MARKS = {"strong": ("1", "**"), "em": ("3", "*"), "s": ("9", "~~")}
CODE, LINK = "36", "4"


def gap(before: str, after: str) -> bool:
    """Whether an empty row stands between two blocks of these types at the top level."""
    return before not in ("", "heading") and after != ""


class Renderer:
    """Renders the nodes of one width.

    Args:
        columns: width of the screen.
        look: colours and signs.
    """

    def __init__(self, columns: int, look: Look) -> None:
        self.columns = max(4, columns)
        self.look = look

    def block(self, node: SyntaxTreeNode) -> list[Line]:
        """The rows of one block."""
        match node.type:
            case "heading":
                return self._heading(node)
            case "bullet_list" | "ordered_list":
                return self.items(node)[0]
            case "blockquote":
                return self._quote(node)
            case "fence" | "code_block":
                return self._code(node)
            case "table":
                return table.render(self._table(node), self.columns, self.look)
            case "hr":
                return [[(self.look.glyphs.rule * self.columns, DIM)]]
            case "paragraph":
                return self._paragraph(node)
            case _:
                return [row for child in node.children for row in self.block(child)] or self._verbatim(node)

    def _narrower(self, indent: int) -> "Renderer | None":
        return Renderer(self.columns - indent, self.look) if self.columns - indent >= NARROWEST else None

    def _paragraph(self, node: SyntaxTreeNode) -> list[Line]:
        rows = wrap(self._inline(node), self.columns)
        return rows if any(plain(row) for row in rows) else []

    def _verbatim(self, node: SyntaxTreeNode) -> list[Line]:
        return wrap([(text.clean(node.content), "")], self.columns) if node.content else []

    def _heading(self, node: SyntaxTreeNode) -> list[Line]:
        runs = self._inline(node)
        if not self.look.color:
            runs = [(node.markup + " ", ""), *runs]
        return wrap(restyle(runs, "1;4" if node.tag == "h1" else "1"), self.columns) if plain(runs).strip() else []

    def _quote(self, node: SyntaxTreeNode) -> list[Line]:
        bar: Line = [(self.look.glyphs.bar + " ", DIM)]
        inner = self._narrower(width(bar))
        rows = (inner or self)._stack(node.children)
        return beside(bar, bar, rows) if inner else rows

    # lists

    def items(self, node: SyntaxTreeNode, after: int | None = None) -> tuple[list[Line], int]:
        """The rows of a list, and the last number in it.

        Args:
            after: the number of the item before, when the list has begun earlier. Numbers stand as they were written,
                unless they do not rise (1. 1. 1.): then they are counted.
        """
        rows: list[Line] = []
        number = after
        for item in node.children:
            marker = self.look.glyphs.bullet
            if node.type == "ordered_list":
                number = _next_number(number, item.info)
                marker = f"{number}{item.markup or '.'}"
            rows += self._item(item, f"{marker} ".rjust(3 if number is None else 4))
        return rows, number or 0

    def _item(self, item: SyntaxTreeNode, marker: str) -> list[Line]:
        wide = text.width(marker)
        if inner := self._narrower(wide):
            return beside([(marker, "")], [(" " * wide, "")], inner._stack(item.children, TIGHT))
        return [*wrap([(marker.strip(), "")], self.columns), *self._stack(item.children, TIGHT)]

    def _stack(self, nodes: Iterable[SyntaxTreeNode], tight: tuple[str, ...] = ()) -> list[Line]:
        """Blocks below one another, an empty row between them but before those of the types in `tight`."""
        out: list[Line] = []
        before = ""
        for node in nodes:
            if not (rows := self.block(node)):
                continue
            if out and node.type not in tight and gap(before, node.type):
                out.append([])
            out += rows
            before = node.type
        return out

    # code and tables

    def _code(self, node: SyntaxTreeNode) -> list[Line]:
        code = Code(node.info, self.look)
        lines = node.content.split("\n")
        rows = [row for line in lines[: len(lines) - (lines[-1] == "")] for row in code.line(line, self.columns)]
        return [*code.top(self.columns), *rows, *code.bottom()]

    def _table(self, node: SyntaxTreeNode) -> table.Table:
        rows = [row.children for part in node.children for row in part.children]
        cells = [[self._inline(cell) for cell in row] for row in rows]
        aligns = [str(cell.attrs.get("style", "")).removeprefix("text-align:") or "left" for cell in rows[0]]
        return table.Table(cells[0], cells[1:], aligns)

    # inside paragraphs

    def _inline(self, node: SyntaxTreeNode, style: str = "") -> Line:
        return [run for child in node.children for run in self._span(child, style)]

    def _span(self, node: SyntaxTreeNode, style: str) -> Iterator[tuple[str, str]]:
        match node.type:
            case "inline":
                yield from self._inline(node, style)
            case "softbreak" | "hardbreak":
                yield "\n", ""
            case "strong" | "em" | "s":
                own, mark = MARKS[node.type]
                yield from self._marked(self._inline(node, both(style, own)), mark)
            case "code_inline":
                yield from self._marked([(_safe(node.content), both(style, CODE))], "`")
            case "link":
                yield from self._link(self._inline(node, both(style, LINK)), node.attrs, "href", style)
            case "image":
                alt = self._inline(node, style) or [(_safe(node.content), style)]
                yield from self._link(alt, node.attrs, "src", style)
            case _:
                yield _safe(node.content), style

    def _marked(self, runs: Line, mark: str) -> Line:
        """The runs between Markdown's own marks, where no colour sets them off."""
        return runs if self.look.color else [(mark, ""), *runs, (mark, "")]

    def _link(
        self, label: Line, attributes: dict[str, str | int | float], key: str, style: str
    ) -> Iterator[tuple[str, str]]:
        """The label and behind it the address, so that it can be read and copied."""
        address, title = (text.one_line(str(attributes.get(name, ""))) for name in (key, "title"))
        yield from label
        if plain(label).strip() == address and not title:
            return
        shown = f'{address} "{title}"' if title else address
        if plain(label).strip():
            yield f" ({shown})", both(style, DIM)
        else:
            yield shown, both(style, DIM)


class Code:
    """A code block row by row: a corner with the language, lines without a margin (they can be copied), a corner."""

    def __init__(self, info: str, look: Look) -> None:
        self.info = text.one_line(info)
        self._look = look
        self._highlighter = Highlighter(self.info.partition(" ")[0])

    def top(self, columns: int) -> list[Line]:
        return wrap([(f"{self._look.glyphs.corner} {self.info}".rstrip(), DIM)], columns)

    def line(self, line: str, columns: int) -> list[Line]:
        return fold(self._highlighter.line(untab(line)), columns)

    def peek(self, line: str, columns: int) -> list[Line]:
        """The rows of a line that is still growing."""
        return fold(self._highlighter.peek(untab(line)), columns)

    def bottom(self) -> list[Line]:
        return [[(self._look.glyphs.corner_end, DIM)]]


def _safe(content: str) -> str:
    """Cleans what an entity (`&#x202e;`) can bring back in; tabs would be as wide as the terminal likes."""
    return text.clean(content).replace("\t", " ")


def _next_number(before: int | None, written: str) -> int:
    number = int(written) if written.isdecimal() else 1
    return number if before is None or number > before else before + 1
