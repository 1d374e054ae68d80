"""The evidence as one HTML file that needs no network, no script and no other file. It carries the log itself, which
`llamune evidence verify` reads again: the words on the page prove nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from llamune.cli.evidence_told import sections, state
from llamune.cli.report_style import opening
from llamune.commands.values import Fields, Listing, Note, Shown
from llamune.i18n import _
from llamune.network.proof import Finding, Log
from llamune.text import clean, one_line


def page(log: Log, found: Sequence[Finding], document: Mapping[str, Any]) -> str:
    """The whole file."""
    carried = json.dumps(document, ensure_ascii=True).replace("<", "\\u003c")
    return "".join([
        *_body(log, found, document),
        f'<script type="application/json" id="evidence">{carried}</script></body></html>\n',
    ])  # fmt: skip


def _body(log: Log, found: Sequence[Finding], document: Mapping[str, Any]) -> Iterator[str]:
    first, *rest = sections(log)
    yield opening(first.title)
    yield f'<p class="soft">{escape(clean(str(document["machine"])))} · {escape(str(document["made"]))}</p>'
    yield from map(_shown, state(log, found))
    how = _("This file carries the log. To check it: {command}").format(command="llamune evidence verify FILE")
    yield f'<p class="note">{escape(how)}</p>'
    yield from map(_shown, first.values)
    for section in rest:
        yield f"<section><h2>{escape(section.title)}</h2>"
        yield from map(_shown, section.values)
        yield "</section>"


def _shown(value: Shown) -> str:
    match value:
        case Note(text=text, tone=tone):
            name = {"good": "good", "bad": "bad", "dim": "soft", "warn": "bad"}.get(tone, "")
            return "".join(f'<p class="{name}">{escape(clean(line))}</p>' for line in text.split("\n"))
        case Fields(rows=rows):
            cells = (f"<tr>{_cell('th', name)}{_cell('td', said)}</tr>" for name, said in rows)
            return _table("", cells)
        case Listing() if not value.rows:
            return f'<p class="soft">{escape(value.empty)}</p>'
        case Listing():
            head = "".join(_cell("th", c.title, right=c.right) for c in value.columns)
            rows_ = (
                "".join(_cell("td", cell, right=c.right) for c, cell in zip(value.columns, row, strict=True))
                for row in value.rows
            )
            after = f'<p class="note">{escape(value.after)}</p>' if value.after else ""
            return _table(f"<thead><tr>{head}</tr></thead>", (f"<tr>{row}</tr>" for row in rows_)) + after
    raise TypeError(type(value))  # the report has no others


def _table(head: str, rows: Iterator[str]) -> str:
    return f'<div class="scroll"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def _cell(tag: str, said: str, *, right: bool = False) -> str:
    name = "" if right else ' class="name"'
    return f"<{tag}{name}>{escape(one_line(said))}</{tag}>"
