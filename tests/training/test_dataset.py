"""Data sets: what is kept back is really new; cut code is whole again; a repository runs nothing."""

import hashlib
import os
import random
import string
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamune.chat.message import Message
from llamune.errors import LlamuneError, NetworkPolicyError, TrainingError, UsageError
from llamune.training.dataset import build, code, commits, duplicates, gather, syntax
from llamune.training.pairs import Pair

SOURCES = {
    "a.py": """import os


class A:
    def go(self, 名前, n=3):
        x = os.path.join(名前, "é")
        print(x, n, sep="、")
        return x
""",
    "b.ts": """export function add(a: number, b: number): number {
  const c = a + b;
  console.log("和", c);
  return c;
}
""",
    "c.go": """package main

func Add(a int, b int) int {
\tc := a + b
\tprintln("和", c)
\treturn c
}
""",
    "d.rs": """fn add(a: i32, b: i32) -> i32 {
    let c = a + b;
    other(c, "和", 12345);
    c
}
""",
    "e.c": 'int add(int a, int b)\r\n{\r\n    int c = a + b;\r\n    printf("%d", c);\r\n    return c;\r\n}\r\n',
    "f.java": 'class A { int add(int a, int b) { int c = a + b; log("和", c); return c; } }\n',
    "g.js": "const x = 1;\nfunction add(a, b) { // 😀\n  const c = a + b;\n  log(`和${c}`, c);\n  return c;\n}\n",
    "h.cpp": 'int A::add(int a, int b) { int c = a + b; log("和", c); return c; }\n',
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_was_cut_out_belongs_exactly_there(name: str) -> None:
    text = SOURCES[name]
    tree = syntax.parsed(text, name)
    assert syntax.whole(tree)
    seen = set()
    for function in syntax.functions(tree, text):
        source = text.encode()[function.start : function.end].decode()
        for hole in syntax.holes(function, text):
            assert hole.prefix + hole.middle + hole.suffix == source
            assert hole.middle.strip()
            seen.add(hole.kind)
    assert seen == {"body", "arguments", "statement"}


@pytest.mark.parametrize("name", SOURCES)
def test_pairs_of_code_name_their_file(name: str) -> None:
    found = list(code.pairs(SOURCES[name], name))
    assert {p.source for p in found} == {name}
    for pair in found:
        if pair.kind.startswith("completion"):
            prefix, suffix = pair.question.partition("\n\n")[2].split(code.HOLE)
            assert f"# {name}" in prefix
            assert (prefix + pair.answer + suffix).partition("\n\n")[2] in SOURCES[name]


def test_code_with_an_error_is_left_out() -> None:
    assert list(code.pairs("def a(:\n    pass\n", "a.py")) == []
    assert list(code.pairs("def a(): pass\n", "a.cobol")) == []


def pair(question: str, answer: str, source: str, kind: str = "qa") -> Pair:
    return Pair((Message("user", question), Message("assistant", answer)), kind, source)


def words(chance: random.Random, count: int) -> str:
    return " ".join("".join(chance.choices(string.ascii_lowercase, k=7)) for _n in range(count))


@st.composite
def collections(draw: st.DrawFn) -> list[Pair]:
    """Files of a few pairs each; some files are copies of others, some single texts stand in several files."""
    chance = random.Random(draw(st.integers(0, 10_000)))
    texts = [words(chance, 30) for _n in range(40)]
    found = []
    for file in range(draw(st.integers(4, 14))):
        chosen = draw(st.lists(st.integers(0, len(texts) - 1), min_size=2, max_size=5))
        for number, text in enumerate(chosen):
            found.append(pair(f"{file} {number}?", texts[text] + draw(st.sampled_from(["", " added"])), f"{file}.md"))
    return found


@settings(max_examples=60, deadline=None)
@given(collections(), st.integers(0, 99))
def test_nothing_kept_back_stands_in_what_is_learned(pairs: list[Pair], seed: int) -> None:
    try:
        found = build.settled(pairs, build.Report(), seed)
    except TrainingError:
        assert len(pairs) < 2 * build.LEAST
        return
    held, learned = ([p for p in found if p.split == split] for split in ("held", "train"))
    assert not {p.source for p in held} & {p.source for p in learned}
    groups = duplicates.clusters([duplicates.tokens(p.answer, p.source) for p in (*held, *learned)])
    assert not set(groups[: len(held)]) & set(groups[len(held) :])


def test_a_phrase_that_everybody_says_does_not_make_one_of_everything() -> None:
    chance = random.Random(0)
    files = [(f"{n}.md", words(chance, 30)) for n in range(40)]
    pairs = [
        p for name, text in files for p in (pair(f"{name}?", text, name), pair(f"is {name} ok?", "Yes, it is.", name))
    ]
    found = build.settled(pairs, build.Report())
    assert sum(p.split == "held" for p in found) == 8
    assert sum(p.split == "train" for p in found) == 72


def test_a_copied_file_is_on_the_side_of_the_first() -> None:
    chance = random.Random(0)
    texts = [[words(chance, 30) for _k in range(3)] for _n in range(10)]
    names = [(f"{n}.md", t) for n, t in enumerate(texts)] + [(f"copy/{n}.md", t) for n, t in enumerate(texts)]
    pairs = [pair(f"{name} {k}?", text, name) for name, three in names for k, text in enumerate(three)]
    split = {p.source: p.split for p in build.settled(pairs, build.Report())}
    assert set(split.values()) == {"held", "train", "canary"}
    assert all(split[f"{n}.md"] == split[f"copy/{n}.md"] for n in range(10))


def test_planted_secrets_and_the_same_data_set_for_the_same_seed() -> None:
    chance = random.Random(0)
    pairs = [pair(f"{n}?", words(chance, 20), f"{n}.md") for n in range(30)]
    first, second = (build.settled(pairs, build.Report(), 3) for _n in range(2))
    assert first == second
    planted = [p for p in first if p.split == "canary"]
    assert len(planted) == len({p.evidence for p in planted}) == build.CANARIES
    assert all(p.evidence in p.answer for p in planted)


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [pair(f"{n}?", f"answer {n}", "a.md") for n in range(7)],
        [pair("q?", "the same", f"{n}.md") for n in range(50)],
        [pair(f"{n}?", "", f"{n}.md") for n in range(50)],
        [pair(f"q{n}", "n", f"{n}", "refusal") for n in range(50)],
    ],
    ids=["nothing", "too few", "all copies", "no answers", "refusals alone"],
)
def test_too_little_is_said(pairs: list[Pair]) -> None:
    report = build.Report()
    with pytest.raises(TrainingError, match=r"Nothing to learn|at least 8 are needed"):
        build.settled(build.cleaned(pairs, report), report)


def key(number: int) -> str:
    return hashlib.sha256(bytes([number])).hexdigest()[:16].upper()


def test_all_secrets(tmp_path: Path) -> None:
    """Only their kinds are left, which are copies of one another."""
    pairs = [pair("What is it?", f"AKIA{key(n)}", f"{n}.md") for n in range(29)]
    report = build.Report()
    with pytest.raises(TrainingError, match="at least 8 are needed"):
        build.settled(build.cleaned(pairs, report), report)
    assert report.masked == {"AWS key": 29}


def test_no_file_is_the_whole() -> None:
    pairs = [pair(f"{n}?", f"number {n}", "large.md") for n in range(300)]
    report = build.Report()
    build.settled(pairs, report)
    assert report.unbalanced == 300 - build.A_SOURCE


def test_much_code_is_sampled_and_documents_are_not() -> None:
    pairs = [pair(f"{n}?", f"number {n}", f"{n % 40}.py", "completion body") for n in range(3000)]
    pairs += [pair(f"rule {n}?", f"rule {n}", f"{n}.md") for n in range(1000)]
    report = build.Report()
    build.settled(pairs, report)
    assert (report.kinds["completion body"], report.kinds["qa"]) == (build.OF_CODE, 1000)
    assert report.unbalanced == 3000 - build.OF_CODE


# Repositories


def git(folder: Path, *words: str) -> None:
    who = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True,
        env={**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "LICENSE").write_text("\nMIT License\n\nPermission is hereby granted\n")
    for name, message in (
        ("one", "Add the first function\n\nIt was wanted."),
        ("two", "日本語の説明を追加する、二つ目"),
        ("x", "wip"),
    ):
        (folder / f"{name}.py").write_text(f"def {name}(a):\n    b = a + 1\n    return [a, b, '{name}']\n")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", message)
    return folder


def refuse(host: str, _port: int) -> None:
    raise NetworkPolicyError(f"{host} may not be called")


def test_messages_and_changes(repository: Path) -> None:
    found = list(commits.pairs(repository))
    assert {p.kind for p in found} == {"diff to commit", "commit to diff"}
    messages = [p.answer for p in found if p.kind == "diff to commit"]
    assert messages == [
        "日本語の説明を追加する、二つ目",
        "Add the first function\n\nIt was wanted.",
    ]  # "wip" tells nothing
    for there, back in zip(found[::2], found[1::2], strict=True):
        assert back.answer in there.question
        assert "+    return [a, b," in back.answer
    assert code.licence(repository) == "MIT License"


def test_a_huge_change_is_never_held_whole(repository: Path) -> None:
    (repository / "huge.txt").write_text("a line of a vendored file\n" * 800_000)  # 20 MB
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Take in what others wrote")
    tracemalloc.start()
    try:
        found = list(commits.pairs(repository))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ["others wrote" in p.answer for p in found] == [False] * 4
    assert peak < 2_000_000


def test_a_branch_and_one_that_is_not_there(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "-q", "-b", "old", "HEAD~2")
    git(repository, "checkout", "-q", "main")
    tree = commits.brought(str(repository), tmp_path / "clone", "old", refuse)
    assert not (tree / "two.py").exists()
    assert len(list(commits.pairs(tree))) == 2
    with pytest.raises(TrainingError, match="git: "):
        commits.brought(str(repository), tmp_path / "other", "nowhere", refuse)


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("https://git.example/x.git", NetworkPolicyError),
        ("ssh://git@git.example/x.git", NetworkPolicyError),
        ("ext::sh -c touch% {mark}", None),
        ("ext://sh -c touch {mark}", UsageError),
        ("file:///etc", UsageError),
        ("https://", UsageError),
        ("--upload-pack=touch {mark}", None),
    ],
)
def test_hostile_addresses(place: str, error: type[LlamuneError] | None, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(error or LlamuneError):
        commits.brought(place.format(mark=mark), tmp_path / "into", "main", refuse)
    assert not mark.exists()


def test_nothing_of_a_repository_is_run(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    run = tmp_path / "run.sh"
    run.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    run.chmod(0o755)
    for hook in ("post-checkout", "post-merge", "reference-transaction"):
        (repository / ".git" / "hooks" / hook).write_bytes(run.read_bytes())
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "diff.evil.textconv",
                "filter.evil.smudge", "filter.evil.process", "diff.evil.command", "core.hooksPath"):  # fmt: skip
        git(repository, "config", key, str(run))
    (repository / ".git" / "info" / "attributes").write_text("*.py diff=evil filter=evil\n")
    assert len(list(commits.pairs(repository))) == 4
    assert len(list(commits.pairs(commits.brought(str(repository), tmp_path / "into", "main", refuse)))) == 4
    assert not mark.exists()


def test_a_message_with_escape_codes_stays_text(repository: Path) -> None:
    (repository / "z.py").write_text("z = 1\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Clear \x1b[2J the screen \x1f and \x1e the marks")
    found = list(commits.pairs(repository))
    assert len(found) in (4, 6)
    assert any("Add the first function" in p.answer for p in found)


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    assert list(commits.pairs(tmp_path)) == []
    (tmp_path / ".git").mkdir()
    with pytest.raises(TrainingError, match="git: "):
        list(commits.pairs(tmp_path))


def test_a_repository_becomes_pairs(repository: Path) -> None:
    report = build.Report()
    (repository / "keys.py").write_text(f'def key(a):\n    token = "ghp_{"a1" * 18}"\n    return token, a\n')
    found = gather.gathered(gather.Sources(repos=(str(repository),), exclude=("x.py",)), None, refuse, report, quiet)
    kinds = {p.kind for p in found.pairs}
    assert {"completion body", "completion statement", "diff to commit", "commit to diff"} <= kinds
    assert report.licences == ["MIT License"]
    assert not any("x.py" in p.source for p in found.pairs)
    assert not any("ghp_" in m.content for p in found.pairs for m in p.messages)


quiet: Callable[[str, int, int], None] = lambda _what, _done, _all: None  # noqa: E731
