"""Pairs from source code: what was cut out of a function, its description from its code and back.

The file's path and imports stand before each piece, as they do for somebody who reads it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from llamune.chat.message import Message
from llamune.training.dataset import syntax
from llamune.training.pairs import Pair

LONGEST = 4000  # characters of a function
WINDOW, NEXT = 40, 12  # lines that are shown, and lines to go on with, of a file without functions
HOLE = "<FILL>"
_IMPORT = re.compile(
    r"^(?:import |from \S+ import |#include|use |using |package |require|const .*= require).*$", re.MULTILINE
)
IMPORTS = 12


def pairs(text: str, path: str) -> Iterator[Pair]:
    """The pairs of one file; none where its language has no grammar or it has a syntax error."""
    tree = syntax.parsed(text, path)
    if tree is None or not syntax.whole(tree):
        return
    before = "\n".join([f"# {path}", *_IMPORT.findall(text)[:IMPORTS]])
    found = [f for f in syntax.functions(tree, text) if f.end - f.start <= LONGEST]
    for function in found:
        source = text.encode()[function.start : function.end].decode()
        for hole in syntax.holes(function, text):
            question = f"Fill in {HOLE} ({hole.kind}).\n\n{before}\n\n{hole.prefix}{HOLE}{hole.suffix}"
            yield _pair(question, hole.middle, f"completion {hole.kind}", path)
        yield from _described(function.name, source, before, path)
    if not found:
        yield from _windows(text, before, path)


def _described(name: str, source: str, before: str, path: str) -> Iterator[Pair]:
    """Code → description and description → code, of Python functions that have a docstring."""
    if not path.endswith(".py"):
        return
    try:
        node = ast.parse(_dedented(source)).body[0]
    except (SyntaxError, IndexError, ValueError):
        return
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not (text := ast.get_docstring(node)):
        return
    plain = _dedented(source).split("\n")
    doc = node.body[0]
    bare = "\n".join([*plain[: doc.lineno - 1], *plain[doc.end_lineno or doc.lineno :]])
    if len(node.body) > 1:
        yield _pair(f"Describe this function.\n\n{before}\n\n{bare}", text, "code to doc", path)
        yield _pair(f"Write the function {name}.\n\n{before}\n\n{text}", _dedented(source), "doc to code", path)


def _windows(text: str, before: str, path: str) -> Iterator[Pair]:
    lines = text.splitlines()
    for at in range(WINDOW, len(lines) - NEXT, WINDOW):
        shown, follow = "\n".join(lines[at - WINDOW : at]), "\n".join(lines[at : at + NEXT])
        yield _pair(f"Go on with this file.\n\n{before}\n\n{shown}", follow, "completion window", path)


def _dedented(source: str) -> str:
    """A method's source without the indent of its class; the first line has none already."""
    lines = source.split("\n")
    inner = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    cut = max(0, min(inner, default=4) - 4)
    return "\n".join([lines[0], *(line[cut:] for line in lines[1:])])


def _pair(question: str, answer: str, kind: str, path: str) -> Pair:
    return Pair((Message("user", question), Message("assistant", answer)), kind, path)


def licence(folder: Path) -> str:
    """What a repository says of its licence: the first line of its LICENSE, "" = nothing."""
    for name in ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "COPYING"):
        if (path := folder / name).is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line.strip() for line in lines if line.strip()), "")[:80]
    return ""
