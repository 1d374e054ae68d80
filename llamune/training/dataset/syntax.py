"""Source code by tree-sitter: whether it is whole, its functions, and the places that can be cut out of them.

Grammars come as wheels of their own; a language without one is read, but not checked, and that is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import PurePath
from typing import Any

GRAMMARS = {
    ".py": "python.language", ".js": "javascript.language", ".mjs": "javascript.language",
    ".jsx": "javascript.language", ".ts": "typescript.language_typescript", ".tsx": "typescript.language_tsx",
    ".java": "java.language", ".go": "go.language", ".rs": "rust.language", ".c": "c.language", ".h": "c.language",
    ".cc": "cpp.language", ".cpp": "cpp.language", ".hpp": "cpp.language",
}  # fmt: skip
FUNCTIONS = frozenset({
    "function_definition", "function_declaration", "method_declaration", "method_definition", "function_item",
    "constructor_declaration", "generator_function_declaration",
})  # fmt: skip
NAMES = frozenset({
    "identifier", "field_identifier", "property_identifier", "type_identifier", "shorthand_property_identifier", "name",
    "namespace_identifier", "package_identifier", "statement_identifier",
})  # fmt: skip
TEXTS = ("string", "char_literal", "template_string", "interpreted_string_literal", "raw_string_literal")


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a file. Offsets count bytes of the UTF-8 text."""

    name: str
    start: int
    end: int
    node: Any


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch that can be cut out: prefix + middle + suffix is the source again."""

    kind: str  # "body", "arguments", "statement"
    prefix: str
    middle: str
    suffix: str


@cache
def _parser(grammar: str) -> Any:
    import tree_sitter

    module, _dot, function = grammar.partition(".")
    made = getattr(import_module(f"tree_sitter_{module}"), function)()
    return tree_sitter.Parser(tree_sitter.Language(made))


def parsed(text: str, path: str) -> Any | None:
    """The tree of a source text; None where the language has no grammar here."""
    grammar = GRAMMARS.get(PurePath(path).suffix.lower())
    try:
        return _parser(grammar).parse(text.encode()) if grammar else None
    except ImportError:
        return None


def whole(tree: Any) -> bool:
    """Whether the text has no syntax error."""
    return not tree.root_node.has_error


def functions(tree: Any, text: str) -> Iterator[Function]:
    """The functions and methods, outermost first; inner ones belong to theirs."""
    data = text.encode()
    for node in _walk(tree.root_node, FUNCTIONS):
        named = node.child_by_field_name("name") or node.child_by_field_name("declarator")
        name = data[named.start_byte : named.end_byte].decode(errors="replace") if named else ""
        yield Function(name.partition("(")[0].strip(), node.start_byte, node.end_byte, node)


def holes(function: Function, text: str) -> Iterator[Hole]:
    """What can be cut out of a function: its body, the arguments of a call, one statement."""
    data = text.encode()[function.start : function.end]
    body = function.node.child_by_field_name("body")
    if body is None:
        return
    yield _hole("body", data, body, function.start)
    inner = body.named_children
    if len(inner) == 1 and inner[0].type == "statement_list":  # as Go's grammar has it
        inner = inner[0].named_children
    statements = [n for n in inner if "comment" not in n.type]
    if len(statements) > 1:
        yield _hole("statement", data, statements[len(statements) // 2], function.start)
    calls = [n for n in _walk(body, frozenset({"argument_list", "arguments"})) if n.end_byte - n.start_byte > 6]
    if calls:
        yield _hole("arguments", data, calls[len(calls) // 2], function.start)


def _hole(kind: str, data: bytes, node: Any, offset: int) -> Hole:
    start, end = node.start_byte - offset, node.end_byte - offset
    return Hole(kind, data[:start].decode(), data[start:end].decode(), data[end:].decode())


def shape(node: Any, data: bytes) -> list[str]:
    """The tokens of a piece of code with every name as one, every text as another and no comment, so that a renamed
    copy is the same."""
    found: list[str] = []
    pending = [node]
    while pending:
        now = pending.pop()
        if now.type in NAMES:
            found.append("n")
        elif "comment" in now.type:
            continue
        elif now.type.startswith(TEXTS):
            found.append("t")
        elif now.children:
            pending.extend(reversed(now.children))
        else:
            found.append(data[now.start_byte : now.end_byte].decode(errors="replace"))
    return found


def _walk(node: Any, kinds: frozenset[str]) -> Iterator[Any]:
    pending = [node]
    while pending:
        now = pending.pop()
        if now.type in kinds:
            yield now
        else:
            pending.extend(reversed(now.children))
