"""Facts as they are read from an answer: the same value in every form, and form that is no fact."""

from fractions import Fraction

import pytest

from llamune.chat import facts
from llamune.chat.facts import Fact, extract
from llamune.chat.facts_text import SENTENCE


def read(text: str) -> list[Fact]:
    return list(extract("A", text).facts)


def only(text: str) -> Fact:
    (fact,) = read(text)
    return fact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("３０日以内に届ける", "三十日以内に届ける"),
        ("料金は1,200円です", "料金は千二百円です"),
        ("料金は1.2億円です", "料金は1億2000万円です"),
        ("48万円", "480,000円"),
        ("¥1,200", "1200 yen"),
        ("$1.5 million", "1,500,000 dollars"),
        ("待ち時間は三十分程度", "待ち時間は30分"),
        ("5割", "50％"),
        ("3割5分", "35 percent"),
        ("4分の1", "25%"),
        ("半年", "6か月"),
        ("1年6か月", "18ヶ月"),
        ("2時間半", "2時間30分"),
        ("6年半", "6年6か月"),
        ("two and a half hours", "2.5 hours"),
        ("三十分を目安に", "30分"),
        ("90℃前後", "90度くらい"),
        ("四半期ごとに見直す", "3か月ごとに見直す"),
        ("1 in 4 people", "25% of people"),
        ("2週間", "14日"),
        ("two weeks", "14 days"),
        ("half an hour", "30 minutes"),
        ("2 hours and 30 minutes", "150 minutes"),
        ("令和6年4月1日", "2024-04-01"),
        ("April 1st, 2024", "1 April 2024"),
        ("4月1日に始まる", "2024年4月1日に始まる"),
        ("午後5時", "17:00"),
        ("at 3 pm", "at 15:00"),
        ("1.5 kg", "1500グラム"),
        ("12 km", "12,000 metres"),
        ("85平方キロメートル", "85 km²"),
        ("十人以上", "10名以上"),
        ("労働基準法第89条", "労働基準法89条"),
        ("約30万円", "298,000円"),
        ("高さは332.6m", "高さは333m"),
    ],
)
def test_one_value_in_two_forms(one: str, other: str) -> None:
    a, b = read(one)[0], read(other)[0]
    assert a.kind == b.kind
    assert facts.same(a, b)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1か月", "30日"),  # no month has a fixed number of days
        ("20時間以上", "20時間以下"),
        ("10人以上", "10人を超える"),
        ("100円", "100ドル"),
        ("3人", "3回"),
        ("2024年4月1日", "2024年4月2日"),
        ("令和2年", "平成2年"),
        ("1234円", "1200円"),
        ("3 kg", "3 km"),
        ("03-1234-5678", "03-1234-5679"),
        ("3.11.2", "3.12.2"),
        ("Article 9", "Article 16"),
    ],
)
def test_different_values(one: str, other: str) -> None:
    a, b = read(one)[0], read(other)[0]
    assert a.pool != b.pool or not facts.same(a, b)


@pytest.mark.parametrize(
    "text",
    [
        "準備は十分です",
        "一般的に、一部の人は一度だけ経験します",
        "1. 申請する\n2. 待つ\n(3) 受け取る",
        "① 電源を切る",
        "ステップ1: 開く\nStep 2: close",
        "以下の3つのポイントがあります",
        "There are three steps",
        "```\nx = 42\n```",
        "~~~\n14日以内\n```\n30日\n~~~",
        "https://example.com/2024/04/01?id=77",
        "数十人が集まった",
        "六本木に行く",
    ],
)
def test_form_is_no_fact(text: str) -> None:
    assert not [fact for fact in read(text) if fact.kind not in ("name",)]


def test_value_and_sentence_are_as_written() -> None:
    answer = extract("A", "前文です。**１４日以内**に届け出ます。")
    (fact,) = answer.facts
    assert (fact.kind, fact.written, fact.value) == ("duration", "１４日以内", Fraction(14 * 86400))
    assert answer.sentences[fact.sentence].text == "１４日以内に届け出ます。"


def test_first_of_a_range_has_the_unit_of_the_second() -> None:
    assert [fact.value / 86400 for fact in read("3〜5日かかります") if isinstance(fact.value, Fraction)] == [3, 5]
    assert [fact.written for fact in read("between seven and nine hours")][-1] == "nine hours"


def test_a_rate_is_two_facts() -> None:
    assert [fact.written for fact in read("1日30分歩く")] == ["1日", "30分"]


def test_table_cells_carry_row_and_column() -> None:
    answer = extract("A", "| 区分 | 日当 |\n|---|---|\n| 国内 | 2,500円 |")
    (fact,) = answer.facts
    assert answer.sentences[fact.sentence].text == "国内 日当: 2,500円"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("厚生労働省が定めます", "厚生労働省"),
        ("映画『七人の侍』を見る", "七人の侍"),
        ("the capital is Canberra", "Canberra"),
        ("オーストラリアの首都", "オーストラリア"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert name in [fact.written.strip("「」『』") for fact in read(text) if fact.kind == "name"]


def test_common_loan_words_are_no_names() -> None:
    assert read("サーバーのメールをチェックする") == []


def test_only_the_beginning_of_a_very_long_answer_is_read() -> None:
    answer = extract("A", "価格は3円です。\n" * 20_000)
    assert answer.unread == 200_000 - 20_000 - facts.CHARACTERS
    assert len(answer.facts) == facts.FACTS
    assert answer.unsearched > 0


def test_a_text_without_ends_is_cut_into_pieces() -> None:
    parts = extract("A", "梅1、" * 5_000).sentences
    assert max(len(part.text) for part in parts) == SENTENCE


@pytest.mark.parametrize("kind", facts.KINDS)
def test_kinds_have_names(kind: str) -> None:
    assert facts.name(kind)
