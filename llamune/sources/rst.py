"""reStructuredText through docutils, with every directive that reads files or passes raw text switched off.

What a directive that docutils does not know (Sphinx) holds is kept as text.
"""

from collections.abc import Iterator
from typing import Any

from llamune.sources.outline import Outline
from llamune.sources.part import Part, Unreadable
from llamune.sources.plain import decode

SAFE = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 6,
    "warning_stream": False,
    "smart_quotes": False,
    "line_length_limit": 1_000_000,
    "doctitle_xform": False,
    "input_encoding": "unicode",
}


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part."""
    try:
        from docutils.core import publish_doctree
    except ImportError as error:
        raise Unreadable("package") from error
    tree = publish_doctree(decode(content), settings_overrides=SAFE)
    outline = Outline()
    fields: dict[str, str] = {}
    title = next((found.astext() for found in tree.findall(_named("title"))), "")
    _walk(outline, tree, 0, fields)
    get = fields.get
    date = get("date", "") if get("date", "")[:4].isdigit() else ""
    yield Part(outline.sections(), title, date, author=get("author", ""), department=get("department", ""))


def _named(tag: str) -> Any:
    return lambda node: node.tagname == tag


def _walk(outline: Outline, node: Any, level: int, fields: dict[str, str]) -> None:
    for child in node.children:
        outline.at(line=child.line)
        tag = child.tagname
        if tag == "section":
            _walk(outline, child, level + 1, fields)
        elif tag in ("title", "subtitle"):
            outline.heading(child.astext(), max(1, level))
        elif tag == "table":
            _table(outline, child)
        elif tag in ("field", "author", "date"):
            key, _, value = child.astext().partition("\n\n") if tag == "field" else (tag, "", child.astext())
            fields[key.lower()] = value
            outline.text(f"{key}: {value}")
        elif tag == "system_message":
            for literal in child.findall(_named("literal_block")):
                outline.text(literal.astext(), sep="\n\n")
        elif tag in ("literal_block", "doctest_block"):
            outline.text(child.astext(), sep="\n\n", rules=False)
        elif tag not in ("comment", "substitution_definition", "target", "pending"):
            _block(outline, child, level, fields)


def _block(outline: Outline, node: Any, level: int, fields: dict[str, str]) -> None:
    """A paragraph, or whatever holds some."""
    if node.tagname == "list_item":
        outline.text("・" + node.astext().replace("\n\n", "\n"))
    elif node.children and not any(child.tagname == "#text" for child in node.children) and node.tagname != "paragraph":
        _walk(outline, node, level, fields)
    else:
        outline.text(node.astext(), sep="\n\n")


def _table(outline: Outline, table: Any) -> None:
    for title in table.findall(_named("title")):
        outline.text(title.astext())
    rows = [[cell.astext() for cell in row.children] for row in table.findall(_named("row"))]
    outline.table(rows)
