"""Planning a sweep, adding up what came of it, and judging answers by expected texts: no engine, no file."""

import random

import pytest

from benchmarks.sweep import naive, simulate
from llamune.chat import expect, sweep
from llamune.chat.facts import CHARACTERS
from llamune.chat.lineup import Candidate
from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Answer, Usage, letter
from llamune.chat.sweep import Job, Question, candidates, order, preset_names, result
from llamune.chat.tally import Tally
from llamune.errors import UsageError

INSTALLED = ["gemma3:12b", "qwen3:8b", "guide:1m"]
KNOWN = ["balanced", "code", "fast"]


def chosen(models: list[str], presets: list[str], seeds: int = 0) -> list[str]:
    return [str(c) for c in candidates(models, presets, installed=INSTALLED, known=KNOWN, seeds=seeds)]


def answer(letter: str, text: str, status: str = "complete", **usage: float) -> Answer:
    cost = Usage(**usage)  # type: ignore[arg-type]
    return Answer(0, 0, letter, f"m{letter}", "p", SamplingOptions(), status, text=text, usage=cost)  # type: ignore[arg-type]


# who


@pytest.mark.parametrize(
    ("models", "presets", "names"),
    [
        (
            ["gemma3", "qwen3"],
            ["balanced", "code"],
            "gemma3:12b/balanced gemma3:12b/code qwen3:8b/balanced qwen3:8b/code",
        ),
        (["gemma3"], ["code, balanced"], "gemma3:12b/code gemma3:12b/balanced"),
        (["gemma3/*"], ["balanced"], "gemma3:12b/balanced gemma3:12b/code gemma3:12b/fast"),
        (["*/fast", "guide/code"], ["balanced"], "gemma3:12b/fast qwen3:8b/fast guide:1m/fast guide:1m/code"),
        (["all"], ["fast"], "gemma3:12b/fast qwen3:8b/fast guide:1m/fast"),
        (["2、1"], ["fast"], "qwen3:8b/fast gemma3:12b/fast"),
        (["guide:1m"], ["all"], "guide:1m/balanced guide:1m/code guide:1m/fast"),
        (["nowhere:1b", "guide"], ["fast"], "nowhere:1b/fast guide:1m/fast"),
        (["nowhere/code"], ["fast"], "nowhere/code"),
    ],
)
def test_candidates_are_models_times_presets(models: list[str], presets: list[str], names: str) -> None:
    assert chosen(models, presets) == names.split()


def test_seeds_and_repeats() -> None:
    assert chosen(["guide"], ["fast"], seeds=3) == ["guide:1m/fast #1", "guide:1m/fast #2", "guide:1m/fast #3"]
    assert chosen(["guide/code x2"], ["fast"]) == ["guide:1m/code #1", "guide:1m/code #2"]


def test_a_wrong_preset_is_named_with_what_is_near() -> None:
    with pytest.raises(UsageError) as error:
        preset_names(["balanced,cod"], KNOWN)
    assert "cod" in error.value.message
    assert "code" in error.value.hint
    with pytest.raises(UsageError):
        chosen(["guide/cod"], ["fast"])


def test_too_many_candidates_are_refused() -> None:
    with pytest.raises(UsageError):
        chosen(["all"], ["all"], seeds=12)


def test_letters_go_on_after_z() -> None:
    assert [letter(n) for n in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]


# order


def random_sweep(seed: int) -> tuple[list[Candidate], list[Question], list[str]]:
    chance = random.Random(seed)
    models = [f"m{n}" for n in range(chance.randint(1, 6))]
    pairs = [Candidate(m, f"p{n}") for m in models for n in range(chance.randint(1, 4))]
    chance.shuffle(pairs)
    questions = [Question(f"q{n}", system=chance.choice(("", "brief", "long"))) for n in range(chance.randint(1, 9))]
    return pairs, questions, chance.sample(models, chance.randint(0, len(models)))


@pytest.mark.parametrize("seed", range(30))
def test_every_job_once_each_model_and_system_in_one_piece(seed: int) -> None:
    pairs, questions, loaded = random_sweep(seed)
    jobs = order(pairs, questions, loaded)
    assert sorted((j.question, j.candidate) for j in jobs) == [
        (q, c) for q in range(len(questions)) for c in range(len(pairs))
    ]
    places = [(pairs[j.candidate].model, questions[j.question].system, j.question) for j in jobs]
    for depth in (1, 2, 3):  # model; model and system; model, system and question
        runs = [p[:depth] for n, p in enumerate(places) if n == 0 or places[n - 1][:depth] != p[:depth]]
        assert len(runs) == len(set(runs)), runs
    models = list(dict.fromkeys(p[0] for p in places))
    in_memory = [m in loaded for m in models]
    assert in_memory == sorted(in_memory, reverse=True)


def test_fifty_models_are_loaded_once_each() -> None:
    pairs = [Candidate(f"m{m}", f"p{p}") for m in range(50) for p in range(6)]
    questions = [Question(f"q{n}") for n in range(100)]
    ours, theirs = (simulate(way(pairs, questions), pairs, questions) for way in (order, naive))
    assert ours.loads == 50
    assert theirs.loads == 50 * 6 * 100
    assert ours.seconds < 0.7 * theirs.seconds


# what came of it


def test_loads_are_counted_from_the_engine_s_record() -> None:
    one = result(1, Question("q"), [answer("A", "x", load_ms=900.0), answer("B", "x", load_ms=12.0)])
    assert one.loads == {"mA": 1, "mB": 0}
    assert one.answered
    assert not result(1, Question("q"), [answer("A", "half", "failed")]).answered


def test_failed_answers_take_no_part_in_the_comparison() -> None:
    one = result(1, Question("q"), [answer("A", "14 days"), answer("B", "30 days", "failed"), answer("C", "14 days")])
    assert one.report.differences == ()


def test_of_many_long_answers_the_beginning_is_compared_and_the_report_says_so() -> None:
    room = CHARACTERS // 4
    texts = ["The trip takes 14 days. " + "x " * room, "The trip takes 30 days. " + "x " * room, "Short.", "Short."]
    report = result(1, Question("q"), [answer(letter(n), t) for n, t in enumerate(texts)]).report
    assert {left.letter for left in report.not_checked if left.what == "characters"} == {"A", "B"}
    assert any(d.values.get("A") == "14 days" for d in report.differences)


def test_medians_leave_loading_out_and_the_answer_after_it() -> None:
    tally = Tally()
    cold = {
        "load_ms": 4000.0,
        "total_ms": 9000.0,
        "first_token_ms": 4500.0,
        "completion_tokens": 10,
        "generate_ms": 4000.0,
    }
    warm = {"load_ms": 2.0, "total_ms": 1002.0, "first_token_ms": 102.0, "completion_tokens": 10, "generate_ms": 1000.0}
    for number, usage in enumerate((cold, warm), 1):
        tally.add(result(number, Question("q"), [answer("A", "x", **usage)]), ["m/p"])
    [figures] = tally.figures()
    assert (figures.loads, figures.total_ms, figures.first_token_ms, figures.tokens_per_second) == (1, 1000, 100, 10)
    only = Tally()
    only.add(result(1, Question("q"), [answer("A", "x", **cold)]), ["m/p"])
    assert (only.figures()[0].total_ms, only.figures()[0].first_token_ms) == (5000, 500)
    quick = Tally()  # the server's own time is shorter than ours to the first token
    quick.add(result(1, Question("q"), [answer("A", "x", **(warm | {"total_ms": 52.0}))]), ["m/p"])
    assert (quick.figures()[0].total_ms, quick.figures()[0].first_token_ms) == (100, 100)


def test_agreement_is_lost_by_the_one_that_stands_alone() -> None:
    tally, texts = Tally(), ("The trip takes 14 days.", "The trip takes 30 days.", "The trip takes 14 days.")
    answers = [answer(letter(n), text) for n, text in enumerate(texts)]
    tally.add(result(1, Question("q", expect=("14 days",)), answers), ["a", "b", "c"])
    assert [(f.agreement, f.score) for f in tally.figures()] == [(1, 1), (0, 0), (1, 1)]


def test_a_failure_counts_as_not_right() -> None:
    tally = Tally()
    tally.add(result(1, Question("q", expect=("x",)), [answer("A", "x"), answer("B", "x", "failed")]), ["a", "b"])
    assert [(f.right, f.judged, f.asked - f.complete) for f in tally.figures()] == [(1, 1, 0), (0, 1, 1)]


# expected texts


@pytest.mark.parametrize(
    ("expected", "said", "how"),
    [
        ("Tokyo", "tokyo.", "exact"),
        ("東京", "日本の首都は東京です。", "contains"),
        ("14 days", "It takes 14  days.", "contains"),
        ("１４日", "期限は14日前です", "contains"),
        ("1万円", "料金は10,000円です。", "facts"),
        ("2024-03-05", "On 5 March 2024 it begins.", "facts"),
        ("5", "There are 15 of them.", ""),
        ("1.5", "It is 1.55 m", ""),
        ("1", "It is 1.5 m", ""),
        ("no", "I do not know.", ""),
        ("14 days", "It takes 30 days.", ""),
        ("", "anything", ""),
        ("Tokyo", "", ""),
    ],
)
def test_expected_texts(expected: str, said: str, how: str) -> None:
    assert expect.found((expected,), said) == how


def test_one_of_several_expected_texts_is_enough_and_the_best_way_counts() -> None:
    assert expect.found(("京都", "東京"), "東京") == "exact"
    assert expect.found((), "東京") == ""


def test_the_same_question_twice_is_two_jobs() -> None:
    assert sweep.order([Candidate("m", "p")], [Question("q"), Question("q")]) == [Job(0, 0), Job(1, 0)]
