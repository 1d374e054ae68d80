"""Collects the texts of the interface and keeps the Japanese catalogue true to them.

    python tools/catalogue.py            bring llamune.po up to date, compile it, name what lacks a translation
    python tools/catalogue.py --check    only look; writes nothing

Both end with status 1 while something is missing. A text that changed a little keeps its old translation marked
"fuzzy": correct it and take the mark out. Files hold no dates, line numbers or tool versions, so that a change shows
only what changed. Translating is not done here.
"""

import ast
import io
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
PO = ROOT / "llamune" / "locale" / "ja" / "LC_MESSAGES" / "llamune.po"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
HEADER = """\
# Japanese texts of Llamune. `make locale` brings this file up to date; translate the empty ones, run it again.
msgid ""
msgstr ""
"Language: ja\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


def collect(package: Path = ROOT / "llamune") -> Catalog:
    """Every text of the package's source, with the files it stands in."""
    found = Catalog(locale="ja")
    texts = extract_from_dir(package, [("**.py", "python")], keywords=KEYWORDS)
    for name, _line, message, _comments, _context in sorted(texts, key=lambda t: t[:2]):
        found.add(message, locations=[(f"{package.name}/{name}", None)])
    return found


def hidden(package: Path = ROOT / "llamune") -> Iterator[str]:
    """The texts inside f-strings, which the collecting does not see."""
    for path in sorted(package.rglob("*.py")):
        outer = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.JoinedStr))
        for node in (inner for string in outer for inner in ast.walk(string)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KEYWORDS and _text(node.args[0]):
                yield f"inside an f-string: {_text(node.args[0])!r}  ({path.relative_to(package)}:{node.lineno})"


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def read(path: Path = PO) -> Catalog:
    """The catalogue as it is on disk; empty when there is none."""
    return read_po(io.BytesIO(path.read_bytes() if path.exists() else b""), locale="ja")


def updated(old: Catalog, texts: Catalog) -> Catalog:
    """`old` with exactly the entries of `texts`: new ones empty, changed ones fuzzy, the others as they were."""
    old.update(texts, update_creation_date=False)
    old.obsolete.clear()
    for message in old:
        if message.fuzzy and message.previous_id and not alike(message.previous_id[0], _ids(message)[0]):
            message.flags.discard("fuzzy")
            message.string = ("",) if message.pluralizable else ""
    return old


def alike(one: str, two: str) -> bool:
    """Whether a translation of one text helps with the other."""
    return SequenceMatcher(None, one, two).ratio() > 0.8


def po(catalog: Catalog) -> str:
    """The text of the .po file."""
    for message in catalog:
        message.flags.intersection_update({"fuzzy"})  # the others say what the text itself says
    out = io.BytesIO()
    write_po(out, catalog, width=110, omit_header=True, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
    return HEADER + out.getvalue().decode("utf-8").lstrip("\n")


def mo(catalog: Catalog) -> bytes:
    """The compiled catalogue (the GNU .mo format: two tables of length and offset, then the texts)."""
    header = "".join(f"{line}\n" for line in re.findall(r'^"(.*)\\n"$', HEADER, re.MULTILINE))
    texts = {"": header} | {_key(m): _value(m) for m in catalog if m.id and _translated(m) and not m.fuzzy}
    pairs = sorted((key.encode(), value.encode()) for key, value in texts.items())
    count, offset = len(pairs), 28 + 16 * len(pairs)
    tables, data = [], b""
    for column in (0, 1):
        for pair in pairs:
            tables += [len(pair[column]), offset + len(data)]
            data += pair[column] + b"\0"
    return struct.pack(f"<7I{4 * count}I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, offset, *tables) + data


def problems(catalog: Catalog, texts: Catalog) -> Iterator[str]:
    """What is wrong with `catalog`, one line each, for a package whose texts are `texts`."""
    for message in texts:
        if message.id and not (message.id in catalog and catalog[message.id].id == message.id):
            yield f"missing: {_shown(message)}"
    for message in catalog:
        if not message.id:
            continue
        if message.id not in texts:
            yield f"stale: {_shown(message)}"
        elif not _translated(message):
            yield f"untranslated: {_shown(message)}"
        elif message.fuzzy:
            yield f"fuzzy: {_shown(message)}"
        else:
            yield from _differences(message)


def _differences(message: Message) -> Iterator[str]:
    source, target = _ids(message)[-1], _strings(message)[0]
    if fields(source) != fields(target):
        yield f"other fields: {source!r} {target!r}"
    for edge in (r"^\s*", r"\s*$"):
        if re.search(edge, source)[0] != re.search(edge, target)[0]:
            yield f"other space at an edge: {source!r} {target!r}"


def fields(text: str) -> set[str]:
    """The names of the fields that `.format()` fills in `text`."""
    try:
        return {name for _literal, name, _spec, _conversion in Formatter().parse(text) if name is not None}
    except ValueError:  # a single brace: a text that is shown as it is
        return set()


def _ids(message: Message) -> tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, list | tuple) else (message.id,)


def _strings(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, list | tuple) else (message.string or "",)


def _translated(message: Message) -> bool:
    return all(_strings(message))


def _key(message: Message) -> str:
    return "\0".join(_ids(message))


def _value(message: Message) -> str:
    return "\0".join(_strings(message))


def _shown(message: Message) -> str:
    return f"{_ids(message)[0]!r}  ({', '.join(name for name, _line in message.locations)})"


def stale_files(catalog: Catalog) -> Iterator[str]:
    """The files on disk that are not what `make locale` would write for `catalog`."""
    for path, wanted in ((PO, po(catalog).encode()), (PO.with_suffix(".mo"), mo(catalog))):
        if not path.exists() or path.read_bytes() != wanted:
            yield f"{path.relative_to(ROOT)} is not what `make locale` writes"


def report(lines: Iterable[str]) -> int:
    """Prints `lines` and gives the exit status."""
    found = list(lines)
    print("\n".join(found) if found else "every text has its translation")
    return 1 if found else 0


def main(arguments: list[str]) -> int:
    texts = collect()
    if arguments == ["--check"]:
        return report([*hidden(), *problems(read(), texts), *stale_files(updated(read(), texts))])
    catalog = updated(read(), texts)
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_text(po(catalog), encoding="utf-8")
    PO.with_suffix(".mo").write_bytes(mo(catalog))
    return report([*hidden(), *problems(catalog, texts)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
