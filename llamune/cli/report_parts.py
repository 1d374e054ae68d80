"""Pieces of HTML that reports share: a section, and a listing as a table. Everything said is escaped here."""

from html import escape

from llamune.commands.values import Listing
from llamune.text import one_line


def section(title: str, *parts: str) -> str:
    """A heading with what stands under it; `parts` are HTML."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def notes(*said: str) -> str:
    """Small print, a paragraph each."""
    return "".join(f'<p class="note">{escape(line)}</p>' for line in said)


def table(listing: Listing) -> str:
    """A listing as a table that scrolls on a narrow screen."""
    head = "".join(_cell("th", c.title, right=c.right) for c in listing.columns)
    rows = (
        "".join(_cell("td", cell, right=c.right) for c, cell in zip(listing.columns, row, strict=True))
        for row in listing.rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(tag: str, said: str, *, right: bool) -> str:
    name = "" if right else ' class="name"'
    return f"<{tag}{name}>{escape(one_line(said))}</{tag}>"
