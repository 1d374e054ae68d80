"""Text files: every Japanese encoding, clauses of rules, and the structure of each markup."""

import pytest
from reading import document, outline

RULES = """旅費規程

第１章　総則
（目的）
第1条　この規程は、出張の①旅費を定める。
２　㈱あおば商事の髙橋部長が所管する。
第二条の二（用語）ﾊﾝｶｸの語は次のとおりとする。
第1条の規定による日当は含まない。
附　則
この規程は、２０２６年４月１日から施行する。
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp932"])
def test_the_clauses_of_a_plain_text_in_any_encoding(tmp_path, encoding):
    found = document(tmp_path, "規程.txt", RULES.replace("\n", "\r\n").encode(encoding))
    assert outline(found) == [
        ((), "旅費規程"),
        (("第１章 総則", "第1条（目的）"), "この規程は、出張の①旅費を定める。\n２　㈱あおば商事の髙橋部長が所管する。"),
        (("第１章 総則", "第二条の二（用語）"), "ﾊﾝｶｸの語は次のとおりとする。\n第1条の規定による日当は含まない。"),
        (("附 則",), "この規程は、２０２６年４月１日から施行する。"),
    ]
    assert found.date == "2026-04-01"
    assert [section.line for section in found.sections] == [1, 5, 7, 10]


def test_a_caption_in_a_paragraph_of_its_own(tmp_path):
    found = document(tmp_path, "a.html", "<p>前文。<p>（目的）<p>第1条　定める。<p>（対象）<p>第2条　全員とする。")
    assert outline(found) == [((), "前文。"), (("第1条（目的）",), "定める。"), (("第2条（対象）",), "全員とする。")]
    found = document(tmp_path, "b.html", "<h1>第1章 総則</h1><p>（目的）<p>第1条　定める。")
    assert outline(found) == [(("第1章 総則", "第1条（目的）"), "定める。")]


@pytest.mark.parametrize(
    ("line", "heading", "rest"),
    [
        ("第３章　服務", "第３章 服務", ""),
        ("第十二条の二（休職）社員が休むとき。", "第十二条の二（休職）", "社員が休むとき。"),
        ("第4条 【日当】 日当は別表による。", "第4条【日当】", "日当は別表による。"),
        ("附　則（令和8年4月1日）", "附 則（令和8年4月1日）", ""),
        ("附則　この規程は、公布の日から施行する。", "附則", "この規程は、公布の日から施行する。"),
        ("別表第１（第4条関係）", "別表第１（第4条関係）", ""),
        ("第4条の規定により、支給する。", "", ""),
        ("第4条第2項の場合を除く。", "", ""),
        ("別表のとおりとする。", "", ""),
        ("附則別表による。", "", ""),
        ("第1章で述べたとおり、これは本文である。", "", ""),
    ],
)
def test_what_is_a_heading_of_rules_and_what_only_begins_like_one(tmp_path, line, heading, rest):
    found = outline(document(tmp_path, "a.txt", f"前文\n{line}\n次の行"))
    if heading:
        assert found == [((), "前文"), ((heading,), f"{rest}\n次の行" if rest else "次の行")]
    else:
        assert found == [((), f"前文\n{line}\n次の行")]


def euc(text: str) -> bytes:
    """EUC-JP as vendors write it: ① and ㈱ stand in row 13, which Python's codec does not know."""
    return b"".join(_euc(character) for character in text)


def _euc(character: str) -> bytes:
    code = character.encode("cp932")
    if len(code) == 1:
        return code if code < b"\x80" else b"\x8e" + code
    lead, trail = code[0] - (0x81 if code[0] < 0xA0 else 0xC1), code[1]
    row = lead * 2 + (trail >= 0x9F)
    cell = trail - (0x9E if trail >= 0x9F else 0x40 if trail > 0x7F else 0x3F)
    return bytes((row + 0xA1, cell + 0xA0))


def jis(text: str) -> bytes:
    """ISO-2022-JP of full-width characters, vendors' ones among them."""
    return b"\x1b$B" + bytes(byte & 0x7F for byte in euc(text)) + b"\x1b(B"


PLAIN = "監査の①手順は、㈱あおば商事の部長が定めるものとする。"


@pytest.mark.parametrize("content", [euc(PLAIN), jis(PLAIN), PLAIN.encode("cp932")])
def test_the_signs_that_vendors_added(tmp_path, content):
    assert outline(document(tmp_path, "a.txt", content)) == [((), PLAIN)]


@pytest.mark.parametrize("encoding", ["euc_jp", "iso2022_jp", "cp932"])
@pytest.mark.parametrize("text", ["ひらがなの文。", "カタカナ", "漢字", "総務部長", "A部 第3課", "。、・"])
def test_short_texts_are_told_apart(tmp_path, encoding, text):
    assert outline(document(tmp_path, "a.txt", text.encode(encoding))) == [((), text)]


def test_markdown(tmp_path):
    text = """---
title: 経費規程
tags: [経理, 規程]
department: 経理部
date: 2026-04-01
---
# 経費規程

前文。

## **立替** の`扱い`

```sh
# これは見出しではない
```

| 品目 | 限度 |
|---|---|
| 文具 | 3,000円 |
| 図書 | 5,000円 |

第4条（例外）この限りでない。
"""
    found = document(tmp_path, "経費.md", text)
    assert (found.title, found.date, found.department) == ("経費規程", "2026-04-01", "経理部")
    assert found.tags == ("経理", "規程")
    assert outline(found) == [
        (("経費規程",), "前文。"),
        (("経費規程", "立替 の扱い"), "```sh\n# これは見出しではない\n```"),
        (("経費規程", "立替 の扱い"), "文具 | 3,000円\n図書 | 5,000円"),
        (("経費規程", "立替 の扱い", "第4条（例外）"), "この限りでない。"),
    ]
    assert found.sections[2].header == "品目 | 限度"
    assert [section.line for section in found.sections] == [9, 13, 17, 22]


def test_rst_keeps_what_unknown_directives_hold_and_reads_no_other_file(tmp_path):
    (tmp_path / "secret.txt").write_text("秘密")
    text = """
規程
====

:施行: 2026年4月1日

.. include:: secret.txt

対象者
------

- 正社員
- 契約社員

.. toctree-like::

   知らない指示の中身

====  ====
品目  限度
====  ====
文具  3000
====  ====
"""
    found = document(tmp_path, "a.rst", text)
    assert (found.title, found.date) == ("規程", "2026-04-01")
    words = "\n".join(f"{section.header}\n{section.text}" for section in found.sections)
    assert "秘密" not in words
    assert "・正社員\n・契約社員" in words
    assert "知らない指示の中身" in words
    assert (found.sections[-1].path, found.sections[-1].header) == (("規程", "対象者"), "品目 | 限度")
    assert found.sections[-1].text == "文具 | 3000"


def test_asciidoc(tmp_path):
    text = """= 手順書
青葉 花子 <hanako@example.co.jp>
v1.0, 2026-04-01

include::other.adoc[]
== 準備
// 注釈
電源を入れる。

待つ。
|===
|項目 |値

|温度
|20度

|湿度
|50%
|===
----
== 見出しではない
----
"""
    found = document(tmp_path, "a.adoc", text)
    assert (found.title, found.author, found.date) == ("手順書", "青葉 花子", "2026-04-01")
    assert outline(found) == [
        (("手順書", "準備"), "電源を入れる。\n\n待つ。"),
        (("手順書", "準備"), "温度 | 20度\n湿度 | 50%"),
        (("手順書", "準備"), "== 見出しではない"),
    ]


def test_html(tmp_path):
    text = """<html><head><meta charset=euc-jp><meta name=author content=総務部><title>案内</title>
<script>alert("x")</script><style>p{}</style></head><body><table><tr><td>
<h1>来客</h1><p>受付で<ruby>氏名<rp>(</rp><rt>しめい</rt></ruby>を<br>記入する。<ul><li>青い札<li>赤い札</ul>
<pre>一  二
三</pre></td></tr></table>
<h2>会議室</h2><table><tr><th>階<th>室<th>人数
<tr><td rowspan=2>三階<td>大<td>50<tr><td>小</td><td>8 &amp; 1</td></tr><tr><td>四階<td>応接<td>6</table>
<p>閉じない段落<noscript>見えない</noscript></body>"""
    found = document(tmp_path, "a.html", text.encode("euc_jp"))
    assert (found.title, found.author) == ("案内", "総務部")
    assert found.sections[0].path == ("来客",)  # the table around it is a frame
    words = "\n".join(section.text for section in found.sections)
    assert "受付で氏名を" in words
    assert all(piece in words for piece in ("記入する。", "青い札", "赤い札", "一  二", "閉じない段落"))
    assert not any(piece in words for piece in ("alert", "p{}", "しめい", "見えない"))
    table = next(section for section in found.sections if section.kind == "table")
    assert (table.header, table.text) == ("階 | 室 | 人数", "三階 | 大 | 50\n三階 | 小 | 8 & 1\n四階 | 応接 | 6")
    assert table.path[-1] == "会議室"


def test_html_that_nobody_closed(tmp_path):
    assert outline(document(tmp_path, "a.html", "<table><tr><td>一<table><tr><td>二<p>三")) == [((), "一 二 三")]


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("b.tsv", "\t"), ("c.csv", ";")])
def test_a_table_of_text_keeps_its_header(tmp_path, name, separator):
    rows = [["番号", "備考"], ["1", '"一行目\n二行目"'], ["2", ""], ["3", "終"]]
    found = document(tmp_path, name, "\r\n".join(separator.join(row) for row in rows).encode("cp932"))
    (section,) = found.sections
    assert (section.kind, section.header) == ("table", "番号 | 備考")
    assert section.text == "1 | 一行目 二行目\n2 | \n3 | 終"
