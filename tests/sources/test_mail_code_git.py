"""Mails with attachments, source code by function, repositories with what they ignore."""

from email.message import EmailMessage
from email.policy import SMTP

from reading import FILES, document, outline, reasons, seen

from llamune.sources.document import Document, Refused


def mail(subject: str, *attached: tuple[str, bytes]) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "青葉 花子 <hanako@example.co.jp>"
    message["To"] = "監査部 <kansa@example.co.jp>"
    message["Date"] = "Wed, 01 Apr 2026 09:00:00 +0900"
    message["Subject"] = subject
    message.set_content("添付の規程を①確認してください。\n", charset="utf-8")
    for name, content in attached:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message


def test_a_mail_and_its_attachments(tmp_path):
    inner = mail("中のメール", ("表.csv", "品目,額\n文具,300".encode("cp932")))
    outer = mail("規程の件", ("旅費規程.docx", (FILES / "rules.docx").read_bytes()), ("図.png", b"\x89PNG"))
    outer.add_attachment((FILES / "encrypted.pdf").read_bytes(), maintype="application", subtype="pdf")
    outer.add_attachment(inner)
    (tmp_path / "m.eml").write_bytes(outer.as_bytes(policy=SMTP))
    events = seen(tmp_path / "m.eml")
    assert list(events) == [
        *("m.eml", "m.eml/旅費規程.docx", "m.eml/図.png", "m.eml/3.pdf"),
        *("m.eml/4.eml", "m.eml/4.eml/表.csv"),
    ]
    top, word = events["m.eml"], events["m.eml/旅費規程.docx"]
    assert isinstance(top, Document)
    assert isinstance(word, Document)
    assert (top.title, top.date, top.author) == ("規程の件", "2026-04-01", "青葉 花子 <hanako@example.co.jp>")
    assert "添付の規程を①確認してください。" in top.sections[0].text
    assert (word.title, word.sections[2].path) == ("旅費規程", ("第2章 国内出張", "第4条（日当）"))
    assert word.digest != top.digest
    assert word.stamp == top.stamp
    assert isinstance(events["m.eml/3.pdf"], Refused)
    assert isinstance(events["m.eml/4.eml/表.csv"], Document)


def test_an_old_mail_in_iso_2022_jp_with_vendors_signs(tmp_path):
    body = b"\x1b$B\x34\x46\x3a\x3a\x2d\x21\x1b(B"  # 監査①
    head = b"From: a@example.co.jp\nSubject: =?ISO-2022-JP?B?GyRCNEY6OhsoQg==?=\n"
    found = document(tmp_path, "old.eml", head + b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + body)
    assert found.title == "監査"
    assert found.sections[0].text.endswith("監査①")


def test_names_and_headers_that_could_write_on_the_screen(tmp_path):
    raw = (
        mail("x", ("a.txt", b"x"))
        .as_bytes()
        .replace(b"Subject: x", b"Subject: \x1b[2J\xff raw")
        .replace(b"a.txt", b"\x1b]0;b.txt")
    )
    (tmp_path / "m.eml").write_bytes(raw)
    events = seen(tmp_path / "m.eml")
    assert all(path.isprintable() for path in events)
    titles = [event.title for event in events.values() if isinstance(event, Document)]
    assert titles
    assert all(title.isprintable() and title.encode() for title in titles)


def test_a_mailbox_is_as_many_documents_as_it_has_mails(tmp_path):
    box = b"".join(
        b"From a@example.co.jp Wed Apr  1 09:00:00 2026\n" + mail(f"件名{n}", ("a.txt", b"x")).as_bytes() + b"\n"
        for n in (1, 2, 3)
    )
    (tmp_path / "box.mbox").write_bytes(box)
    events = seen(tmp_path / "box.mbox")
    assert list(events) == [f"box.mbox/{n}{part}" for n in (1, 2, 3) for part in ("", "/a.txt")]
    assert [event.title for event in events.values() if isinstance(event, Document)][::2] == ["件名1", "件名2", "件名3"]


def test_mails_without_end(tmp_path):
    inner = mail("底")
    for depth in range(6):
        outer = mail(f"段{depth}")
        outer.add_attachment(inner)
        inner = outer
    (tmp_path / "deep.eml").write_bytes(inner.as_bytes())
    assert ("refused", "mails within mails more than three deep") in reasons(seen(tmp_path / "deep.eml")).values()


PYTHON = '''"""What it is."""

import os

LIMIT = 3


# counts the rows
@cached
def count(rows):
    return len(rows)


class Audit:
    """A year's audit."""

    def plan(self):
        def inner(): ...
        return inner

    async def run(self): ...
'''


def test_python_by_function(tmp_path):
    found = document(tmp_path, "a.py", PYTHON)
    assert [(section.path, section.line) for section in found.sections] == [
        ((), 1),
        (("count",), 8),
        (("Audit",), 14),
        (("Audit", "plan"), 17),
        (("Audit", "run"), 21),
    ]
    assert found.sections[1].text.startswith("# counts the rows\n@cached\ndef count")
    assert all(section.kind == "code" for section in found.sections)


JAVA = """package jp.example;

/** 旅費を計算する。 */
public class Travel {
    private int rate = 3;

    /** 日当 */
    public static int allowance(int days) {
        if (days > 3) {
            return days * 2;
        }
        return call(days);
    }

    List<Map<String, Integer>> rows() throws IOException {
        return null;
    }
}
"""


def test_other_languages_by_definition(tmp_path):
    paths = [section.path for section in document(tmp_path, "Travel.java", JAVA).sections]
    assert paths == [(), ("Travel",), ("Travel", "allowance"), ("Travel", "rows")]
    c = "static char *\nname(int n)\n{\n  while (n) { step(n); }\n}\n\nint main(void) {\n  return f(1);\n}\n"
    assert [s.path for s in document(tmp_path, "a.c", c).sections][-1] == ("main",)
    js = "use(x);\nexport const add = (a, b) => a + b;\nfunction sub(a) {\n  add(a);\n}\nclass A {\n}\n"
    assert [s.path for s in document(tmp_path, "a.js", js).sections] == [(), ("add",), ("sub",), ("A",)]
    go = "package a\n\nfunc (s *Store) Get(k string) string {\n\treturn s.m[k]\n}\n"
    assert [s.path for s in document(tmp_path, "a.go", go).sections] == [(), ("Get",)]
    sql = "-- 表\nCREATE TABLE rates (\n  id int\n);\nselect count(*) from rates;\n"
    assert [s.path for s in document(tmp_path, "a.sql", sql).sections] == [("rates",)]


def test_code_loses_no_line(tmp_path):
    for name, text in (("a.py", PYTHON), ("b.java", JAVA), ("c.py", "def broken(:\n  x\n")):
        found = document(tmp_path, name, text)
        kept = "\n".join(section.text for section in found.sections)
        assert [line for line in kept.split("\n") if line] == [line for line in text.split("\n") if line]
        assert outline(found)


def test_a_repository_without_what_it_ignores(tmp_path):
    for path in (".git/config", "src/a.py", "src/b.log", "src/keep.log", "build/out.md", "docs/build/in.md", ".env"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1")
    (tmp_path / ".gitignore").write_text("/build/\n*.log\n")
    (tmp_path / "src/.gitignore").write_text("!keep.log\n")
    events = seen(tmp_path)
    assert [path for path, event in events.items() if isinstance(event, Document)] == [
        "docs/build/in.md",
        "src/a.py",
        "src/keep.log",
    ]
    found = reasons(events)
    assert found["build"] == found["src/b.log"] == ("skipped", "named in .gitignore")
    assert found[".git"] == found[".env"] == ("skipped", "hidden or temporary")
    assert reasons(seen(tmp_path / "src"))["b.log"] == ("skipped", "named in .gitignore")  # the rules above count, too
    assert isinstance(seen(tmp_path / "build")["out.md"], Document)  # but who names what is ignored wants it


def test_a_gitignore_outside_a_repository_is_a_file_like_others(tmp_path):
    (tmp_path / ".gitignore").write_text("*.md\n")
    (tmp_path / "a.md").write_text("残る")
    assert isinstance(seen(tmp_path)["a.md"], Document)
