"""The disagreement report through its front door: what it names, and what it leaves alone."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamune.chat.disagreement import SHOWN, Report, compare
from llamune.chat.facts import CHARACTERS, KINDS

CASES = Path(__file__).parents[2] / "benchmarks" / "disagreement" / "cases.toml"

NOTICE = (
    ("A", "変更届に意見書を添えて14日以内に届け出ます。変更後は従業員への周知も必要です。"),
    ("B", "意見書を添付した変更届を14日以内に届け出ます。"),
    ("C", "変更届の届出の期限は30日以内で、意見書も添えます。その後、社内への周知を行います。"),
)


def kinds(report: Report) -> list[str]:
    return [difference.kind for difference in report.differences]


def test_two_against_one_and_a_missing_clause() -> None:
    report = compare(NOTICE)
    period, missing = report.differences
    assert (period.kind, dict(period.values)) == ("duration", {"A": "14日以内", "B": "14日以内", "C": "30日以内"})
    assert period.minority == ("C",)
    assert period.sentences["C"] == "変更届の届出の期限は30日以内で、意見書も添えます。"
    assert (missing.kind, missing.missing_in, dict(missing.values)) == ("missing", ("B",), {"A": "周知", "C": "周知"})
    assert report.checked == KINDS
    assert report.not_checked == ()


def test_letters_come_in_the_order_of_the_answers_whatever_they_are() -> None:
    report = compare([("F", "期限は14日です。"), ("B", "期限は30日です。")])
    assert [list(difference.values) for difference in report.differences] == [["F", "B"]]
    assert report.differences[0].minority == ()


def test_facts_meet_by_what_they_are_about_not_by_place() -> None:
    one = "14日以内に届出を行い、30日以内に支払を済ませます。"
    assert compare([("A", one), ("B", "支払は30日以内、届出は14日以内です。")]).differences == ()
    assert kinds(compare([("A", one), ("B", "支払は14日以内、届出は30日以内です。")])) == ["duration", "duration"]


@pytest.mark.parametrize(
    ("one", "other", "values"),
    [
        (
            "月45時間を超えられるのは年に6回までです。",
            "ただし45時間を超えることができるのは年4回が限度です。",
            ("6回", "4回"),
        ),
        (
            "受け取るには10年以上の加入期間が必要です。40年で満額です。",
            "最低25年の加入が条件で、40年納めます。",
            ("10年", "25年"),
        ),
        (
            "They splashed down in the Pacific Ocean.",
            "The capsule came down in the Atlantic Ocean.",
            ("Pacific Ocean", "Atlantic Ocean"),
        ),
        ("15歳以上は1回2錠、1日3回までです。", "15歳以上なら1回2錠を1日2回まで、食後に。", ("3回", "2回")),
        ("有給休暇の時効は2年です。", "使わなかった分は3年で消えます。", ("2年", "3年")),
        ("2013年に世界文化遺産に登録。", "2013年に世界自然遺産として登録。", ("文化遺産", "自然遺産")),
    ],
)
def test_the_same_thing_in_few_words_of_its_own(one: str, other: str, values: tuple[str, str]) -> None:
    """Each answer lacks what the other says: one difference, or for names what each lacks."""
    report = compare([("A", one), ("B", other)])
    said = [(d.values.get("A", ""), d.values.get("B", "")) for d in report.differences]
    assert [any(values[n] in pair[n] for pair in said) for n in (0, 1)] == [True, True]


def test_what_is_denied_of_one_thing_is_not_denied_of_another() -> None:
    told = "The policy covers water damage. Floods are excluded."
    assert not compare([("A", told), ("B", "The policy covers water damage. It does not cover floods.")]).differences


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It opens Tuesday to Sunday at noon.", "It is closed on Mondays and opens at noon."),
        ("営業は火曜から日曜です。", "定休日は月曜です。"),
        ("Neil Armstrong and Buzz Aldrin landed.", "Armstrong landed with Aldrin."),
        ("宝永4年（1707年）に噴火しました。", "1707年に噴火しました。"),
        ("It takes a fortnight.", "It takes two weeks."),
        ("米を3回研ぎます。", "米は3、4回研ぎます。"),
    ],
)
def test_the_same_in_another_form(one: str, other: str) -> None:
    assert compare([("A", one), ("B", other)]).differences == ()


def test_what_all_share_is_told() -> None:
    report = compare([("A", "料金は1,200円、期間は2週間です。"), ("B", "期間は14日で、料金は千二百円です。")])
    assert report.differences == ()
    assert set(report.same) == {"1,200円", "2週間"}


def test_yes_against_no() -> None:
    (difference,) = compare([("A", "はい、加入します。"), ("B", "いいえ、加入しません。")]).differences
    assert difference.kind == "yesno"
    (difference,) = compare(
        [("A", "ビザは必要です。"), ("B", "ビザは不要です。"), ("C", "ビザが必要です。")]
    ).differences
    assert (difference.kind, difference.minority) == ("yesno", ("B",))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("届出をしなければなりません。", "届出が必要です。"),
        ("写真を撮ることはできません。", "写真の撮影は禁止です。"),
        ("You don't have to sign the form.", "Signing the form is not required."),
        ("For a short trip you don't need a visa.", "No visa is required for short trips."),
        ("解雇の予告は不要です。", "解雇の予告はいりません。"),
        ("14日以内は予告は不要、その後は予告が必要です。", "14日は予告がいらず、その後は予告が必要です。"),
        ("The fee is not only fair but low.", "The fee is fair and low."),
    ],
)
def test_same_sign_in_other_words(one: str, other: str) -> None:
    assert compare([("A", one), ("B", other)]).differences == ()


def test_empty_answers_miss_nothing() -> None:
    assert compare([("A", "料金は1,200円です。"), ("B", " \n")]) == Report((), ())
    assert compare([]) == Report((), ())


def test_what_was_not_checked_is_named() -> None:
    long = "料金は3円です。\n" * 10_000
    report = compare([("A", long), ("B", "料金は3円です。")])
    assert {(s.what, s.letter) for s in report.not_checked} == {("characters", "A"), ("sentences", "A")}
    assert next(s.count for s in report.not_checked if s.what == "characters") == len(long) - CHARACTERS


def test_differences_left_out_are_counted() -> None:
    many = "\n".join(f"品番{chr(0x4E00 + n)}{chr(0x5E00 + n)}は{n * 17 + 1000}円です。" for n in range(SHOWN + 20))
    report = compare([("A", many), ("B", "価格は店により異なります。")])
    assert len(report.differences) == SHOWN
    assert [(s.what, s.count) for s in report.not_checked] == [("differences", 20)]


def _cases() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
    return cases


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["id"])
def test_an_answer_does_not_disagree_with_itself(case: dict[str, Any]) -> None:
    assert compare([("A", case["A"]), ("B", case["A"]), ("C", case["A"])]).differences == ()


def test_the_labelled_set_is_large_enough_and_met() -> None:
    """Bounds well under the figures that benchmarks/disagreement.py prints, so that a break shows."""
    cases = [case for case in _cases() if not case.get("held")]
    quiet = [case for case in cases if not case.get("expect")]
    assert len(cases) >= 60
    assert len(quiet) >= 25

    def report(case: dict[str, Any]) -> Report:
        return compare([(letter, case[letter]) for letter in "ABC" if letter in case])

    alarms = sum(bool(report(case).differences) for case in quiet)
    silent = sum(not report(case).differences for case in cases if case.get("expect"))
    assert alarms <= len(quiet) / 5
    assert silent <= len(cases) / 10


PIECES = st.sampled_from(
    ["1,", "9" * 50, "三十", "分", "第", "条", "「", "|", "\n", "ない", "ません", "**", "[", "](", "http://", "A ",
     "of ", "。", "、", "one hundred ", "- [x] ", "```", "\ud800", "½", "%", "$", "令和", "元年", "/", "13:", "pm ",
     "No, ", "|-|", "0", "割"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join), st.lists(PIECES, max_size=60).map("".join))
def test_no_text_breaks_it(one: str, other: str) -> None:
    report = compare([("A", one), ("B", other)])
    assert all(set(d.values) | set(d.missing_in) == {"A", "B"} for d in report.differences)


@pytest.mark.parametrize(
    "piece", ["1,", "三十", "「", "|1|", "ない", "no ", "A of the ", "<a", "**", ". ", "one hundred "]
)
def test_monotonous_texts_are_read_in_bounded_time(piece: str) -> None:
    """Bounded by construction: no expression here backtracks beyond one sentence; a hang fails the run."""
    text = (piece * 20_000)[:20_000]
    assert compare([("A", text), ("B", text)]).differences == ()
