"""Documents for the renderer's tests, and what the tests mean by "rendered as a whole" and "visible"."""

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from markdown_it.tree import SyntaxTreeNode

from llamune import text
from llamune.shell import dialect
from llamune.shell.markdown import Renderer, gap
from llamune.shell.runs import Look, paint
from llamune.shell.stream import AnswerStream

TORTURE = (Path(__file__).parent / "torture.md").read_text(encoding="utf-8")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
SIGNS = frozenset("#*_`~[]()<>!|-+=\\&;:.,\"'{}/0123456789")  # ASCII that may be markup; digits number lists


def as_a_whole(source: str, width: int, *, color: bool = True) -> str:
    """The document parsed at once and rendered block by block: no settling, no state. What a stream has to equal."""
    look = Look(color)
    renderer, before, rows = Renderer(width, look), "", []
    for node in SyntaxTreeNode(dialect.parser().parse(text.clean(source))).children:
        if block := renderer.block(node):
            rows += [[]] if before and gap(before, node.type) else []
            rows += block
            before = node.type
    return "".join(paint(row, color) + "\n" for row in rows)


def streamed(source: str, width: int, size: Callable[[], int], rows: int = 0) -> str:
    """The document in pieces of `size()` characters. With `rows`, a preview is asked for after every piece."""
    stream = AnswerStream(width)
    out, at = [], 0
    while at < len(source):
        piece = source[at : at + size()]
        at += len(piece)
        out.append(stream.feed(piece))
        if rows:
            shown = stream.preview(rows)
            assert len(shown) <= rows
            assert all(text.width(bare(row)) <= width for row in shown), shown
    return "".join(out) + stream.end()


def bare(rendered: str) -> str:
    """Without colours."""
    return ESCAPES.sub("", rendered)


def visible(source: str) -> Counter[str]:
    """How often each character occurs that no Markdown can mean as markup: letters, Japanese, signs beyond ASCII."""
    return Counter(c for c in source if not c.isspace() and c not in SIGNS)


def widest(rendered: str) -> int:
    return max(text.width(row) for row in bare(rendered).split("\n"))


WORDS = (
    "日本語", "、", "。", "「引用」", "word", " ", "  ", "    ", "\n", "\n\n", "\n", "\t", "- ", "* ", "+ ", "1. ",
    "2) ", "10. ", "> ", "# ", "## ", "```", "````", "```py\n", "~~~", "**", "*", "_", "`", "~~", "|", "|---|:-:|\n",
    "| a | b |\n", "---\n", "***\n", "===\n", '[x](http://a.b "t")', "![i](u)", "[", "]", "](", ")",
    "[r]: http://d.e\n", "<T>", "<div>\n", "&", "\\", "あ" * 30, "x" * 50, "\x1b[31m", "\r\n", "か\u3099", "\x00",
    "    code\n", "- - -\n", " \n", "①★",
)  # fmt: skip


def random_document(seed: int) -> str:
    chosen = random.Random(seed)
    return "".join(chosen.choice(WORDS) for _ in range(chosen.randint(1, 60)))
