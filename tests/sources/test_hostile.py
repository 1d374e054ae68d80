"""Files and folders that must not hurt: each costs itself, with its reason; all others are in."""

import os
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import psutil
import pytest
from reading import FILES, packed, reasons, seen

from llamune.sources.document import Document
from llamune.sources.folder import read, total
from llamune.sources.worker import Limits

CODE = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00" + bytes(range(256)) * 4
ENTITY = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&e;</w:t></w:r></w:p>
</w:body></w:document>"""


def sparse_sheet(folder: Path) -> None:
    """Two cells with 17 billion between them."""
    cells = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    sheet(folder / "sparse.xlsx", cells)


def big_sheet(folder: Path) -> None:
    rows = (b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (n, n) for n in range(1, 1_048_577))
    sheet(folder / "million.xlsx", b"".join(rows))


def sheet(file: Path, rows: bytes) -> None:
    """A real book whose first sheet has these rows."""
    begin = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    with zipfile.ZipFile(FILES / "rates.xlsx") as real, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for info in real.infolist():
            first = info.filename == "xl/worksheets/sheet1.xml"
            made.writestr(info.filename, begin + rows + b"</sheetData></worksheet>" if first else real.read(info))


def bomb(folder: Path) -> None:
    with zipfile.ZipFile(folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        block = b" " * 10_000_000
        with archive.open("word/document.xml", "w", force_zip64=True) as member:
            for _ in range(50):
                member.write(block)


def lying_bomb(folder: Path) -> None:
    """Its directory says 10 bytes; the stream goes on for 100 MB."""
    whole = packed({"word/document.xml": b"<x>" + b" " * 100_000_000})
    size = (100_000_003).to_bytes(4, "little")
    (folder / "lying.docx").write_bytes(whole.replace(size, (10).to_bytes(4, "little")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "規程"
    folder.mkdir()
    for name in ("encrypted.pdf", "encrypted.docx", "encrypted.xlsx", "scan.pdf", "rules.doc"):
        (folder / name).write_bytes((FILES / name).read_bytes())
    for name in ("rules.pdf", "rules.docx", "rates.xlsx", "plan.pptx"):
        whole = (FILES / name).read_bytes()
        (folder / f"cut-{name}").write_bytes(whole[: len(whole) // 2])
    (folder / "picture.pdf").write_bytes(PNG)
    (folder / "picture.xlsx").write_bytes(PNG)
    (folder / "picture.md").write_bytes(PNG)
    (folder / "picture.png").write_bytes(PNG)
    (folder / "empty.txt").touch()
    (folder / "entity.docx").write_bytes(packed({"word/document.xml": ENTITY}))
    (folder / "laughs.docx").write_bytes(packed({"word/document.xml": ENTITY.encode("utf-16")}))
    (folder / "brackets.md").write_text("[" * 100_000)
    (folder / "good.md").write_text("# 残る\n\nこれは読める。")
    return folder


def test_each_bad_file_costs_itself(folder):
    big_sheet(folder)
    sparse_sheet(folder)
    bomb(folder)
    lying_bomb(folder)
    events = seen(folder)
    found = reasons(events)
    assert found == {
        "encrypted.pdf": ("refused", "it is encrypted: save it without a password"),
        "encrypted.docx": ("refused", "it is encrypted: save it without a password"),
        "encrypted.xlsx": ("refused", "it is encrypted: save it without a password"),
        "rules.doc": ("refused", "an old format: save it in the present one (.docx, .pptx)"),
        "scan.pdf": ("refused", "it holds pictures of pages only, no text"),
        "cut-rules.docx": ("refused", "it is damaged or cut off"),
        "cut-rates.xlsx": ("refused", "it is damaged or cut off"),
        "cut-plan.pptx": ("refused", "it is damaged or cut off"),
        "cut-rules.pdf": ("refused", "it is damaged or cut off"),
        "picture.pdf": ("refused", "its content is not what its name says"),
        "picture.xlsx": ("refused", "its content is not what its name says"),
        "picture.md": ("refused", "its content is not what its name says"),
        "picture.png": ("skipped", "files of this kind are not read"),
        "empty.txt": ("skipped", "it holds no text"),
        "entity.docx": ("refused", "its XML declares entities, which are never read"),
        "laughs.docx": ("refused", "its XML declares entities, which are never read"),
        "million.xlsx": ("refused", "a table has more than 200,000 rows"),
        "sparse.xlsx": ("refused", "reading it takes too much memory"),
        "bomb.docx": ("refused", "it unpacks to more than 400 MB"),
        "lying.docx": ("refused", "it is damaged or cut off"),
    }
    assert [path for path, event in events.items() if isinstance(event, Document)] == ["brackets.md", "good.md"]


def test_nothing_is_followed_out_of_the_folder(folder, tmp_path):
    (tmp_path / "outside.md").write_text("外")
    (folder / "loop").symlink_to(folder)
    (folder / "out.md").symlink_to(tmp_path / "outside.md")
    (folder / "outdir").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "socket.txt"))
        found = reasons(seen(folder))
    assert {path: found[path][0] for path in ("loop", "out.md", "outdir", "pipe.txt", "socket.txt")} == dict.fromkeys(
        ("loop", "out.md", "outdir", "pipe.txt", "socket.txt"), "skipped"
    )
    assert found["loop"][1] == found["out.md"][1] == "a link; links are not followed"
    assert found["pipe.txt"][1] == found["socket.txt"][1] == "not a file"


def test_names_that_could_write_on_the_screen(folder):
    (folder / "全角　空白 と🧑‍🚒.md").write_text("読める")
    for name in ("a\nb.md", "a\x1b[2Jb.md", "a\u202eb.md"):
        (folder / name).write_text("x")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.md")).write_text("x")
    events = seen(folder)
    assert isinstance(events["全角　空白 と🧑‍🚒.md"], Document)
    found = reasons(events)
    refused = [path for path, reason in found.items() if reason[1] == "its name holds characters that cannot be shown"]
    assert len(refused) == 4
    assert all(path.isprintable() and path.encode() for path in refused)


def test_a_pit_of_folders(folder):
    pit = folder
    for _ in range(60):
        pit = pit / "深"
        pit.mkdir()
        (pit / "a.md").write_text("底")
    events = seen(folder)
    assert sum(path.startswith("深") and isinstance(event, Document) for path, event in events.items()) == 50 - 1
    assert ("skipped", "more than 50 folders deep") in reasons(events).values()


def test_no_permission(folder):
    (folder / "closed.md").write_text("x")
    (folder / "closed.md").chmod(0)
    (folder / "closed").mkdir(mode=0)
    script = """import sys; from pathlib import Path; from llamune.sources.folder import read
for event in read([Path(sys.argv[1])]): print(event.path, getattr(event, "reason", "in"), sep=": ")"""
    command = [sys.executable, "-c", script, str(folder)]
    if os.geteuid() == 0:  # root may read everything, unless that is taken away
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, cwd=CODE).stdout.splitlines()
    assert "closed.md: no permission to read it" in lines
    assert "closed: no permission to read it" in lines
    assert "good.md: in" in lines


def test_what_is_not_there(tmp_path):
    assert reasons(seen(tmp_path / "nothing")) == {"nothing": ("refused", "it does not exist, or no longer")}


def test_a_reader_that_hangs_is_killed_and_the_next_file_is_read(folder):
    (folder / "slow.rst").write_text("*a* `b`_\n\n" * 200_000)
    (folder / "z.md").write_text("あと")
    events = seen(folder, limits=Limits(seconds=2))
    assert reasons(events)["slow.rst"] == ("refused", "reading it took too long")
    assert isinstance(events["z.md"], Document)


def test_a_reader_that_eats_the_memory_costs_one_file(folder):
    (folder / "fat.json").write_bytes(b'["' + "語".encode() * 30_000_000 + b'"]')
    events = seen(folder, limits=Limits(memory=300_000_000))
    assert reasons(events)["fat.json"][1] in (
        "reading it takes too much memory",
        "it holds more than 20 million characters",
    )
    assert isinstance(events["good.md"], Document)


def test_a_library_that_is_not_installed(folder, tmp_path, monkeypatch):
    for name in ("pypdfium2", "python_calamine", "docutils"):
        (tmp_path / "missing" / name).mkdir(parents=True)
        (tmp_path / "missing" / name / "__init__.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "missing"))
    (folder / "a.rst").write_text("x")
    found = reasons(seen(folder))
    assert {path for path, reason in found.items() if "pip install" in reason[1]} == {
        *("a.rst", "encrypted.pdf", "scan.pdf", "cut-rules.pdf", "cut-rates.xlsx"),
    }


def test_a_reading_process_that_was_killed_costs_nothing(folder):
    (folder / "z.md").write_text("最後")
    events = read([folder])
    seen_before = [next(events).path]
    for child in psutil.Process().children():
        child.kill()
    assert {*seen_before, *(event.path for event in events if isinstance(event, Document))} >= {"good.md", "z.md"}


def test_the_reading_process_ends_with_the_iterator(folder):
    before = threading.active_count(), psutil.Process().children()
    events = read([folder])
    next(events)
    assert psutil.Process().children() != before[1]
    events.close()
    assert (threading.active_count(), psutil.Process().children()) == before


def test_only_what_changed_is_read_again(folder):
    first = {event.path: event for event in read([folder]) if isinstance(event, Document)}
    (folder / "more.md").write_text("# 二つ目\n\n本文")
    known = {event.file: event.stamp for event in first.values()}
    os.utime(folder / "good.md")  # touched, not changed
    kinds = {event.path: type(event).__name__ for event in read([folder], known=known)}
    assert (kinds["good.md"], kinds["more.md"]) == ("Kept", "Document")
    (folder / "brackets.md").write_text("[" * 100_000)
    (folder / "good.md").write_text("# 残る\n\n変わった。")
    changed = seen(folder, known=known)["good.md"]
    assert isinstance(changed, Document)
    assert changed.sections[0].text == "変わった。"
    assert total([folder]) == len(list(folder.iterdir()))
