"""Citations are held against the passages: numbers that point nowhere, figures that stand nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamune.chat.citations import check
from llamune.chat.passage import Found, Passage
from llamune.chat.seen import Checked, Seen

PASSAGES = (
    Passage("r", "旅費規程.md", "第4条", "日当は2,000円、海外は５，０００円。3営業日前に。", "a", date="2026-04-01"),
    Passage("r", "休暇規程.md", "第12条", "配偶者は五日、祖父母は2日。手当は30万円、料率は1.5%とする。", "b"),
)  # fmt: skip


def checked(text: str, question: str = "") -> Checked:
    return check(text, Seen(found=Found(question, PASSAGES, "strong"), passages=PASSAGES))


@pytest.mark.parametrize(
    ("text", "cited", "nowhere"),
    [
        ("2,000円です [1]。5日です [2]。", (1, 2), ()),
        ("［２］と【1】", (2, 1), ()),
        ("both [1, 2] · [1][2]", (1, 2), ()),
        ("五日 [1、3]", (1,), (3,)),
        ("[0] [99]", (), (0, 99)),
        ("`a[1]` and\n```\nx[2]\n```", (), ()),
        ("[1](http://x) [2]: http://y", (), ()),
        ("[12345] [a] []", (), ()),
    ],
)
def test_numbers(text: str, cited: tuple[int, ...], nowhere: tuple[int, ...]) -> None:
    found = checked(text)
    assert (found.cited, found.nowhere) == (cited, nowhere)


@pytest.mark.parametrize(
    ("text", "unsupported"),
    [
        ("日当は2000円、海外は5,000円です。", ()),
        ("配偶者は5日、祖父母は二日です。手当は300,000円、料率は1.5パーセント。", ()),
        ("日当は3,000円です。", ("3,000円",)),
        ("合わせて7,000円、14日以内。", ("14日以内", "7,000円")),
        ("2026年4月1日から。", ()),
        ("2027年4月1日から。", ("2027年4月1日",)),
        ("1. 日当\n2. 手当\n", ()),
        ("`9,999円` は例です。", ()),
    ],
)
def test_figures(text: str, unsupported: tuple[str, ...]) -> None:
    assert tuple(sorted(checked(text).unsupported)) == tuple(sorted(unsupported))


def test_a_figure_of_the_question_needs_no_document() -> None:
    assert checked("8,000円は上限を超えます。", "8,000円は出ますか").unsupported == ()


@given(st.text(max_size=300))
def test_any_answer_can_be_checked(text: str) -> None:
    found = checked(text)
    assert all(1 <= n <= len(PASSAGES) for n in found.cited)
    assert not set(found.cited) & set(found.nowhere)
