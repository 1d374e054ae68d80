"""What this terminal is like: how wide ambiguous characters are, and which signs its encoding has.

Our own layout asks `text.width`. prompt_toolkit has no setting for it, only a cache of widths, which is filled here;
otherwise the input line and the toolbar would count ①, ※ or → as one column where the terminal draws two.
"""

from dataclasses import asdict
from typing import Literal

from prompt_toolkit.utils import _CHAR_SIZES_CACHE
from wcwidth import wcwidth

from llamune import text

# Where characters of ambiguous width lie; private use areas are left out.
BLOCKS = (
    range(0xA1, 0x452),
    range(0x2010, 0x2BFF),
    range(0x3248, 0x3250),
    range(0xFFFD, 0xFFFE),
    range(0x1F100, 0x1F1AD),
)
PUNCTUATION = {"·": "-", "→": "->", "←": "<-", "“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "~"}


def use_ambiguous_width(columns: Literal[1, 2]) -> None:
    """Lets text and prompt_toolkit count `columns` for ambiguous characters. Call it before `text.glyphs`."""
    text.set_ambiguous(columns)
    _CHAR_SIZES_CACHE.clear()
    if columns == 2:
        _CHAR_SIZES_CACHE.update({char: 2 for block in BLOCKS for char in map(chr, block) if _is_ambiguous(char)})


def _is_ambiguous(char: str) -> bool:
    return wcwidth(char) == 1 and wcwidth(char, ambiguous_width=2) == 2


def plain_signs(said: str, encoding: str) -> str:
    """`said` with the signs that `encoding` lacks spelt with plain ones; any other character it lacks becomes "?"."""
    plain = asdict(text.ASCII_GLYPHS)
    signs = {s: plain[name] for name, s in asdict(text.Glyphs()).items() if len(s) == 1} | PUNCTUATION
    try:
        lacking = {c for c in set(said) if c != c.encode(encoding, "replace").decode(encoding)}
    except LookupError:
        return said
    return said.translate({ord(c): signs.get(c, "?") for c in lacking})
