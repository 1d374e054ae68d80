"""`llamune compare` as a script sees it: output, files, exit codes; stopped, killed and gone on; with hostile input."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from program import TIMEOUT_S, Ended, Program, started
from test_cli_ask import KEYS, USAGE

TWO = ("-m", "scripted:echo", "-m", "scripted:markdown")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b[31m & \"quotes' 14 days"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(capsys, monkeypatch)


def compare(run: Program, *words: str, stdin: bytes = b"") -> Ended:
    return run("compare", "--scripted", *words, stdin=stdin)


def lines(ended: Ended) -> list[Any]:
    return [json.loads(line) for line in ended.out.splitlines()]


def written(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run_files(home: Path) -> list[Path]:
    return sorted((home / "compare").glob("*.jsonl"))


# one question


def test_json_is_one_object_with_answers_as_ask_prints_them(run: Program) -> None:
    done = compare(run, *TWO, "-p", "balanced", "-p", "creative", "--json", "It takes", "14 days.")
    assert (done.code, done.err) == (0, "")
    found = done.json
    assert list(found) == ["question", "answers", "disagreements", "loads", "seconds"]
    assert found["question"] == "It takes 14 days."
    assert [(a["model"], a["preset"]) for a in found["answers"]] == [
        (f"scripted:{model}", preset) for model in ("echo", "markdown") for preset in ("balanced", "creative")
    ]
    assert all(list(a) == KEYS and list(a["usage"]) == USAGE for a in found["answers"])
    assert found["loads"] == {"scripted:echo": 0, "scripted:markdown": 0}
    assert {"kind": "missing", "values": {"A": "14 days", "B": "14 days"}} in found["disagreements"]


def test_seeds_and_lists_of_presets(run: Program) -> None:
    done = compare(run, "-m", "scripted:echo", "-p", "code,fast", "--seeds", "2", "--json", "hi")
    assert [(a["preset"], a["options"]["seed"]) for a in done.json["answers"]] == [
        ("code", 1), ("code", 2), ("fast", 1), ("fast", 2),
    ]  # fmt: skip


def test_the_question_may_come_from_a_pipe(run: Program) -> None:
    assert compare(run, "-m", "scripted:echo", "--json", stdin="質問".encode()).json["answers"][0]["text"] == "質問"


def test_people_get_answers_and_differences(run: Program) -> None:
    done = compare(run, "-m", "scripted:echo", "-m", "scripted:escape", "The trip takes 14 days.")
    assert "A scripted:echo" in done.out
    assert "gone" in done.out
    assert "\x1b" not in done.out
    assert "14 days" in done.out.partition("differences in fact")[2]


def test_a_candidate_that_fails_is_a_failed_answer_and_the_others_go_on(run: Program) -> None:
    models = "scripted:memory scripted:echo scripted:cut scripted:nowhere scripted:overflow"
    done = compare(run, "-m", models, "--json", "hello there")
    assert [a["status"] for a in done.json["answers"]] == ["failed", "complete", "failed", "failed", "failed"]
    assert all(a["error"] for a in done.json["answers"] if a["status"] == "failed")
    assert done.code == 0
    assert done.err.count("1 answer failed") == 4


def test_no_complete_answer_at_all_is_the_engines_error(run: Program) -> None:
    done = compare(run, "-m", "scripted:refused,scripted:silent", "--json", "hi")
    assert (done.code, [a["status"] for a in done.json["answers"]]) == (3, ["failed", "failed"])


def test_nothing_is_left_when_all_was_answered(run: Program, home: Path) -> None:
    assert compare(run, *TWO, "a secret").code == 0
    assert run_files(home) == []
    assert not any("a secret" in p.read_text(errors="replace") for p in home.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-m", "scripted:echo"), "Nothing was asked"),
        (("-m", "scripted:echo", "-p", "balancd", "hi"), "balanced"),
        (("-m", "scripted:echo", "--questions", "q.txt", "hi"), "exclude"),
        (("-m", "scripted:echo", "--expect", "hi"), "--questions"),
        (("-m", "scripted:echo", "--at-once", "9", "hi"), "1 to 5"),
        (("--answers", "a.jsonl", "hi"), "nobody"),
        (("-m", "scripted:e", "hi"), "several"),
        (("-m", "scripted:echo", "--json", "--jsonl", "x", "hi"), "exclude"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(run: Program, words: tuple[str, ...], said: str) -> None:
    done = compare(run, *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


# many questions


def test_questions_of_every_form(run: Program, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_bytes("一つ目\r\n\r\n二つ目\r\n".encode("cp932"))
    (tmp_path / "q.csv").write_text('id,question,answer\n7,"one, with\na line",1\n8,two,2\n')
    (tmp_path / "bare.csv").write_text("one;1\ntwo;2\n")
    written(tmp_path / "q.jsonl", {"id": 5, "question": "one", "system": "Be brief."}, "two")
    found = {
        name: [
            (o.get("id"), o["question"])
            for o in lines(compare(run, "-m", "scripted:echo", "--questions", str(tmp_path / name), "--json"))
        ]
        for name in ("q.txt", "q.csv", "bare.csv", "q.jsonl")
    }
    assert found == {
        "q.txt": [(None, "一つ目"), (None, "二つ目")],
        "q.csv": [("7", "one, with\na line"), ("8", "two")],
        "bare.csv": [(None, "one"), (None, "two")],
        "q.jsonl": [(5, "one"), (None, "two")],
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("q.jsonl", b'{"question": "one"}\n{"question": 2}\n', "Line 2"),
        ("q.jsonl", b'{"question": "one"}\n\n{"question"', "Line 3"),
        ("q.csv", b"question,expect\none,1\n,2\n", "Line 3"),
        ("q.txt", b"\n \n", "no question"),
        ("q.txt", b"\x00\x01\x02\xff", "no text file"),
        ("q.pdf", b"one", ".txt"),
        ("missing.txt", None, "no file"),
    ],
)
def test_a_questions_file_that_cannot_be_read(
    run: Program, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = compare(run, "-m", "scripted:echo", "--questions", str(tmp_path / name), "--json")
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_expected_answers_are_counted(run: Program, tmp_path: Path) -> None:
    file = written(
        tmp_path / "q.jsonl",
        {"question": "It is 14 days.", "expect": "14 days"},
        {"question": "Kyoto", "answer": ["大阪", "東京"]},
    )
    done = compare(run, *TWO, "--questions", file, "--expect", "--json")
    assert [o["right"] for o in lines(done)] == [{"A": True, "B": False}, {"A": False, "B": True}]
    shown = compare(run, *TWO, "--questions", file, "--expect")
    assert [line.split()[-1] for line in shown.out.splitlines() if "scripted:" in line and "/balanced" in line] == [
        "1/2",
        "1/2",
    ]
    assert compare(run, *TWO, "--questions", written(tmp_path / "n.jsonl", "one"), "--expect").code == 2


def test_a_file_gets_one_object_a_line_and_can_be_compared_again(run: Program, tmp_path: Path) -> None:
    file, out = written(tmp_path / "q.jsonl", "14 days", "30 days"), tmp_path / "out.jsonl"
    done = compare(run, *TWO, "--questions", file, "--jsonl", str(out))
    objects = [json.loads(line) for line in out.read_text().splitlines()]
    assert (done.code, [o["question"] for o in objects]) == (0, ["14 days", "30 days"])
    assert out.stat().st_mode & 0o077 == 0
    again = run("compare", "--answers", str(out), "--json")
    assert [o["disagreements"] for o in lines(again)] == [o["disagreements"] for o in objects]


# stopped and gone on


def start(*words: str) -> "subprocess.Popen[bytes]":
    return started("compare", "--scripted", *words)


def kept_answers(home: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in run_files(home))


def until(home: Path, count: int, child: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + TIMEOUT_S
    while kept_answers(home) < count:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end, "no answer came"
        time.sleep(0.02)


@pytest.fixture
def slow(tmp_path: Path) -> list[str]:
    """Eight questions whose last candidate takes a moment for each."""
    file = written(tmp_path / "q.jsonl", *(f"question number {n}" for n in range(8)))
    return ["-m", "scripted:echo", "-m", "scripted:slow", "--questions", file]


@pytest.mark.parametrize(("number", "code"), [("SIGKILL", -9), ("SIGINT", 130), ("SIGTERM", 143)])
def test_the_same_command_goes_on_after_any_stop(
    run: Program, home: Path, tmp_path: Path, slow: list[str], number: str, code: int
) -> None:
    with start(*slow, "--json") as child:
        until(home, 9, child)
        child.send_signal(getattr(signal, number))
        _out, err = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == code
    if code > 0:
        assert "the same command goes on" in err.decode()
    [file] = run_files(home)
    before = file.read_bytes()
    file.write_bytes(before + b'{"question": 7, "candidate": 1, "answ')  # what a crash leaves of a line
    model = slow[slow.index("scripted:slow")]
    done = compare(run, *slow, "--json")
    assert f"{before.count(chr(10).encode())} of 16 answers are there from before" in done.err
    assert [o["question"] for o in lines(done)] == [f"question number {n}" for n in range(8)]
    assert {a["text"] for o in lines(done) for a in o["answers"] if a["model"] == model} == {
        f"question number {n}" for n in range(8)
    }
    assert run_files(home) == []


def test_complete_answers_are_not_asked_again_and_failed_ones_are(run: Program, home: Path) -> None:
    words = ("-m", "scripted:echo", "-m", "scripted:cut", "--json", "a long enough question")
    first = compare(run, *words)
    [file] = run_files(home)
    file.write_bytes(file.read_bytes().replace(b'"text": "a long enough question"', b'"text": "KEPT"'))
    again = compare(run, *words)
    assert [a["status"] for a in first.json["answers"]] == [a["status"] for a in again.json["answers"]]
    assert again.json["answers"][0]["text"] == "KEPT"
    assert kept_answers(home) == 3
    fresh = compare(run, *words, "--fresh")
    assert fresh.json["answers"][0]["text"] == "a long enough question"
    assert compare(run, *words[:-1], "another question").json["answers"][0]["text"] == "another question"


def test_an_answer_of_another_model_with_that_name_does_not_count(run: Program, home: Path) -> None:
    words = ("-m", "scripted:echo", "-m", "scripted:cut", "--json", "a long enough question")
    digest = compare(run, *words).json["answers"][0]["digest"]
    [file] = run_files(home)
    file.write_bytes(file.read_bytes().replace(digest.encode(), b"0" * 64))
    assert compare(run, *words).json["answers"][0]["digest"] == digest


def test_a_damaged_run_file_costs_only_what_is_damaged(run: Program, home: Path) -> None:
    words = ("-m", "scripted:echo", "-m", "scripted:cut", "--json", "a long enough question")
    compare(run, *words)
    [file] = run_files(home)
    file.write_bytes(b"garbage\n[1]\n{}\n" + b"[" * 5000 + b"\n" + file.read_bytes())
    again = compare(run, *words)
    assert "1 of 2 answers are there" in again.err
    assert again.json["answers"][0]["text"] == "a long enough question"


def test_the_same_comparison_twice_at_once_is_refused(run: Program, home: Path) -> None:
    words = ["-m", "scripted:echo", "-m", "scripted:endless", "What?", "--json"]
    with start(*words) as child:
        until(home, 1, child)
        done = compare(run, *words)
        child.kill()
        child.communicate()
    assert (done.code, done.out) == (2, "")
    assert "running already" in done.err


def test_a_home_that_cannot_be_written_is_no_obstacle(run: Program, home: Path) -> None:
    home.mkdir()
    (home / "compare").write_text("a file where the folder should be")
    assert compare(run, "-m", "scripted:echo", "--json", "hi").json["answers"][0]["text"] == "hi"


def test_a_full_disk_ends_the_run_and_loses_nothing_that_was_there(home: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "q.jsonl", *("x" * 3000 for _n in range(40)))
    words = [
        sys.executable,
        "-m",
        "llamune",
        "compare",
        "--scripted",
        "-m",
        "scripted:echo",
        "--questions",
        file,
        "--json",
    ]

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    full = subprocess.run(words, capture_output=True, preexec_fn=small, timeout=TIMEOUT_S, check=False)
    assert full.returncode == 1
    assert b"cannot be kept" in full.stderr
    assert b"Traceback" not in full.stderr
    [left] = run_files(home)
    whole = left.read_bytes()
    assert whole.endswith(b"\n")
    again = subprocess.run(words, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert again.returncode == 0
    assert b"%d of 40 answers" % whole.count(b"\n") in again.stderr
    assert again.stdout.count(b"\n") == 40


def test_nobody_reads_what_is_printed(tmp_path: Path) -> None:
    file = written(tmp_path / "q.jsonl", *("x" * 3000 for _n in range(60)))
    with start("-m", "scripted:echo", "--questions", file, "--json") as child:
        assert child.stdout is not None
        child.stdout.read(10)
        child.stdout.close()
        assert child.wait(TIMEOUT_S) == 141


# answers that exist


def test_existing_answers_are_compared_and_nobody_is_asked(run: Program, home: Path, tmp_path: Path) -> None:
    good = {
        "id": 1,
        "question": "q",
        "answers": [{"model": "a", "text": "14日前まで"}, {"model": "b", "text": "30日前まで"}],
    }
    file = tmp_path / "a.jsonl"
    deep = b"[" * 100_000
    bad = [
        b"no json",
        b"{}",
        b"[]",
        b"3",
        b'{"answers": 5}',
        b'{"answers": [{"text": 5}]}',
        b'{"answers": []}',
        deep,
        b"\xff\xfe",
    ]
    file.write_bytes(b"\n".join([json.dumps(good).encode(), *bad, b"", json.dumps({**good, "id": "二"}).encode()]))
    done = run("compare", "--answers", str(file), "--json")
    assert done.code == 0
    assert [(list(o), o["id"]) for o in lines(done)] == [(["id", "disagreements"], 1), (["id", "disagreements"], "二")]
    assert lines(done)[0]["disagreements"] == [{"kind": "duration", "values": {"A": "14日前まで", "B": "30日前まで"}}]
    assert [line.split()[1] for line in done.err.splitlines()] == [str(n) for n in range(2, 11)]
    assert not home.exists() or not any(home.iterdir())


def test_no_usable_answers(run: Program, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    assert run("compare", "--answers", str(tmp_path / "a.jsonl"), "--json").code == 2
    assert run("compare", "--answers", str(tmp_path / "none.jsonl"), "--json").code == 2


def test_answers_of_many_thousand_characters(run: Program, tmp_path: Path) -> None:
    long = "The trip takes {n} days. " + "We go on and on through the hills of the south. " * 1000
    answers = [{"model": f"m{n}", "text": long.format(n=n)} for n in (14, 30, 14)]
    done = run("compare", "--answers", written(tmp_path / "a.jsonl", {"id": 1, "answers": answers}), "--json")
    assert {"A": "14 days", "B": "30 days", "C": "14 days"} in [d["values"] for d in done.json["disagreements"]]


# the report


class Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(t == tag for t, _attrs in self.tags)


def test_the_report_is_one_file_that_loads_and_runs_nothing(run: Program, tmp_path: Path) -> None:
    answers = [{"model": f"m{HOSTILE}", "text": HOSTILE}, {"model": "b", "text": "</div></body>It takes 30 days"}]
    file, out = (
        written(tmp_path / "a.jsonl", {"id": HOSTILE, "question": HOSTILE, "answers": answers}),
        tmp_path / "r.html",
    )
    assert run("compare", "--answers", file, "--html", str(out)).code == 0
    text = out.read_text()
    page = Page(text)
    assert {tag for tag, _attrs in page.tags}.isdisjoint(
        {"script", "img", "link", "iframe", "object", "base", "form", "a"}
    )
    assert not any(
        name.startswith("on") or name in ("src", "href", "style") for _t, attrs in page.tags for name in attrs
    )
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy
    assert policy.startswith("default-src 'none'")
    assert page.count("body") == 1
    assert "<script>alert(1)</script>" in "".join(page.texts)
    assert not list(tmp_path.glob(".*.tmp"))


def test_the_report_shows_figures_plots_marks_and_scores(run: Program, tmp_path: Path) -> None:
    file = written(
        tmp_path / "q.jsonl", *({"question": f"It takes {n} days in all.", "expect": f"{n} days"} for n in (14, 30))
    )
    out = tmp_path / "r.html"
    done = compare(run, *TWO, "-p", "balanced,code", "--questions", file, "--expect", "--html", str(out))
    page = Page(out.read_text())
    assert (done.code, page.count("details"), page.count("tr"), page.count("svg")) == (0, 2, 5, 4)
    assert page.count("mark") >= 2
    assert page.texts.count("2/2") >= 2  # right, in the table and in a plot
    assert "scripted:echo/balanced" in done.out
    assert "It takes" not in done.out


def test_the_report_speaks_japanese(run: Program, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    assert compare(run, *TWO, "--language", "ja", "--html", str(out), "質問").code == 0
    text = out.read_text()
    assert '<html lang="ja">' in text
    assert "候補" in text
    said = " ".join(Page(text.partition("</style>")[2]).texts)
    assert not [word for word in ("Candidates", "Questions", "difference", "tokens") if word in said]


def test_very_many_and_very_long_answers_are_cut_and_said(
    run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llamune.cli.report_html.WHOLE", 3_000)
    answers = [{"model": "a", "text": "x" * 50_000}]
    file = written(tmp_path / "a.jsonl", *({"id": n, "question": "q", "answers": answers} for n in range(5)))
    out = tmp_path / "r.html"
    assert run("compare", "--answers", file, "--html", str(out)).code == 0
    text = out.read_text()
    assert "more characters" in text
    assert "more questions are not shown here" in text
    assert len(text) < 60_000


def test_files_that_cannot_be_written_are_told_before_anything_is_asked(
    run: Program, tmp_path: Path, home: Path
) -> None:
    for option in ("--html", "--jsonl"):
        done = compare(run, *TWO, option, str(tmp_path / "nowhere" / "out"), "hi")
        assert done.code == 1
        assert "cannot be written" in done.err
    assert not run_files(home)


def test_thirty_candidates(run: Program, home: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "q.jsonl", *(f"question {n}" for n in range(60)))
    models = "scripted:echo,scripted:think,scripted:markdown,scripted:length,scripted:escape"
    done = compare(run, "-m", models, "-p", "all", "--questions", file, "--jsonl", str(tmp_path / "o.jsonl"))
    objects = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert (done.code, len(objects), {len(o["answers"]) for o in objects}) == (0, 60, {30})
    assert os.listdir(home / "compare") == []
