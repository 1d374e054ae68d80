"""Differences of two texts: nothing is lost, and what is marked is what differs."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llamune.chat.compare import alike, differences


def shown(a: str, b: str) -> str:
    """The differences in one line: [-only left-] {+only right+}."""
    signs = {"same": "{}", "left": "[-{}-]", "right": "{{+{}+}}"}
    return "".join(signs[p.kind].format(p.text) for p in differences(a, b))


def test_english_is_compared_word_by_word() -> None:
    a = "The deadline is 14 days after the change. Ask the union."
    b = "The deadline is 30 days after the change. Ask the union first."
    assert shown(a, b) == "The deadline is [-14-]{+30+} days after the change. Ask the union{+ first+}."


def test_japanese_is_compared_by_words_of_one_script() -> None:
    a = "変更届に意見書を添えて14日以内に届け出ます。"
    b = "変更届に意見書を添えて30日以内に提出します。"
    assert shown(a, b).startswith("変更届に意見書を添えて[-14-]{+30+}日以内に")


def test_a_sentence_that_only_one_has_is_marked_whole() -> None:
    assert shown("意見を聴きます。周知も必要です。", "意見を聴きます。") == "意見を聴きます。[-周知も必要です。-]"


def test_numbers_are_never_taken_apart() -> None:
    assert shown("It costs 1,240 yen.", "It costs 1,250 yen.") == "It costs [-1,240-]{+1,250+} yen."


def test_likeness() -> None:
    assert alike(differences("same", "same")) == 1
    assert alike(differences("", "")) == 1
    assert alike(differences("one", "two")) == 0


def test_a_very_long_pair_is_cut_short_but_complete() -> None:
    a, b = "あい" * 3000, "うえ" * 3000
    assert [(p.kind, len(p.text)) for p in differences(a, b)] == [("left", 6000), ("right", 6000)]


TEXTS = st.text(st.sampled_from("abc 12.,!。、漢字かなカナ\n"), max_size=60)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_the_pieces(a: str, b: str) -> None:
    pieces = differences(a, b)
    assert "".join(p.text for p in pieces if p.kind != "right") == a
    assert "".join(p.text for p in pieces if p.kind != "left") == b
    assert all(p.text for p in pieces)
    assert all(one.kind != other.kind for one, other in pairwise(pieces))
