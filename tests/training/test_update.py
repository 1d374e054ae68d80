"""llamune finetune update, promote and rollback: a new version from what changed, and the exact file of before."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from test_finetune import QUICK, RULES, events, run

CHANGED = "# 表彰規程\n\n## 第1条 表彰\n永年勤続者を毎年十一月に表彰する。\n\n## 第2条 記念品\n記念品は時計とする。\n"


def served(home: Path, name: str) -> str:
    """The SHA-256 of the file that the built-in engine serves under a name."""
    [path] = [m["path"] for m in json.loads(run(home, "models", "list", "--json")[1]) if m["name"] == name]
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def listed(home: Path) -> dict[int, Any]:
    return {v["number"]: v for v in json.loads(run(home, "finetune", "list", "--json")[1])}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose own model was made from a collection, with a mode, and promoted."""
    home, rules = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("rules")
    for name, text in RULES.items():
        (rules / name).write_text(text, encoding="utf-8")
    assert run(home, "knowledge", "add", "office", str(rules), "--embedder", "none")[0] == 0
    made = ("finetune", "--corpus", "office", "--base", "guide:1m", "--name", "kitei", "--mode", "kitei", *QUICK)
    code, _out, err = run(home, *made)
    assert code == 0, err
    assert run(home, "finetune", "promote", "kitei")[0] == 0
    code, out, err = run(home, "finetune", "update", "kitei", "--json")
    assert (code, out) == (2, ""), err
    assert "Nothing has changed" in err
    (rules / "new.md").write_text(CHANGED, encoding="utf-8")
    return home


def test_the_mode_has_model_and_documents(home: Path) -> None:
    text = (home / "modes" / "kitei.toml").read_text()
    assert 'models = ["kitei"]' in text
    assert 'corpora = ["office"]' in text


def test_updated_promoted_and_back(home: Path) -> None:
    code, out, err = run(home, "finetune", "update", "kitei", "--json")
    assert code == 0, err
    seen = list(events(out))
    assert (seen[-1]["event"], seen[-1]["version"]) == ("done", 2)
    assert any(e["event"] == "replayed" and e["count"] for e in seen)
    assert any("loss on general data" in r for e in seen if e["event"] == "judged" for r in e["reasons"])
    versions = listed(home)
    assert (versions[1]["current"], versions[2]["current"]) == (True, False)
    assert versions[2]["job"]["parent"] == 1
    assert "記念品は時計" in (home / "own" / "kitei" / "2" / "dataset.jsonl").read_text(encoding="utf-8")
    first, second = (versions[n]["result"]["sha256"] for n in (1, 2))
    assert first != second
    for verb, wanted in (("promote", second), ("rollback", first), ("rollback", second)):
        assert run(home, "finetune", verb, "kitei")[0] == 0
        assert served(home, "kitei") == wanted


def test_a_collection_that_is_not_there(tmp_path: Path) -> None:
    code, _out, err = run(tmp_path, "finetune", "--corpus", "x", "--base", "guide:1m", "--name", "y", *QUICK)
    assert code != 0
    assert "no collection called x" in err
    assert not list(tmp_path.glob("own/*/1"))


@pytest.mark.parametrize("form", ["gguf", "lora", "safetensors", "modelfile"])
def test_exported(form: str, home: Path, tmp_path: Path) -> None:
    code, _out, err = run(home, "finetune", "export", "kitei:1", str(tmp_path / "file"), "--to", form)
    assert code == 0, err
    begin = {"gguf": b"GGUF", "lora": b"GGUF", "safetensors": b"", "modelfile": b"FROM /"}[form]
    assert (tmp_path / "file").read_bytes().startswith(begin)
    code, _out, err = run(home, "finetune", "export", "kitei:1", str(tmp_path / "no" / "file"), "--to", form)
    assert (code, "cannot be written" in err) == (6, True)


def test_base_and_two_versions_side_by_side(home: Path) -> None:
    """What is shown is what the files say that the engine serves under these names, greedily."""
    question = "日当はいくらですか?"
    code, out, err = run(home, "finetune", "try", "kitei:1", "kitei:2", "-q", question)
    assert code == 0, err
    shown = re.split(r"^[A-Z] (\S+)\n", out, flags=re.MULTILINE)[1:]
    names, answers = shown[::2], [text.rsplit("\n", 2)[0] for text in shown[1::2]]
    assert names == ["guide:1m", "kitei:1", "kitei:2"]
    (home / "presets").mkdir(exist_ok=True)
    (home / "presets" / "greedy.toml").write_text("[options]\ntemperature = 0\nnum_predict = 512\n")
    for name, answer in zip(names, answers, strict=True):
        said = run(home, "ask", "--model", name, "--preset", "greedy", "--json", question)[1]
        assert json.loads(said)["answers"][0]["text"].strip() == answer


@pytest.mark.parametrize("file", ["model.gguf", "checkpoints/best/weights.safetensors"])
def test_a_damaged_version_is_not_tried(file: str, home: Path) -> None:
    [path] = home.glob(f"own/kitei/1/{file}")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    code, out, err = run(home, "finetune", "try", "kitei:1", "-q", "日当は?")
    path.write_bytes(whole)
    assert (code, out) == (6, "")
    assert "The files of kitei:1 are damaged or missing." in err


def test_deleted_it_stands_no_more(home: Path) -> None:
    """Last in this file: what the plain name stood for goes with its version."""
    [current] = [n for n, v in listed(home).items() if v["current"]]
    assert run(home, "finetune", "delete", f"kitei:{current}", "--yes")[0] == 0
    names = {m["name"] for m in json.loads(run(home, "models", "list", "--json")[1])}
    assert not names & {"kitei", f"kitei:{current}"}
    assert run(home, "finetune", "rollback", "kitei")[0] == 0
    assert [v["current"] for v in listed(home).values()] == [True]
