"""Text files in questions: encodings, refusals, and which @words are files."""

from pathlib import Path

import pytest

from llamune.commands.files import LARGEST, attachments, missing, named_in, path_of, read_text
from llamune.errors import UsageError

TEXT = "退職金の計算は、第十二条のとおりです。ﾃｽﾄ\n二行目\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932", "euc_jp", "iso2022_jp"])
def test_japanese_files_are_read_whatever_their_encoding(folder: Path, encoding: str) -> None:
    text = TEXT.replace("ﾃｽﾄ", "") if encoding == "iso2022_jp" else TEXT
    (folder / "規程.txt").write_bytes(text.encode(encoding))
    read = read_text(Path("規程.txt"))
    assert (read.name, read.text) == ("規程.txt", text)


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp"])
@pytest.mark.parametrize("text", ["自社", "漢字"])
def test_a_few_kanji_are_enough_to_know_the_encoding(folder: Path, text: str, encoding: str) -> None:
    (folder / "a.txt").write_bytes(text.encode(encoding))
    assert read_text(Path("a.txt")).text == text


def test_windows_line_ends_become_plain(folder: Path) -> None:
    (folder / "a.txt").write_bytes("一行目\r\n二行目\r\n".encode("cp932"))
    assert read_text(Path("a.txt")).text == "一行目\n二行目\n"


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x00\x00", b"PK\x03\x04\xff\xfe\x80\x81\xa0", b"text\0text"])
def test_binary_files_are_refused(folder: Path, data: bytes) -> None:
    (folder / "a.bin").write_bytes(data)
    with pytest.raises(UsageError, match=r"a\.bin is no text file"):
        read_text(Path("a.bin"))


def test_a_large_file_is_refused_with_the_numbers(folder: Path) -> None:
    (folder / "big.txt").write_bytes(b"a" * (LARGEST + 100_000))
    with pytest.raises(UsageError, match=r"big.txt has 1\.1 MB; 1\.0 MB is the limit"):
        read_text(Path("big.txt"))


@pytest.mark.parametrize("path", ["none.txt", ".", "/dev/null"])
def test_what_is_no_file_is_refused(folder: Path, path: str) -> None:
    with pytest.raises(UsageError):
        read_text(Path(path))


def test_names_are_harmless(folder: Path) -> None:
    (folder / "a\x1b[31m.txt").write_text("x")
    assert read_text(Path("a\x1b[31m.txt")).name == "a.txt"


def test_at_words_name_files(folder: Path) -> None:
    (folder / "notes.md").write_text("N")
    (folder / "議事録.md").write_text("議")
    (folder / "my file.txt").write_text("M")
    question = 'Compare @notes.md and @"my file.txt", @議事録.mdを要約して (@notes.md).'
    asked, files = attachments(question)
    assert asked == question
    assert [(f.name, f.text) for f in files] == [("notes.md", "N"), ("my file.txt", "M"), ("議事録.md", "議")]
    assert named_in(question) == {"notes.md", "my file.txt", "議事録.md"}
    assert missing(question) == ()


def test_a_full_stop_behind_the_name_is_no_part_of_it(folder: Path) -> None:
    (folder / "notes.md").write_text("N")
    assert [f.name for f in attachments("Read @notes.md.")[1]] == ["notes.md"]


def test_other_at_words_stay_text(folder: Path) -> None:
    (folder / "b").write_text("x")
    (folder / "example.org").write_text("x")
    for question in ("mail a@b now", "mail me@example.org", "@@b", "a @ b", "@", "use @decorator here"):
        assert attachments(question)[1] == (), question
    assert missing("@decorator a@b.c and @") == ()


def test_a_path_that_does_not_exist_is_told(folder: Path) -> None:
    assert missing("see @notes.md and @docs/x and @name") == ("notes.md", "docs/x")
    assert attachments("see @notes.md")[1] == ()


def test_a_named_file_that_cannot_be_taken_is_an_error(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"\0\1")
    with pytest.raises(UsageError, match="no text file"):
        attachments("see @a.bin")


def test_odd_names_do_no_harm(folder: Path) -> None:
    assert attachments("@" + "x" * 5000 + " @a\0b @~nosuchuser/x")[1] == ()
    with pytest.raises(UsageError):
        path_of("~nosuchuser/x")
    assert path_of(' "a b.txt" ') == Path("a b.txt")
