"""Markdown: sections by its headings, the text as it was written; tables get a header; front matter is about the file.

Headings and tables are found by markdown-it, so that a "#" in a code block is none.
"""

import re
from collections.abc import Iterator, Mapping

from llamune.sources.outline import Outline
from llamune.sources.part import Part
from llamune.sources.plain import decode

_FRONT = re.compile(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_MARKED = re.compile(r"[*_`\[<&\\~]")
_FIELD = re.compile(r"([A-Za-z_-]+)[ \t]*:[ \t]*(.*)")


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part."""
    from markdown_it import MarkdownIt

    text = decode(content).replace("\r\n", "\n").replace("\r", "\n")
    fields, skipped = front_matter(text)
    lines = text.split("\n")
    lines[:skipped] = [""] * skipped  # the numbers of the lines below stay
    outline = Outline()
    title = ""
    done = 0
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table").disable("inline")  # text stays as written
    words = MarkdownIt("commonmark")  # of headings
    tokens = parser.parse("\n".join(lines))
    for index, token in enumerate(tokens):
        if token.level or token.map is None or token.type not in ("heading_open", "table_open", "fence", "code_block"):
            continue
        start, end = token.map
        _plain(outline, lines, done, start)
        outline.at(line=start + 1)
        done = end
        if token.type == "heading_open":
            heading = tokens[index + 1].content[:500]
            if _MARKED.search(heading):
                (inline,) = words.parseInline(heading)
                heading = "".join(child.content or " " for child in inline.children or ())
            title = title or heading
            outline.heading(heading, int(token.tag[1]))
        elif token.type == "table_open":
            outline.table(_cells(line) for n, line in enumerate(lines[start:end]) if n != 1)
        else:
            outline.text("\n".join(lines[start:end]), sep="\n\n", rules=False)
    _plain(outline, lines, done, len(lines))
    yield Part(
        outline.sections(),
        fields.get("title") or title,
        fields.get("date", ""),
        author=fields.get("author", ""),
        department=fields.get("department", ""),
        tags=tuple(tag for tag in re.split(r"[\s,\[\]]+", fields.get("tags", "")) if tag),
    )


def front_matter(text: str) -> tuple[Mapping[str, str], int]:
    """The `key: value` lines between two `---` at the top, and how many lines that takes. Nested YAML is left out."""
    match = _FRONT.match(text)
    if match is None:
        return {}, 0
    found = (_FIELD.fullmatch(line.strip()) for line in match[1].split("\n"))
    return {m[1].lower(): m[2].strip().strip("\"'") for m in found if m}, match[0].rstrip("\n").count("\n") + 1


def _plain(outline: Outline, lines: list[str], start: int, end: int) -> None:
    while start < end and not lines[start].strip():
        start += 1
    outline.at(line=start + 1)
    outline.text("\n".join(lines[start:end]), sep="\n\n")


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip())
    return [cell.strip().replace("\\|", "|") for cell in cells[not cells[0] : len(cells) - (not cells[-1])]]
