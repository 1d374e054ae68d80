"""The Markdown that models write, read so that nothing of it is lost: a markdown-it parser with five changes.

- HTML is text (`List<String>`, `<T>`, `<div>` would vanish). Links keep the address as it was written.
- Reference definitions are text: a definition may follow its use, and a printed row never changes. So are headings
  underlined with `---`: a model means a rule.
- Too many cells in a table row are kept in the last column (GFM drops them).
- Quotes and lists deeper than DEPTH are text (markdown-it skips the rest of such a block).
- `**「重要」**です` is bold: CommonMark wants a blank beside punctuation there, and Japanese has none
  (the rule of the CommonMark CJK-friendly amendments).

Knows no rows and no colours.
"""

import re
import unicodedata
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_block import RuleFuncBlockType
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_block.table import escapedSplit, getLine, table
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.rules_inline.state_inline import Delimiter

BLOCK_MARK = re.compile(r">|(?:[-*+]|\d{1,9}[.)]|#{1,6})(?:\s|$)|```|~~~")  # of quotes, items, headings, code
ENDING = frozenset(".,;:!?/)]}")
DEPTH = 16  # levels of tokens; a list nests two of them


def parser() -> MarkdownIt:
    """Reads a whole text into tokens."""
    md = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    md.disable(["html_block", "html_inline", "reference", "lheading"])
    md.options["maxNesting"] = DEPTH + 4
    paragraph_like = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    md.block.ruler.at("blockquote", _shallow(blockquote), {"alt": paragraph_like})
    md.block.ruler.at("list", _shallow(list_block), {"alt": paragraph_like[:3]})
    md.inline.ruler.at("emphasis", _emphasis)
    md.inline.ruler.at("link", _with_address(link))
    md.inline.ruler.at("image", _with_address(image))
    md.normalizeLink = md.normalizeLinkText = lambda url: url  # type: ignore[method-assign,assignment]
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    return md


def block_parser() -> MarkdownIt:
    """Finds where blocks begin, without looking into them."""
    md = parser()
    md.core.ruler.enableOnly(["normalize", "block"])
    return md


def _shallow(rule: RuleFuncBlockType) -> RuleFuncBlockType:
    """The rule, but not below DEPTH: what is deeper becomes a paragraph and so stays."""
    return lambda state, start, end, silent: state.level < DEPTH and rule(state, start, end, silent)


def _with_address(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """The rule, but not in a text where it cannot succeed: a model that repeats "[[[[" without end would cost much."""
    return lambda state, silent: state.src[state.pos] in "[!" and "](" in state.src and rule(state, silent)


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """GFM's table, with the cells of a row that has too many of them joined into its last column."""
    first = len(state.tokens)
    if BLOCK_MARK.match(getLine(state, start)):  # is that block, whether or not a line of dashes follows
        return False
    if not table(state, start, end, silent):
        return False
    columns = sum(token.type == "th_open" for token in state.tokens[first:])
    for n, token in enumerate(state.tokens[first:], first):
        if token.type == "tr_open" and token.map and token.map[0] > start:
            cells = _cells(getLine(state, token.map[0]))
            if len(cells) > columns:
                last = state.tokens[n + 3 * columns - 1]  # a cell is three tokens: open, inline, close
                last.content = " | ".join(cell.strip() for cell in cells[columns - 1 :])
    return True


def _cells(line: str) -> list[str]:
    cells = escapedSplit(line.strip())
    begin, end = int(cells[0] == ""), len(cells) - int(cells[-1] == "")
    return cells[begin:end]


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Takes in a run of `*` or `_` as marks that may open and close emphasis."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    run = state.scanDelims(state.pos, marker == "*")
    opens, closes = run.can_open, run.can_close
    if marker == "*":
        opens, closes = _flanks(state.src, state.pos, state.pos + run.length)
    for _ in range(run.length):
        state.push("text", "", 0).content = marker
        state.delimiters.append(Delimiter(ord(marker), run.length, len(state.tokens) - 1, -1, open=opens, close=closes))
    state.pos += run.length
    return True


def _flanks(source: str, begin: int, end: int) -> tuple[bool, bool]:
    """Whether the run of `*` at [begin, end) may open and close; CJK punctuation counts as a letter beside it."""
    before, after = source[begin - 1] if begin else " ", source[end] if end < len(source) else " "
    before_blank, after_blank = isWhiteSpace(ord(before)), isWhiteSpace(ord(after))
    before_sign, after_sign = _is_sign(before), _is_sign(after)
    beside_cjk = _is_cjk(before) and after not in ENDING  # or the files *.txtと*.md would lose their stars
    opens = not after_blank and (not after_sign or before_blank or before_sign or beside_cjk)
    closes = not before_blank and (not before_sign or after_blank or after_sign or _is_cjk(after))
    return opens, closes


def _is_sign(char: str) -> bool:
    return (isMdAsciiPunct(ord(char)) or isPunctChar(char)) and not _is_cjk(char)


def _is_cjk(char: str) -> bool:
    return char > "\u2e7f" and unicodedata.east_asian_width(char) in "WFH"
