"""What commands print: listings and fields for people, JSON for programs. Data only; errors are `cli.complain`'s.

Everything for people is made by shell/view.py, with colours on a terminal only, and has passed `text.clean` there.
"""

import json
import re
import shutil
import sys
from typing import TextIO

from llamune.chat.session import Answer
from llamune.commands.values import Shown
from llamune.shell.style import Style, colors
from llamune.shell.view import View
from llamune.text import glyphs

WIDE = 200  # columns of a listing that goes into a pipe or a file
NOT_FOR_TERMINALS = re.compile(
    r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def show(*values: Shown | str) -> None:
    """Prints values, one after another."""
    view, columns = _view(sys.stdout)
    for value in values:
        print(view.show(value, columns))


def show_sources(answer: Answer) -> None:
    """What stands behind an answer, on standard error."""
    view, columns = _view(sys.stderr)
    for said in (view.above(answer, columns), view.cited(answer, columns)):
        if said:
            print(said, file=sys.stderr)


def _view(stream: TextIO) -> tuple[View, int]:
    """How things look on a stream, and how many columns it has."""
    terminal = stream.isatty()
    view = View(Style(colors(terminal=terminal)), glyphs(stream.encoding), markdown=False, commands=False)
    return view, shutil.get_terminal_size().columns if terminal else WIDE


def show_json(value: object) -> None:
    """Prints one JSON value."""
    print(as_json(value, indent=2))


def as_json(value: object, indent: int | None = None) -> str:
    """JSON that a terminal may see: whatever it would obey is written as \\uXXXX, which means the same to a reader."""
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    return harmless(json.dumps(value, ensure_ascii=plain, indent=indent))


def harmless(json_text: str) -> str:
    """JSON text with the same meaning and nothing in it that a terminal would obey."""
    return NOT_FOR_TERMINALS.sub(lambda m: f"\\u{ord(m[0]):04x}", json_text)


def confirmed(question: str) -> bool:
    """Asks on the terminal; anything but yes, and no terminal, is no."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    from llamune.commands.wording import yes

    return yes(sys.stdin.readline())
