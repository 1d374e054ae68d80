"""Word, Excel, PowerPoint and PDF files that real programs wrote."""

import pytest
from reading import FILES, document, outline, packed, pdf

from llamune.sources.document import Document, Section
from llamune.sources.folder import read

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def of(name: str) -> Document:
    (event,) = read([FILES / name])
    assert isinstance(event, Document), event
    return event


def test_a_word_document_keeps_its_chapters_clauses_tables_and_notes():
    found = of("rules.docx")
    assert (found.title, found.author, found.date) == ("旅費規程", "青葉 花子", "2026-04-01")
    assert outline(found) == [
        (("第1章 総則", "第１条（目的）"), "この規程は、社員の出張に関する旅費の取扱いを定める。"),
        (
            ("第1章 総則", "第2条"),
            "この規程は、正社員および契約社員に適用する。ただし、役員については取締役会が別に定める。\n"
            "第4条の規定による日当は、この条の適用を受けない。（海外出張旅費規程を参照。）",
        ),
        (("第2章 国内出張", "第4条（日当）"), outline(found)[2][1]),
        (("第2章 国内出張", "第5条（宿泊費）"), "東京23区 | 一般 | 13,000円\n東京23区 | 部長 | 18,000円"),
        (("第2章 国内出張", "第5条（宿泊費）"), "表の額を超えるときは部長の承認を受ける。\n囲みの中の注意書き"),
        (("附 則",), "この規程は、令和8年4月1日から施行する。"),
    ]
    assert found.sections[3].header == "地域 | 職位 | 上限額"


def test_a_pdf_keeps_its_pages_and_has_no_blanks_between_japanese_and_digits():
    found = of("rules.pdf")
    assert (found.title, found.author, found.date) == ("旅費規程", "青葉 花子", "2026-04-01")
    allowance = next(section for section in found.sections if section.path[-1] == "第4条（日当）")
    assert allowance.path[0] == "第2章 国内出張"
    assert allowance.page == 2
    assert allowance.text.startswith("日当は一日につき2,300円とする。")
    assert "\n" not in allowance.text  # two lines on the page, one paragraph
    assert {section.page for section in found.sections} == {1, 2}


@pytest.mark.parametrize("name", ["rates.xlsx", "rates.xls", "rates.ods"])
def test_the_rows_of_a_sheet_keep_their_header(name):
    home, abroad = of(name).sections
    assert (home.path, home.header) == (("国内", "旅費日当表（2026年度）"), "区分 | 職位 | 日当 | 適用日")
    rows = home.text.split("\n")
    assert rows[0] == "日帰り | 一般 | 1150 | 2026-04-01"
    assert rows[1].endswith(" | 部長 | 1650.5 | 2026-04-01")
    assert rows[1].startswith("日帰り") == (name != "rates.ods")  # calamine knows merged cells of Excel's formats only
    assert (abroad.path, abroad.header, abroad.text) == (("海外",), "都市 | 日当", "ロンドン | 8,000円")
    assert (home.row, abroad.row) == (4, 2)


def test_a_slide_is_a_page_with_its_title_notes_and_table():
    found = of("plan.pptx")
    assert (found.title, found.author) == ("監査計画", "監査部")
    assert found.sections == (
        Section(
            "予備調査は4月に行う\n本調査は6月\n結論は取締役会に報告する\n話すこと: 昨年の指摘",
            ("監査の進め方",),
            page=1,
        ),
        Section("4月 | 予備調査\n6月 | 本調査", ("日程",), "table", "月 | 作業", page=2),
        Section("題のないスライドの文。", (), page=3),
    )


def test_what_word_hides_is_not_read_and_what_it_wraps_is(tmp_path):
    body = f"""<w:document {W}><w:body>
      <w:sdt><w:sdtContent><w:p><w:r><w:t>入力欄の中</w:t></w:r></w:p></w:sdtContent></w:sdt>
      <w:p><w:ins><w:r><w:t>足した語</w:t></w:r></w:ins><w:del><w:r><w:delText>消した語</w:delText></w:r></w:del></w:p>
      <w:p><w:r><w:ruby><w:rt><w:r><w:t>かんさ</w:t></w:r></w:rt>
        <w:rubyBase><w:r><w:t>監査</w:t></w:r></w:rubyBase></w:ruby></w:r><w:r><w:t>\u000b\u200b役</w:t></w:r></w:p>
      </w:body></w:document>""".replace("\u000b", "").replace("\u200b", "")
    assert outline(document(tmp_path, "a.docx", packed({"word/document.xml": body}))) == [
        ((), "入力欄の中\n足した語\n監査役")
    ]


def test_word_counts_clauses_on_through_all_chapters(tmp_path):
    def level(depth: int, form: str, text: str, more: str = "") -> str:
        inner = f'<w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}<w:lvlText w:val="{text}"/>'
        return f'<w:lvl w:ilvl="{depth}">{inner}</w:lvl>'

    def paragraph(depth: int, text: str) -> str:
        place = f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="1"/></w:numPr>'
        return f"<w:p><w:pPr>{place}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"

    levels = [
        level(0, "japaneseCounting", "第%1章"),
        level(1, "decimalFullWidth", "第%2条", '<w:lvlRestart w:val="0"/>'),
        level(2, "aiueo", "%3．"),
    ]
    lists = f'<w:abstractNum w:abstractNumId="0">{"".join(levels)}</w:abstractNum>'
    lists += '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    said = [(0, "総則"), (1, "（目的）"), (2, "旅費"), (2, "日当"), (0, "雑則"), (1, "（委任）"), (2, "細則")]
    body = "".join(paragraph(*each) for each in said)
    members = {
        "word/numbering.xml": f"<w:numbering {W}>{lists}</w:numbering>",
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
    }
    assert outline(document(tmp_path, "a.docx", packed(members))) == [
        (("第一章 総則", "第１条（目的）"), "ア． 旅費\nイ． 日当"),
        (("第二章 雑則", "第２条（委任）"), "ア． 細則"),
    ]


def test_a_pdf_with_japanese_fonts_that_it_does_not_carry(tmp_path):
    assert outline(document(tmp_path, "a.pdf", pdf(["監査は毎年四月に行う。"]))) == [((), "監査は毎年四月に行う。")]


def test_running_heads_of_a_pdf_are_no_text_and_numbers_of_bills_are(tmp_path):
    pages = [
        ["請求書一覧 2026年度版", f"請求番号 {1001 + n}", f"{name}の内容である。", f"{n + 1} / 4"]
        for n, name in enumerate("甲乙丙丁")
    ]
    found = document(tmp_path, "a.pdf", pdf(*pages))
    assert [(s.page, s.text) for s in found.sections] == [
        (n + 1, f"請求番号 {1001 + n}\n{name}の内容である。") for n, name in enumerate("甲乙丙丁")
    ]


def test_a_sentence_over_two_pages_stays_in_one_piece(tmp_path):
    first = ["第1条（目的）この規程は、社員が出張するときの旅費の", "支給について、必要な事項を定めるものであり、次の"]
    found = document(tmp_path, "a.pdf", pdf(first, ["とおりとする。次の文は二ページ目にある。"]))
    assert [(s.page, s.text) for s in found.sections] == [
        (1, "この規程は、社員が出張するときの旅費の支給について、必要な事項を定めるものであり、次のとおりとする。"),
        (2, "次の文は二ページ目にある。"),
    ]
    assert {s.path for s in found.sections} == {("第1条（目的）",)}
