"""llamune dataset scan: secrets and personal data are found in every kind of file, and never shown whole."""

import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from llamune.cli import main
from llamune.training.dataset import secrets

MAIL, PHONE, CARD = "taro.yamada@kaisha.co.jp", "090-8123-4567", "4111 1111 1111 1111"
NUMBER = "2345-6789-0126"  # with the right check digit
PASSWORD, KEY = "Miyagi#2203x", "AKIA" + "J7QH2XNPLV5TRWZ3"
BODY = "MIIEpAIBAAKCAQEAx7QH2XNPLV5TRWZ3J7QH2XNPLV5TRWZ3"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def found(capsys: pytest.CaptureFixture[str], path: Path) -> list[dict[str, object]]:
    assert main(["dataset", "scan", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["findings"]
    assert all(list(f) == ["path", "line", "kind", "masked"] for f in answer["findings"])
    return answer["findings"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text(f"url = https://ci:{PASSWORD}@host/x\n")
    (folder / "名簿.txt").write_bytes(f"氏名 山田太郎\r\n携帯 {PHONE}\r\n個人番号 {NUMBER}\r\n".encode("cp932"))
    (folder / ".env").write_text(f"DEBUG=1\nDB_PASSWORD={PASSWORD}\nAWS_ACCESS_KEY_ID={KEY}\n")
    (folder / "full.md").write_text("# 連絡先\n\nｔａｒｏ．ｙａｍａｄａ＠ｋａｉｓｈａ．ｃｏ．ｊｐ\n", encoding="utf-8")
    (folder / "utf16.csv").write_bytes(f"名前,カード\n山田,{CARD}\n".encode("utf-16"))
    paragraphs = "".join(f"<w:p><w:r><w:t>{t}</w:t></w:r></w:p>" for t in ("連絡先", MAIL))
    with zipfile.ZipFile(folder / "letter.docx", "w") as archive:
        document = f'<w:document xmlns:w="{WORD}"><w:body>{paragraphs}</w:body></w:document>'
        archive.writestr("word/document.xml", document)
    (folder / "innocent.py").write_text('password = os.environ["DB_PASSWORD"]\nuser = "user@example.com"\n')
    (folder / "locked.docx").write_bytes(b"PK\x03\x04\x00\x00\xff\xfe\x00\x81" * 9)
    return folder


def test_every_kind_of_file(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = {(f["path"], f["line"], f["kind"]) for f in found(capsys, files)}
    assert {(p, n, k) for p, n, k in seen if p != "letter.docx"} == {
        ("名簿.txt", 2, "phone number"), ("名簿.txt", 3, "my number"), (".env", 2, "password"), (".env", 3, "AWS key"),
        ("full.md", 3, "mail address"), ("utf16.csv", 2, "payment card"),
    }  # fmt: skip
    assert {(p, k) for p, _n, k in seen if p == "letter.docx"} == {("letter.docx", "mail address")}


@pytest.mark.parametrize("more", [["--json"], []])
def test_no_secret_is_printed_whole(files: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "scan", str(files), *more]) == 0
    out, err = capsys.readouterr()
    assert "locked.docx" in err
    for secret in (MAIL, PHONE, CARD, NUMBER, PASSWORD, KEY):
        assert secret not in out
        bare = re.sub(r"\W", "", secret)
        shown = re.sub(r"[^\w]", "", out)
        assert bare not in shown
        assert bare[len(bare) // 2 :] not in shown


def test_a_single_file_and_none(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [f["path"] for f in found(capsys, files / ".env")] == [".env", ".env"]
    assert found(capsys, files / "innocent.py") == []
    assert main(["dataset", "scan", str(files / "nowhere")]) == 2


def test_a_private_key_goes_with_all_its_lines() -> None:
    begin, end = "-----BEGIN RSA PRI" + "VATE KEY-----", "-----END RSA PRI" + "VATE KEY-----"
    key = f"{begin}\n{BODY}\n{BODY}\n{end}"
    counted: Counter[str] = Counter()
    for text, left in (
        (f"a\n{key}\nb", "a\n[private key]\nb"),
        (f"a\n{begin}\n  {BODY}\n  {BODY}", "a\n[private key]"),  # cut before its end
        ('k = "' + key.replace("\n", "\\n") + '"', 'k = "[private key]"'),
        (f"+{key}".replace("\n", "\n+"), "+[private key]"),
    ):
        assert secrets.cleaned(text, counted) == left
    assert counted == {"private key": 4}


def test_the_labelled_lines_of_the_benchmark() -> None:
    lines = Path(__file__).parents[2] / "benchmarks" / "leaks.jsonl"
    rows = [json.loads(line.replace("¦", "")) for line in lines.read_text(encoding="utf-8").splitlines()]
    guilty, innocent = [r for r in rows if "kind" in r], [r for r in rows if "kind" not in r]
    left = [r["line"] for r in guilty if secrets.normalised(r["secret"]) in secrets.cleaned(r["line"], Counter())]
    alarms = [r["line"] for r in innocent if secrets.cleaned(r["line"], Counter()) != r["line"]]
    assert len(left) <= 0.05 * len(guilty), left
    assert len(alarms) <= 0.05 * len(innocent), alarms
