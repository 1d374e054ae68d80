"""`llamune recommend propose`: from statistics of several machines to a set with a reason for every line."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from program import Program

from llamune import recommend
from llamune.chat.usage import bucket
from llamune.chat.usage_file import COUNTS
from llamune.paths import Paths
from tests.functional.chatting import NOWHERE

Line = dict[str, Any]


@pytest.fixture
def run(paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    monkeypatch.setenv("OLLAMA_HOST", NOWHERE)
    monkeypatch.chdir(tmp_path)
    paths.settings.write_text("start_ollama = false\n")
    return Program(capsys, monkeypatch)


def line(model: str, answers: int = 100, failed: int = 0, ms: float = 2000.0, preset: str = "balanced") -> Line:
    spreads = {"total": [[bucket(ms), answers - failed]], "first": [], "load": [], "speed": [[bucket(20.0), 1]]}
    counts = dict.fromkeys(COUNTS, 0) | {"answers": answers, "complete": answers - failed, "failed": failed}
    return {"model": model, "preset": preset, "task": "coding", **counts, **spreads}


def game(first: str, second: str, count: int, task: str = "coding", presets: str = "balanced") -> Line:
    one, two = [first, presets.split()[0]], [second, presets.split()[-1]]
    return {"task": task, "first": one, "second": two, "score": 1, "blind": True, "count": count}


def stats(path: str, games: list[Line], *lines: Line, machine: str = "16 GB", sizes: tuple[str, ...] = ()) -> str:
    """A file of statistics; every model of the games was used, if no line says how."""
    names = {name for g in games for name in (g["first"][0], g["second"][0])} - {n["model"] for n in lines}
    whole = {
        "format": "llamune-statistics", "version": 1, "machine": machine, "first": "2026-10-05", "last": "2026-12-28",
        "models": {name: {"size": 4 * 10**9, "memory": 6 * 10**9} for name in sizes},
        "lines": [*lines, *map(line, sorted(names))], "games": games,
    }  # fmt: skip
    Path(path).write_text(json.dumps(whole))
    return path


def proposed(path: str = "2027-Q1.toml") -> recommend.RecommendedSet:
    return recommend.read(Path(path).read_bytes(), path)


def propose(run: Program, *files: str) -> str:
    """The report."""
    done = run("recommend", "propose", "--quarter", "2027-Q1", "--stats", *files)
    assert (done.code, done.err) == (0, "")
    return done.out


def test_the_votes_of_machines_are_put_together(run: Program) -> None:
    a = stats("a.json", [game("qwen3.5:9b", "gemma4:12b", 15), game("gemma4:12b", "qwen3.5:9b", 2)])
    b = stats("b.json", [game("qwen3.5:9b", "gemma4:12b", 14)], machine="GPU 24 GB")
    told = propose(run, a, b)
    found = proposed()
    assert [m.name for m in found.models] == ["qwen3.5:9b", "gemma4:12b"]
    assert [m.deprecated for m in found.models] == [False, True], "31 comparisons, surely the weaker one"
    assert (found.version, found.quarter, found.limit, found.order) == ("2027-Q1", "2027-Q1", 2, ("qwen3.5:9b",))
    assert run("recommend", "check", "2027-Q1.toml").code == 0
    for said in ("| a.json | 16 GB | 2026-10-05 |", "| b.json | GPU 24 GB |", "## coding, 16 GB", "| 31 |"):
        assert said in told
    assert "surely chosen less often" in told


def test_every_line_has_its_reason_and_its_votes(run: Program) -> None:
    propose(run, stats("a.json", [game("qwen3.5:9b", "gemma4:12b", 25), game("gemma4:12b", "qwen3.5:9b", 20)]))
    text = Path("2027-Q1.toml").read_text(encoding="utf-8")
    assert "# qwen3.5:9b: preferred 5" in text
    assert "in 45 comparisons · 100 answers, 0 failed · 20 tokens/s · median 2.0 s" in text
    assert "# coding, 16 GB: place 1 · preferred" in text
    assert 'preset = "balanced"  # preferred' in text
    assert "concurrent_limit = 2  # as in 2026-Q4" in text
    assert "# qwen3:4b: 0 answers, 0 failed\n# not recommended: 0 comparisons, 20 are needed\n" in text
    assert 'name = "qwen3:4b"' not in text
    changes = tomllib.loads(text)["changelog"]
    assert changes["en"].startswith("From 45 comparisons on 1 machines. No longer recommended: gemma4:26b,")
    assert changes["ja"].startswith("1 台のマシンでの比較 45 件から。")


@pytest.mark.parametrize(("votes", "there"), [(19, False), (20, True)])
def test_nothing_is_recommended_on_few_votes(run: Program, votes: int, there: bool) -> None:
    rest = [game("qwen3.5:9b", "gemma4:12b", 30), game("gemma4:12b", "qwen3.5:9b", 25)]
    halves = [game("new:7b", "qwen3.5:9b", votes // 2), game("qwen3.5:9b", "new:7b", votes - votes // 2)]
    propose(run, stats("a.json", rest + halves, sizes=("new:7b",)))
    assert ("new:7b" in {m.name for m in proposed().models}) is there


def test_without_votes_there_is_no_proposal(run: Program) -> None:
    file = stats("a.json", [game("qwen3.5:9b", "gemma4:12b", 19)])
    done = run("recommend", "propose", "--quarter", "2027-Q1", "--stats", file)
    assert (done.code, "No model can be recommended" in done.err, "20" in done.err) == (2, True, True)
    own = run("recommend", "propose", "--quarter", "2027-Q1")
    assert (own.code, "No model can be recommended" in own.err) == (2, True)
    assert not Path("2027-Q1.toml").exists()


def test_a_new_model_comes_with_what_machines_know_of_it(run: Program) -> None:
    games = [game("new:7b", "qwen3.5:9b", 20), game("qwen3.5:9b", "new:7b", 15), game("new:7b", "huge:1t", 25)]
    told = propose(run, stats("a.json", [*games, game("huge:1t", "new:7b", 20)], sizes=("new:7b",)))
    new = proposed().models[0]
    assert (new.name, new.size, new.memory, new.machine, new.licence) == ("new:7b", 4.0, 6.0, "8 GB", "?")
    assert (new.purpose["en"], new.purpose["ja"]) == ("coding", "プログラム")
    assert "its size is not known" in told
    assert "# look it up" in Path("2027-Q1.toml").read_text()


def test_a_model_that_fails_is_not_recommended(run: Program) -> None:
    games = [game("qwen3.5:9b", "gemma4:12b", 20), game("gemma4:12b", "qwen3.5:9b", 30)]
    told = propose(run, stats("a.json", games, line("gemma4:12b", 100, failed=11), line("qwen3.5:9b", 100, failed=10)))
    assert [(m.name, m.deprecated) for m in proposed().models] == [("qwen3.5:9b", False), ("gemma4:12b", True)]
    assert "11% of its answers failed" in told


def test_a_model_that_is_best_at_one_task_stays(run: Program) -> None:
    coding = [game("gpt-oss:20b", "qwen3.5:9b", 60), game("gemma4:12b", "qwen3.5:9b", 60)]
    told = propose(run, stats("a.json", [*coding, game("qwen3.5:9b", "gemma4:12b", 20, "translation")]))
    assert {m.name: m.deprecated for m in proposed().models}["qwen3.5:9b"] is False
    assert "| qwen3.5:9b | balanced | 1" in told, "over all it is far below the average"


def test_the_quick_one_answers_first_and_the_better_one_comes_first(run: Program) -> None:
    games = [game("qwen3.5:9b", "gemma4:12b", 26), game("gemma4:12b", "qwen3.5:9b", 20)]
    propose(run, stats("a.json", games, line("gemma4:12b", ms=900.0), line("qwen3.5:9b", ms=5000.0)))
    assert [m.name for m in proposed().models] == ["qwen3.5:9b", "gemma4:12b"]
    assert proposed().order == ("gemma4:12b", "qwen3.5:9b")


def test_the_preset_that_was_preferred_is_taken(run: Program) -> None:
    games = [game("qwen3.5:9b", "qwen3.5:9b", 25, presets="code fast"), game("qwen3.5:9b", "gemma4:12b", 22)]
    propose(run, stats("a.json", [*games, game("gemma4:12b", "qwen3.5:9b", 20)]))
    assert {m.name: m.preset for m in proposed().models} == {"qwen3.5:9b": "code", "gemma4:12b": "balanced"}


def test_models_that_never_met_are_not_put_in_order(run: Program) -> None:
    games = [game("qwen3.5:9b", "gemma4:12b", 30), game("gemma4:12b", "qwen3.5:9b", 30)]
    apart = [game("phi:4b", "llama:3b", 50), game("llama:3b", "phi:4b", 50)]
    told = propose(run, stats("a.json", games + apart, sizes=("phi:4b", "llama:3b")))
    assert sorted(m.name for m in proposed().models) in (["gemma4:12b", "qwen3.5:9b"], ["llama:3b", "phi:4b"])
    assert "it never met most of the others" in told


def test_a_tag_is_its_model(run: Program) -> None:
    games = [game("qwen3:4b-instruct", "qwen3.5:9b", 20), game("qwen3.5:9b", "qwen3:4b", 20)]
    propose(run, stats("a.json", games))
    assert sorted(m.name for m in proposed().models) == ["qwen3.5:9b", "qwen3:4b"]


def test_millions_of_votes_are_no_work(run: Program) -> None:
    many = [game("qwen3.5:9b", "gemma4:12b", 10**12), game("gemma4:12b", "qwen3.5:9b", 10**12 - 1)]
    assert "1,999,999,999,999" in propose(run, stats("a.json", many))


def test_the_report_in_japanese(run: Program) -> None:
    file = stats("a.json", [game("qwen3.5:9b", "gemma4:12b", 25), game("gemma4:12b", "qwen3.5:9b", 20)])
    told = run("--language", "ja", "recommend", "propose", "--quarter", "2027-Q1", "--stats", file, "-o", "x.toml").out
    assert "## 推奨" in told
    assert "プログラム、16 GB" in told
    assert proposed("x.toml").changelog["en"].startswith("From 45")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--quarter", "2027-Q5"), "is no quarter"),
        (("--quarter", "２０２７-Q1"), "is no quarter"),
        (("--quarter", "2026-Q4"), "no recommended set before"),
        (("--quarter", "2027-Q1", "--stats", "missing.json"), "missing.json"),
        (("--quarter", "2027-Q1", "--stats", "."), "cannot be read"),
        (("--quarter", "2027-Q1", "--stats", "a.json", "b.json"), "are the same"),
        (("--quarter", "2027-Q1", "--stats", "a.json", "-o", "a.json"), "exists already"),
        (("--quarter", "2027-Q1", "--stats", "a.json", "spoilt.json"), "spoilt.json: not valid JSON"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(run: Program, words: tuple[str, ...], said: str) -> None:
    games = [game("qwen3.5:9b", "gemma4:12b", 25), game("gemma4:12b", "qwen3.5:9b", 20)]
    for name in ("a.json", "b.json"):
        stats(name, games)
    Path("spoilt.json").write_text(Path("a.json").read_text()[:-9])
    done = run("recommend", "propose", *words)
    assert (done.code, said in done.err) == (2, True), done.err
    assert not Path("2027-Q1.toml").exists()
