"""`llamune modes`; `ask` and `compare` with documents, modes and levels of knowledge."""

import json
from pathlib import Path

import pytest
from program import Program

from llamune.paths import Paths
from llamune.store import database

ASKED = "国内出張の日当はいくらですか"
PASSAGE = "国内出張の日当は1日につき2,500円とする。"


@pytest.fixture
def run(paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    (paths.home / "settings.toml").write_text('start_ollama = false\nollama_host = "http://127.0.0.1:9"\n')
    return Program(capsys, monkeypatch)


def test_making_and_passing_on_a_mode(run: Program, paths: Paths, tmp_path: Path) -> None:
    assert run("modes", "new", "mine", "--from", "audit").code == 0
    shown = run("modes", "show", "mine", "--json").json
    assert shown["system"] == run("modes", "show", "audit", "--json").json["system"]
    assert shown["path"] == str(paths.modes / "mine.toml")
    assert (paths.modes / "mine.toml").stat().st_mode & 0o077 == 0
    target = tmp_path / "given.toml"
    assert run("modes", "export", "mine", str(target)).code == 0
    assert run("modes", "export", "mine").out == target.read_text(encoding="utf-8")
    assert run("modes", "export", "mine", str(target)).code == 2
    target.write_text(target.read_text(encoding="utf-8") + 'corpora = ["x"]\n', encoding="utf-8")
    assert run("modes", "import", str(target)).code == 2, "a key behind a table belongs to it"
    target.write_text('corpora = ["x"]\n', encoding="utf-8")
    assert run("modes", "import", str(target)).code == 0
    assert run("modes", "import", str(target)).code == 2
    assert run("modes", "import", str(target), "--name", "other").code == 0
    assert [m["name"] for m in run("modes", "list", "--json").json] == [
        *("audit", "coding", "legal-contract", "reasoning", "given", "mine", "other"),
    ]
    assert run("modes", "import", str(tmp_path / "none.toml")).code == 2
    assert run("modes", "new", "audit").code == 2
    assert run("modes", "edit", "audit").code == 2, "nobody can be asked here"


def test_a_broken_mode_is_named_and_the_rest_works(run: Program, paths: Paths) -> None:
    paths.modes.mkdir()
    (paths.modes / "broken.toml").write_text("nix = 1\n")
    done = run("modes", "list")
    assert (done.code, "audit" in done.out) == (0, True)
    assert "broken.toml: There is no key called nix." in done.err


def test_ask_out_of_documents(run: Program, paths: Paths) -> None:
    done = run.ask("cite", "--knowledge", "rules", ASKED)
    assert (done.code, done.out) == (0, f"{PASSAGE} [1]\n")
    assert "[1] 旅費規程.md › 第4条 日当 (2026-04-01)" in done.err
    assert "/sources" not in done.err
    store = database.open(paths)
    session = store.sessions()[0]
    answer = store.turns(session.id)[0].answers[0]
    store.close()
    assert session.corpora == ("rules",)
    assert answer.seen
    assert answer.seen.passages[0].text.startswith(PASSAGE)
    assert answer.checked
    assert answer.checked.cited == (1,)


def test_ask_as_json_and_what_is_not_found(run: Program) -> None:
    sources = run.ask("miscite", "--knowledge", "rules", "--json", ASKED).json["answers"][0]["sources"]
    assert (sources["found"], sources["cited"], sources["nowhere"]) == ("strong", [1], [9])
    assert sources["unsupported"] == ["987,654円"]
    assert sources["passages"][0]["path"] == "旅費規程.md"
    done = run.ask("cite", "--knowledge", "rules", "役員の退職金は?")
    assert (done.code, done.out) == (0, "Not found in rules.\n")
    done = run.ask("cite", "--knowledge", "nix", ASKED)
    assert (done.code, done.out) == (5, "")


def test_ask_in_a_mode(run: Program, paths: Paths) -> None:
    paths.modes.mkdir()
    told = 'preset = "fast"\ncorpora = ["rules"]\nmodels = ["scripted:cite"]\nsystem.en = "S"\nprompts.en = ["P"]\n'
    (paths.modes / "mine.toml").write_text(told)
    answer = run("ask", "--scripted", "--mode", "mine", "--json", ASKED).json["answers"][0]
    assert (answer["model"], answer["preset"], answer["text"]) == ("scripted:cite", "fast", f"{PASSAGE} [1]")
    answer = run.ask("echo", "--mode", "mine", "-p", "code", "--json", ASKED).json["answers"][0]
    assert (answer["model"], answer["preset"]) == ("scripted:echo", "code")
    store = database.open(paths)
    seen = [store.turns(s.id)[0].answers[0].seen for s in store.sessions()]
    store.close()
    assert [(s.system, [p.text for p in s.prompts]) for s in seen if s] == [("S", ["P"])] * 2
    assert run("ask", "--scripted", "--mode", "nix", "x").code == 2


def test_what_is_always_said_goes_along_without_a_chat(run: Program, paths: Paths) -> None:
    assert run("compare", "--scripted", "-m", "scripted:echo", "hi", "--json").code == 0, "no database yet"
    store = database.open(paths)
    for text, where in (("ALWAYS", {}), ("AUDIT", {"mode": "audit"}), ("CODE", {"mode": "coding"})):
        store.prompts.add(text, **where)
    store.prompts.change(1, text="ALWAYS 2")
    store.prompts.change(store.prompts.add("OFF").number, active=False)
    store.prompts.add("HERE", session_id=store.create_session(model="m", preset="fast").id)
    store.close()
    assert run.ask("echo", "--mode", "audit", "hi").code == 0
    assert run.ask("echo", "hi").code == 0
    store = database.open(paths)
    seen = [store.turns(s.id)[0].answers[0].seen for s in store.sessions() if s.turn_count]
    store.close()
    sent = [[(p.number, p.version, p.text) for p in s.prompts if p.number] for s in seen if s]
    assert sent == [[(1, 2, "ALWAYS 2")], [(1, 2, "ALWAYS 2"), (2, 1, "AUDIT")]]
    found = run("compare", "--scripted", "-m", "scripted:echo", "--levels", "none,prompt", "--json", "hi").json
    none, prompt = (answer["usage"]["prompt_tokens"] for answer in found["answers"])
    assert none < prompt


def test_compare_levels(run: Program) -> None:
    words = ("--knowledge", "rules", "--levels", "none,rag", "--json", ASKED)
    found = run("compare", "--scripted", "-m", "scripted:cite", "-m", "scripted:echo/fast/prompt", *words).json
    assert [(a["model"], a["preset"], a["knowledge"], a["text"]) for a in found["answers"]] == [
        ("scripted:cite", "balanced", "none", "No documents."),
        ("scripted:cite", "balanced", "rag", f"{PASSAGE} [1]"),
        ("scripted:echo", "fast", "prompt", ASKED),
    ]
    assert found["answers"][1]["sources"]["cited"] == [1]
    assert run("compare", "--scripted", "-m", "scripted:cite", "--levels", "nix", ASKED).code == 2


def test_compare_goes_on_with_its_sources(run: Program, tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text("\n".join(json.dumps({"question": q}) for q in (ASKED, "慶弔休暇は何日ですか")))
    words = ("compare", "--scripted", "-m", "scripted:cite/balanced/rag", "--knowledge", "rules", "--questions")
    lines = run(*words, str(questions), "--json").out.splitlines()
    assert [json.loads(line)["answers"][0]["sources"]["found"] for line in lines] == ["strong", "strong"]
