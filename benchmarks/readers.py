"""How fast files are read: 200 small real ones per format, and one large one, in files and characters per second.

The figures are of the whole way: walking, the reading process (once per folder, sealed), JSON, values. Run: python
benchmarks/readers.py
"""

import shutil
import tempfile
import time
import zipfile
from pathlib import Path

from llamune.network.sealed import child
from llamune.sources.document import Document
from llamune.sources.folder import read

FILES = Path(__file__).parent.parent / "tests/sources/files"
COPIES = 200
CLAUSE = "第{n}条（旅費）社員が出張するときは、出発の{n}日前までに所属長の承認を受けなければならない。\n"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def small(folder: Path) -> dict[str, Path]:
    """Format → folder with copies of one small file."""
    text = "".join(CLAUSE.format(n=n) for n in range(1, 21))
    (folder / "a.txt").write_text(text, encoding="cp932")
    (folder / "a.md").write_text(text.replace("第", "\n## 第").replace("）", "）\n\n"))
    (folder / "a.rst").write_text(text.replace("）", "）\n----------------------------\n\n").replace("。", "。\n"))
    (folder / "a.html").write_text(text.replace("第", "<h2>第").replace("）", "）</h2><p>"))
    (folder / "a.csv").write_text("番号,区分,額\n" + "".join(f"{n},日帰り,{n}00円\n" for n in range(100)))
    shutil.copy(Path(__file__), folder / "a.py")
    found = {}
    for file in [*FILES.glob("r*.*"), FILES / "plan.pptx", *folder.glob("a.*")]:
        if file.suffix != ".doc":
            found[file.suffix] = folder / file.suffix[1:]
            found[file.suffix].mkdir()
            for n in range(COPIES):
                shutil.copy(file, found[file.suffix] / f"{n}{file.suffix}")
    return found


def large(folder: Path) -> dict[str, Path]:
    """Format → one file of some megabytes."""
    text = "".join(CLAUSE.format(n=n) for n in range(1, 40_001))
    names = {suffix: folder / f"large{suffix}" for suffix in (".txt", ".md", ".csv", ".docx")}
    names[".txt"].write_text(text, encoding="euc_jp")
    names[".md"].write_text(text.replace("第", "\n## 第").replace("）", "）\n\n"))
    names[".csv"].write_text("番号,区分,額,備考\n" + "".join(f"{n},日帰り,{n},{CLAUSE}" for n in range(50_000)))
    lines = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.split("\n"))
    with zipfile.ZipFile(names[".docx"], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{W}"><w:body>{lines}</w:body></w:document>')
    return names


def measure(what: str, path: Path) -> None:
    """Reads a file or folder once and prints a line."""
    size = sum(file.stat().st_size for file in ([path] if path.is_file() else path.iterdir()))
    start = time.perf_counter()
    documents = [event for event in read([path], sealed=lambda argv: child(argv).argv) if isinstance(event, Document)]
    seconds = time.perf_counter() - start
    characters = sum(len(section.text) for document in documents for section in document.sections)
    print(
        f"{what:12} {len(documents) / seconds:8.1f} files/s {size / seconds / 1e6:8.2f} MB/s "
        f"{characters / seconds / 1e6:8.2f} million characters/s"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as held:
        for suffix, folder in sorted(small(Path(held)).items()):
            measure(suffix, folder)
        for suffix, file in large(Path(held)).items():
            measure(f"large {suffix}", file)


if __name__ == "__main__":
    main()
