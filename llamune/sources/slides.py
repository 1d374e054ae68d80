"""PowerPoint: each slide's title is a heading, then its shapes, tables, diagrams and notes; the slide is the page."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from llamune.sources.ooxml import RELATIONS, Archive, about
from llamune.sources.outline import Outline
from llamune.sources.part import Part, Unreadable

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
SHOW = "ppt/presentation.xml"
UNSEEN = ("sldNum", "dt", "ftr", "hdr")


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part."""
    archive = Archive(content)
    show = archive.tree(SHOW)
    if show is None:
        raise Unreadable("damaged")
    links = archive.related(SHOW)
    outline = Outline()
    for number, entry in enumerate(show.iter(f"{P}sldId"), 1):
        _kind, slide = links.get(entry.get(f"{RELATIONS}id", ""), ("", ""))
        outline.at(page=number)
        _slide(archive, slide, outline)
    title, author, saved = about(archive)
    yield Part(outline.sections(), title, saved=saved, author=author)


def _slide(archive: Archive, name: str, outline: Outline) -> None:
    tree = archive.tree(name)
    if tree is None:
        return
    shapes = [shape for shape in tree.iter() if shape.tag in (f"{P}sp", f"{A}tbl")]
    outline.leave()
    titles = [shape for shape in shapes if _place(shape) in ("title", "ctrTitle")] or _first_line(shapes)
    for shape in titles:
        outline.heading(_text(shape).replace("\n", " "), 1)
    for shape in shapes:
        if shape.tag == f"{A}tbl":
            outline.table([[_text(cell) for cell in row.iter(f"{A}tc")] for row in shape.iter(f"{A}tr")])
        elif shape not in titles and _place(shape) not in UNSEEN:
            outline.text(_text(shape))
    for kind, other in archive.related(name).values():
        if kind == "notesSlide" and (notes := archive.tree(other)) is not None:
            for shape in notes.iter(f"{P}sp"):
                outline.text(_text(shape) if _place(shape) == "body" else "")
        elif kind == "diagramData" and (data := archive.tree(other)) is not None:
            outline.text(_text(data))


def _first_line(shapes: Sequence[Element]) -> list[Element]:
    """The first shape where it can be a title that the slide does not call one."""
    first = next((shape for shape in shapes if shape.tag == f"{P}sp" and _text(shape)), None)
    if first is None or len(shapes) < 2 or len(_text(first)) > 60 or "\n" in _text(first):
        return []
    return [first]


def _place(shape: Element) -> str:
    """What the layout uses a shape for."""
    found = shape.find(f"{P}nvSpPr/{P}nvPr/{P}ph")
    return "" if found is None else found.get("type", "body")


def _text(shape: Element) -> str:
    """Paragraphs, one per line."""
    return "\n".join(filter(str.strip, map(_line, shape.iter(f"{A}p"))))


def _line(paragraph: Element) -> str:
    marks = {f"{A}br": "\n", f"{A}tab": "\t"}
    return "".join(marks.get(e.tag) or (e.text or "" if e.tag == f"{A}t" else "") for e in paragraph.iter())
