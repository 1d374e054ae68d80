"""What has to be told to this process once about its terminal: how wide ambiguous characters are.

Our own layout asks `text.width`. prompt_toolkit has no setting for it, only a cache of widths, which is filled here;
otherwise the input line and the toolbar would count ①, ※ or → as one column where the terminal draws two.
"""

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


def use_ambiguous_width(columns: Literal[1, 2]) -> None:
    """Lets text and prompt_toolkit count `columns` for ambiguous characters. Call it before `text.glyphs`."""
    text.set_ambiguous(columns)
    _CHAR_SIZES_CACHE.clear()
    if columns == 2:
        _CHAR_SIZES_CACHE.update({char: 2 for block in BLOCKS for char in map(chr, block) if _is_ambiguous(char)})


def _is_ambiguous(char: str) -> bool:
    return wcwidth(char) == 1 and wcwidth(char, ambiguous_width=2) == 2
