"""Source code by class and function. Python by its own parser, other languages by the lines that begin a definition.

The patterns need not be exact: nothing is left out, a definition that they miss stays with the one above it.
"""

import ast
import re
from collections.abc import Iterator

from llamune.sources.document import Section
from llamune.sources.part import MAX_TEXT, Part, Unreadable
from llamune.sources.plain import decode

SUFFIXES = (
    ".py", ".pyi", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".kts", ".scala", ".groovy", ".c",
    ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cs", ".go", ".rs", ".swift", ".m", ".php", ".rb", ".pl", ".pm", ".lua",
    ".r", ".jl", ".sh", ".bash", ".zsh", ".ps1", ".bas", ".vb", ".vbs", ".sql", ".dart", ".ex", ".exs", ".erl",
    ".hs", ".ml", ".fs", ".f90", ".pas",
)  # fmt: skip
_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|static|async|abstract|final|sealed|open|data|inline|partial"
    r"|override|virtual|unsafe|const|pub(?:\([^)]*\))?|create|or|replace|local)\s+)*"
)
_NAMED = re.compile(
    rf"(?P<indent>\s*){_MODIFIERS}(?:class|interface|struct|enum|trait|impl|namespace|module|protocol|extension|object|record"
    r"|func|fun|function|fn|def|defp|sub|procedure|subroutine|table|view|trigger)\s+"
    r"(?:<[^>]*>\s*)?(?:\([^)]*\)\s*)?(?P<name>\w[\w$:.!?]*)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(?P<indent>\s*)(?:export\s+)?(?:const|let|var)\s+(?P<name>\w+)\s*(?::[^=]+)?=\s*(?:async\s+)?(?:function\b|\(|\w+\s*=>)"
)
_TYPED = re.compile(r"(?P<indent>\s*)(?:[\w$<>\[\],.*&:~@]+\s+)+[*&]*(?P<name>[\w$:~]+)\s*\([^;]*")
_SHELL = re.compile(r"(?P<indent>\s*)(?P<name>[\w-]+)\s*\(\)\s*\{.*")
_STATEMENTS = frozenset((
    "if", "for", "while", "switch", "catch", "return", "else", "do", "new", "throw", "foreach", "using", "lock",
    "when", "elif", "print",
))  # fmt: skip
_ABOVE = re.compile(r"\s*(?://|#(?!include|define|if|endif|else|pragma)|/?\*|--|@|\[\w|\"\"\"|'\s)")


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part; a section per function, with its comments and what decorates it."""
    text = decode(content).replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MAX_TEXT:
        raise Unreadable("wordy")
    lines = text.split("\n")
    found = _python(text) if name.endswith((".py", ".pyi")) else None
    starts = list(_definitions(lines)) if found is None else found
    yield Part(tuple(_sections(lines, starts)))


def _sections(lines: list[str], starts: list[tuple[int, tuple[str, ...]]]) -> Iterator[Section]:
    """Args: starts: index of the first line → classes and function, in order."""
    edges = [(0, ()), *((_with_comments(lines, at), path) for at, path in starts), (len(lines), ())]
    for number, (at, path) in enumerate(edges[:-1]):
        at = max(at, edges[number - 1][0] if number else 0)
        text = "\n".join(lines[at : max(at, edges[number + 1][0])])
        if text.strip():
            blank = len(text) - len(text.lstrip("\n"))
            yield Section(text.strip("\n"), path, "code", line=at + 1 + blank)


def _with_comments(lines: list[str], at: int) -> int:
    while at > 0 and _ABOVE.match(lines[at - 1][:80]):
        at -= 1
    return at


def _python(text: str) -> list[tuple[int, tuple[str, ...]]] | None:
    """None for what is not Python 3."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return list(_nodes(tree.body, ()))


def _nodes(body: list[ast.stmt], path: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield first - 1, (*path, node.name)
            if isinstance(node, ast.ClassDef):
                yield from _nodes(node.body, (*path, node.name))


def _definitions(lines: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    open_: list[tuple[int, str]] = []  # indentation, name
    for number, line in enumerate(lines):
        match = _definition(line[:200].expandtabs(4))
        if match is None:
            continue
        indent, name = len(match["indent"]), match["name"]
        open_ = [(depth, outer) for depth, outer in open_ if depth < indent]
        if len(open_) < 3:  # functions within methods stay with them
            open_.append((indent, name))
            yield number, tuple(outer for _, outer in open_)


def _definition(line: str) -> re.Match[str] | None:
    if not line or _ABOVE.match(line):
        return None
    if match := _NAMED.match(line) or _ASSIGNED.match(line):
        return match
    match = _TYPED.fullmatch(line)
    if match and match["name"] not in _STATEMENTS and line.split()[0] not in _STATEMENTS:
        return match
    return _SHELL.fullmatch(line)
