"""What is read as a judgement, and what never is."""

import json
from typing import Any

import pytest

from llamune.chat.judge import choose
from llamune.chat.model import ModelInfo
from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Answer
from llamune.chat.verdict import POINTS, Judgement, agreed, first, judgement, objects, sides


def points(**changes: Any) -> dict[str, Any]:
    whole = {name: {"reason": f"about {name}", "score": 4} for name in POINTS}
    return {**whole, "improvements": ["shorter"], **changes}


def one(score: Any = 4, reason: Any = "it is right") -> dict[str, Any]:
    return {"reason": reason, "score": score}


def read(said: str) -> Judgement | None:
    return first(said, judgement)


@pytest.mark.parametrize(
    "said",
    [
        json.dumps(points()),
        "Here {it} is:\n```json\n" + json.dumps(points(), indent=2) + "\n```\nBye {}",
        "{{" + json.dumps(points()),
        json.dumps(points(accuracy=one("4/5"))),
        json.dumps(points(accuracy=one(4.0))),
        json.dumps(points(accuracy=one(" 4 ", "it is\nright"))).replace("\\n", "\n"),
        json.dumps({"verdict": 1}) + json.dumps(points(more="keys")),
    ],
)
def test_what_is_a_judgement(said: str) -> None:
    found = read(said)
    assert found is not None
    assert set(found.scores.values()) == {4}
    assert found.improvements == ("shorter",)


BABBLE = "、/preset、 prese、 prese、 prese、 prese、 technical、technical、technical、technical、" * 4


@pytest.mark.parametrize(
    "said",
    [
        "", "no braces", "{", "{" * 5000, '{"a":' + "[" * 50_000, "[1, 2]", "{}", "null",
        json.dumps(points())[:-30],
        json.dumps({k: v for k, v in points().items() if k != "wording"}),
        *(json.dumps(points(accuracy=one(bad))) for bad in (0, 6, -1, 3.5, True, None, "good", "45", "4/10", [4])),
        json.dumps(points(accuracy={"score": 4})),
        json.dumps(points(accuracy=4)),
        *(json.dumps(points(accuracy=one(4, bad))) for bad in ("", " . ", 5, None, BABBLE)),
        json.dumps({name: one(3, "the answer") for name in POINTS}),
    ],
)  # fmt: skip
def test_what_is_none(said: str) -> None:
    assert read(said) is None


def test_real_reasons_do_not_count_as_babble() -> None:
    english = "The answer names the right section of the rules, but it leaves out that the period begins on the day "
    japanese = "規程の第3条を正しく挙げていますが、試用期間中の扱いと、届け出の期限がないため、実務では迷います。"
    for reason in (english + "after the notice arrived, which changes the result by a week in most cases.", japanese):
        assert read(json.dumps(points(accuracy=one(3, reason)), ensure_ascii=False)) is not None


def test_findings_are_the_improvements_or_the_weak_points() -> None:
    weak = read(json.dumps(points(improvements=["", "-", 5], wording=one(2, "too long"))))
    assert weak is not None
    assert weak.findings == ("too long",)


def test_objects_are_the_outermost() -> None:
    assert list(objects('a {"x": {"y": 1}} b {"z": 2} {broken')) == [{"x": {"y": 1}}, {"z": 2}]


def compared(*better: str) -> Any:
    names = [*POINTS, "overall"]
    said = {n: {"reason": f"about {n}", "better": b} for n, b in zip(names, better, strict=True)}
    return sides({**said, "improvements_1": ["短く"], "improvements_2": ["例を"]})


def test_orders_that_agree_count_and_a_flip_is_a_tie() -> None:
    there, back = compared("1", "2", "same", "1", "Answer 1"), compared("2", "1", "same", "1", "same")
    found = agreed(there, back)
    assert list(found.better.values()) == ["first", "second", "tie", "tie", "tie"]
    assert found.flipped == ("wording",)
    assert found.improvements == (("短く", "例を"), ("例を", "短く"))


def test_a_side_that_is_none_is_no_comparison() -> None:
    assert compared("1", "2", "same", "1", "3") is None


# who judges


def model(name: str, digest: str = "", size: int = 1) -> ModelInfo:
    return ModelInfo(name, "ollama", digest, size)


def by(name: str, digest: str = "") -> Answer:
    return Answer(1, 1, "A", name, "p", SamplingOptions(), "complete", "text", digest=digest)


def chosen(writer: Answer, *models: ModelInfo, current: str = "") -> tuple[str, bool]:
    found, own = choose([writer], models, current)
    return (found.name if found else "", own)


def test_nobody_judges_what_it_wrote_while_another_is_there() -> None:
    assert chosen(by("a"), model("a"), model("b"), model("c")) == ("b", False)
    assert chosen(by("a"), model("a"), model("b"), model("c"), current="c") == ("c", False)
    assert chosen(by("a"), model("a"), model("b"), current="a") == ("b", False)
    assert chosen(by("a", "x"), model("alias", "x"), model("b", "y")) == ("b", False)
    assert chosen(by("a"), model("a")) == ("a", True)
    assert chosen(by("a")) == ("", True)


def test_demonstration_models_judge_only_where_nothing_else_is() -> None:
    guides = model("guide:1m", size=1), model("guide:5m", size=5)
    assert chosen(by("a"), *guides, model("a"), model("b")) == ("b", False)
    assert chosen(by("a"), *guides, model("a")) == ("a", True)
    assert chosen(by("guide:5m"), *guides) == ("guide:1m", False)
    assert chosen(by("gone"), *guides) == ("guide:5m", False)
