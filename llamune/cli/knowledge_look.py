"""What looks at collections and changes nothing: list, show, sources, search, preview."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from llamune.cli.hints import outside
from llamune.cli.output import show as show_values
from llamune.cli.output import show_json
from llamune.commands.values import Column, Fields, Listing
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.chat.passage import Found, Passage
    from llamune.knowledge.shelf import Shelf


async def list_(args: argparse.Namespace, shelf: "Shelf") -> None:
    found = [await _about(shelf, name) for name in shelf.names()]
    if args.json:
        return show_json({"corpora": found})
    columns = [Column(_("name")), Column(_("documents"), right=True), Column(_("passages"), right=True)]
    rows = [(f["corpus"], f"{f['documents']:,}", f"{f['passages']:,}", f["embedder"]) for f in found]
    empty = _("There is none: llamune knowledge add NAME FOLDER")
    show_values(Listing([*columns, Column(_("embedder"))], rows, empty=empty))


async def show(args: argparse.Namespace, shelf: "Shelf") -> None:
    about = await _about(shelf, args.name)
    if args.json:
        return show_json(about)
    scale = about["search"]
    show_values(
        Fields(
            [
                (_("name"), about["corpus"]),
                (_("documents"), f"{about['documents']:,}"),
                (_("passages"), f"{about['passages']:,}"),
                (_("embedder"), about["embedder"]),
                (_("note"), about["note"]),
                (_("weight of keywords"), f"{scale['weight']:.2f}"),
                (_("not found below"), f"{scale['lower']:.2f}"),
                (_("weak below"), f"{scale['upper']:.2f}"),
                (_("area under the curve"), f"{scale['auc']:.2f}" if scale["auc"] else ""),
                *((_("comes from"), root) for root in about["roots"]),
            ]
        )
    )


async def sources(args: argparse.Namespace, shelf: "Shelf") -> None:
    documents = (await shelf.open(args.name)).corpus.documents()
    if args.json:
        from dataclasses import asdict

        return show_json({"documents": [asdict(document) for document in documents]})
    columns = [Column(_("document")), Column(_("title"), spare=2), Column(_("passages"), right=True)]
    columns += [Column(_("date"), spare=1), Column(_("department"), spare=3), Column("", spare=0)]
    rows = [
        (d.path, d.title, str(d.chunks), d.date, d.department, _("gone since {date}").format(date=d.removed[:10]))
        if d.removed
        else (d.path, d.title, str(d.chunks), d.date, d.department, "")
        for d in documents
    ]
    show_values(Listing(columns, rows, empty=_("There is none.")))


async def search(args: argparse.Namespace, shelf: "Shelf") -> int:
    """Exit code 1 where nothing was found."""
    found = await shelf.search(args.question, [args.name], limit=args.limit)
    for note in found.notes:
        print(outside(note), file=sys.stderr)
    if args.json:
        show_json({"passages": [as_json(p) for p in shown(found, args.limit)], "found": found.strength != "none"})
    else:
        _say(args.name, found)
    return 0


async def preview(args: argparse.Namespace, shelf: "Shelf") -> int:
    from llamune.cli import knowledge_preview
    from llamune.network import sealed

    embedder = await shelf.embedder(args.embedder)
    size, count = (embedder.size, embedder.count) if embedder else (180, len)
    return knowledge_preview.preview([args.file], size, count, lambda argv: sealed.child(argv).argv, as_json=args.json)


def shown(found: "Found", limit: int) -> "tuple[Passage, ...]":
    """What a program gets: where nothing was found, what came nearest."""
    return found.passages or found.hits[:limit]


def as_json(passage: "Passage") -> dict[str, Any]:
    """A passage as `search --json` prints it."""
    return {
        "path": passage.path,
        "section": passage.section,
        "text": passage.text,
        "score": passage.score,
        "retrievers": list(passage.ranks),
    }


def _say(name: str, found: "Found") -> None:
    if found.strength == "none":
        return show_values(_("Not found in {name}.").format(name=name))
    if found.strength == "weak":
        show_values(_("Weak matches only:"))
    for number, p in enumerate(found.passages, 1):
        place = " › ".join(part for part in (p.path, p.section) if part)
        page = _("p. {n}").format(n=p.page) if p.page else ""
        about = " · ".join(part for part in (page, p.date, f"{p.score:.2f}", "+".join(p.ranks)) if part)
        show_values(f"[{number}] {place}\n    {about}", p.text, "")


async def _about(shelf: "Shelf", name: str) -> dict[str, Any]:
    from llamune.knowledge.calibrate import stored

    opened = await shelf.open(name)
    documents, passages = opened.corpus.count()
    return {
        "corpus": name,
        "documents": documents,
        "passages": passages,
        "embedder": (opened.corpus.setting("embedder") or {}).get("name", "none"),
        "note": outside(opened.note),
        "search": stored(opened.scale),
        "roots": [str(root.path) for root in opened.corpus.roots()],
    }
