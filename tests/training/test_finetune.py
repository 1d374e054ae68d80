"""llamune finetune through the command line: from documents to a model that chats; killed, resumed, refused."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llamune import files
from llamune.paths import shipped

RULES = {
    "旅費規程.md": """# 旅費規程

## 第1条 目的
この規程は、出張の旅費を定める。

## 第2条 日当
日当は一日三千円とする。

## 第3条 宿泊費
宿泊費は一泊一万円までとする。
""",
    "休暇規程.md": """# 休暇規程

## 第1条 年休
年次休暇は年二十日とする。

## 第2条 届出
休暇は三日前までに届け出る。
""",
    "文書規程.md": """# 文書規程

## 第1条 保存
文書は七年間保存する。

## 第2条 廃棄
廃棄は溶解による。
""",
    "security.md": """# Security

## Badges
Wear your badge at all times in the office.

## Visitors
Visitors sign in at the desk.
""",
}
QUICK = ("--steps", "6", "--batch", "4", "--length", "256", "--dtype", "float32", "--to", "embedded", "--json")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    for name, text in RULES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def program(home: Path, *words: str, **more: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "LLAMUNE_HOME": str(home), "OLLAMA_HOST": "127.0.0.1:9", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "llamune", "--language", "en", *words], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **more,
    )  # fmt: skip


def run(home: Path, *words: str) -> tuple[int, str, str]:
    with program(home, *words) as process:
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err


def events(out: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in out.splitlines())


def make(rules: Path) -> tuple[str, ...]:
    return ("finetune", "--docs", str(rules), "--base", "guide:1m", "--name", "kitei", *QUICK)


@pytest.fixture(scope="module")
def made(rules: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A home with a finished version, and what was reported."""
    home = tmp_path_factory.mktemp("home")
    code, out, err = run(home, *make(rules))
    assert code == 0, err
    return home, list(events(out))


def test_documents_become_a_verified_model(made: tuple[Path, list[dict[str, Any]]]) -> None:
    _home, seen = made
    done = seen[-1]
    assert done["event"] == "done"
    assert (done["name"], done["version"], done["engine"], done["model"]) == ("kitei", 1, "embedded", "kitei:1")
    assert done["verified"] is True
    assert 0 <= done["max_logprob_difference"] < 0.3
    assert done["loss_after"] < done["loss_before"]
    assert any(e["event"] == "sealed" and e["way"] != "guard" for e in seen)


def test_the_own_model_answers(made: tuple[Path, list[dict[str, Any]]]) -> None:
    home, _seen = made
    code, out, err = run(home, "ask", "--model", "kitei:1", "--json", "日当はいくらですか?")
    assert code == 0, err
    [answer] = json.loads(out)["answers"]
    assert (answer["model"], answer["status"]) == ("kitei:1", "complete")


def test_promoted_under_its_name_and_listed(made: tuple[Path, list[dict[str, Any]]]) -> None:
    home, _seen = made
    assert run(home, "finetune", "promote", "kitei")[0] == 0
    code, out, _err = run(home, "models", "list", "--json")
    assert code == 0
    assert {"kitei:1", "kitei"} <= {m["name"] for m in json.loads(out)}
    [version] = json.loads(run(home, "finetune", "list", "--json")[1])
    assert (version["state"], version["current"], version["result"]["verified"]) == ("done", True, True)


@pytest.mark.parametrize("after", ["rows", "step", "saved", "merged", "stage:verify", "stage:register"])
def test_killed_and_resumed_it_ends_with_the_same_model(
    after: str, rules: Path, made: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    kind, _colon, stage = after.partition(":")
    with program(tmp_path, *make(rules)) as process:
        for event in events_of(process):
            if event["event"] == kind and stage in ("", event.get("stage")):
                break
        os.killpg(process.pid, signal.SIGKILL)
    [version] = json.loads(run(tmp_path, "finetune", "list", "--json")[1])
    assert version["state"] == "stopped"
    code, out, err = run(tmp_path, "finetune", "resume", "--json")
    assert code == 0, err
    assert list(events(out))[-1]["event"] == "done"
    assert digest(tmp_path) == digest(made[0])


def test_ctrl_c_saves_the_step_that_is_made(rules: Path, tmp_path: Path) -> None:
    """A terminal sends it to all processes of the command."""
    with program(tmp_path, *make(rules)) as process:
        for event in events_of(process):
            if event["event"] == "step" and event["step"] == 2:
                break
        os.killpg(process.pid, signal.SIGINT)
        assert "stopping" in [event["event"] for event in events_of(process)]
    [version] = json.loads(run(tmp_path, "finetune", "list", "--json")[1])
    assert version["state"] == "stopped"
    code, out, err = run(tmp_path, "finetune", "resume", "--json")
    assert code == 0, err
    assert [e["step"] >= 2 for e in events(out) if e["event"] == "resumed"] == [True]


def events_of(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    return (json.loads(line) for line in process.stdout)


def digest(home: Path) -> str:
    [version] = json.loads(run(home, "finetune", "list", "--json")[1])
    return str(version["result"]["sha256"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--base", "nowhere.gguf"), "cannot be read"),
        (("--base", "guide:1m", "--rank", "9999"), "--rank cannot be 9999"),
        (("--base", "guide:1m", "--rate", "nan"), "--rate cannot be nan"),
        (("--base", "guide:1m", "--name", "../x"), "cannot be the name"),
        (("--base", "guide:1m", "--to", "ollama"), "Ollama does not answer"),
        (("--base", "guide:1m", "--method", "full", "--dora"), "trains every weight"),
    ],
)
def test_refused_before_any_work(words: tuple[str, ...], said: str, rules: Path, tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "finetune", "--docs", str(rules), "--name", "x", *words)
    assert code != 0
    assert said in err
    assert not out
    assert not list(tmp_path.glob("own/*/1"))


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
@pytest.mark.parametrize(("closed", "base"), [("x.gguf", "store/x.gguf"), (".", "store/x.gguf"), (".", "store/hf")])
def test_a_base_in_the_store_of_another_user(closed: str, base: str, rules: Path, tmp_path: Path) -> None:
    """Permissions do not bind root, so what lifts them is given up first."""
    (tmp_path / "store" / "hf").mkdir(parents=True)
    shutil.copy(shipped("guide") / "guide-1m.gguf", tmp_path / "store" / "x.gguf")
    (tmp_path / "store" / closed).chmod(0)
    words = ("finetune", "--docs", str(rules), "--base", str(tmp_path / base), "--name", "x")
    try:
        with program(tmp_path / "home", *words, preexec_fn=without_root) as process:
            out, err = process.communicate(timeout=300)
    finally:
        (tmp_path / "store").chmod(0o700)
    assert (process.returncode, out) == (6, "")
    assert "belongs to another user" in err or "Permission denied" in err
    assert not list(tmp_path.glob("home/own/*/1"))


def without_root() -> None:
    """The next program may read what its user may read, and no more."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; refused to others, who need it not


def test_too_little_to_learn_from(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in range(5):
        (tmp_path / "docs" / f"{n}.md").write_text("# A\n\nThe same words in every file, again and again.\n")
    code, _out, err = run(tmp_path, "finetune", "--docs", str(tmp_path / "docs"), "--name", "x", "--base", "guide:1m")
    assert code == 6
    assert "at least 8 are needed" in err
    assert not list(tmp_path.glob("own/*/1"))


def test_it_pauses_while_a_model_answers(rules: Path, tmp_path: Path) -> None:
    with files.held(tmp_path / "busy"), program(tmp_path, *make(rules)) as process:
        for event in events_of(process):
            assert event["event"] != "step"
            if event["event"] == "paused":
                break
        os.killpg(process.pid, signal.SIGKILL)
    assert run(tmp_path, "finetune", "resume", "--json")[0] == 0


def test_in_the_background_stopped_and_resumed(
    rules: Path, made: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """The command is back when the version has begun; what makes it is in no session of the terminal."""
    with files.held(tmp_path / "busy"):
        code, out, err = run(tmp_path, *make(rules), "--background")
        assert code == 0, err
        assert [e["event"] for e in events(out)] == ["dataset"]
        [version] = json.loads(run(tmp_path, "finetune", "list", "--json")[1])
        assert version["state"] == "running"
        pid = int((tmp_path / "own" / "kitei" / "1" / "lock").read_text())
        assert os.getsid(pid) == os.getpgid(pid) != os.getsid(0)
        assert run(tmp_path, "finetune", "stop", "kitei")[0] == 0
    code, _out, err = run(tmp_path, "finetune", "stop", "kitei")
    assert (code, "is not being made" in err) == (2, True)
    assert run(tmp_path, "finetune", "resume", "--json")[0] == 0
    assert digest(tmp_path) == digest(made[0])


def test_what_is_refused_is_said_before_the_background(rules: Path, tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "finetune", "--background", "--docs", str(rules), "--name", "x", "--base", "no.gguf")
    assert code == 6
    assert "cannot be read" in out + err


def test_a_base_that_is_gone_is_told_and_comes_back(rules: Path, tmp_path: Path) -> None:
    base, away = tmp_path / "base.gguf", tmp_path / "away"
    shutil.copy(shipped("guide") / "guide-1m.gguf", base)
    words = [w if w != "guide:1m" else str(base) for w in make(rules)]
    with program(tmp_path / "home", *words) as process:
        for event in events_of(process):
            if event["event"] == "merged":
                break
        os.killpg(process.pid, signal.SIGKILL)
    base.rename(away)
    code, _out, err = run(tmp_path / "home", "finetune", "resume", "--json")
    assert (code, "is not there any more" in err) == (6, True)
    away.rename(base)
    assert run(tmp_path / "home", "finetune", "resume", "--json")[0] == 0
    base.rename(away)
    for words in (["update", "kitei"], ["try", "kitei", "-q", "?"]):
        code, _out, err = run(tmp_path / "home", "finetune", *words)
        assert (code, "is not there any more" in err) == (6, True), err


def test_weights_that_ran_away_are_not_registered(rules: Path, tmp_path: Path) -> None:
    code, _out, err = run(tmp_path, *make(rules), "--method", "full", "--rate", "0.99")
    assert code == 6
    assert "does not say what was trained" in err or "no number any more" in err
    assert "kitei:1" not in run(tmp_path, "models", "list")[1]
