"""Collections of documents through the command line: added, searched, brought up to date, taken along, measured."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llamune.cli import main

DATA = Path(__file__).parents[2] / "benchmarks" / "rag-ja"
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `llamune knowledge …` in a home of its own. Gives what it printed, JSON as a value."""
    monkeypatch.setenv("LLAMUNE_HOME", str(tmp_path / "home"))

    def call(*words: str | Path, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["knowledge", *map(str, words)]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if "--json" in words and not code else said.out + said.err

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A few documents."""
    made = tmp_path / "規程"
    made.mkdir()
    (made / "旅費.md").write_text(
        "# 旅費規程\n\n## 第4条 日当\n\n日当は一日につき二千五百円とする。\n", encoding="utf-8"
    )
    (made / "休暇.md").write_text("# 休暇規程\n\n## 第2条 年次休暇\n\n年次休暇は二十日とする。\n", encoding="utf-8")
    (made / "端末.md").write_text("# 端末\n\nパソコンはロッカーに保管する。VPN を使うこと。\n", encoding="utf-8")
    return made


def paths(found: Any) -> list[str]:
    return [p["path"] for p in found["passages"]]


def test_documents_are_added_and_found(run: Run, folder: Path) -> None:
    added = run("add", "rules", folder, "--json")
    assert sorted(a["path"] for a in added["added"]) == ["休暇.md", "旅費.md", "端末.md"]
    assert all(a["chunks"] >= 1 for a in added["added"])
    assert added["refused"] == added["skipped"] == []
    found = run("search", "rules", "日当はいくら", "--json")
    assert found["found"] is True
    best = found["passages"][0]
    assert (best["path"], best["section"]) == ("旅費.md", "旅費規程 › 第4条 日当")
    assert best["retrievers"] == ["keyword", "vector"]
    assert set(best) == {"path", "section", "text", "score", "retrievers"}


@pytest.mark.parametrize(
    ("question", "path"),
    [
        *((question, "旅費.md") for question in ("当", "日当")),
        ("年次休暇", "休暇.md"),
        *((question, "端末.md") for question in ("ロッカー", "ﾛｯｶｰ", "ろっかー", "vpn", "ＶＰＮ", "ロ", "パソコン")),
        ("ロッカーの保管", "端末.md"),
    ],
)
@pytest.mark.parametrize("embedder", ["builtin", "none"])
def test_short_questions_of_any_script_are_found(
    run: Run, folder: Path, question: str, path: str, embedder: str
) -> None:
    run("add", "rules", folder, "--embedder", embedder)
    found = run("search", "rules", question, "--json")
    assert found["found"] is True
    assert paths(found)[0] == path


def test_from_one_embedder_to_none_and_back(run: Run, folder: Path) -> None:
    run("add", "rules", folder)
    for embedder, ways in (("none", ["keyword"]), ("builtin", ["keyword", "vector"])):
        run("update", "rules", "--embedder", embedder)
        assert run("show", "rules", "--json")["embedder"] == embedder
        assert run("search", "rules", "日当", "--json")["passages"][0]["retrievers"] == ways


def test_a_question_about_something_else_is_not_found(run: Run, folder: Path) -> None:
    run("add", "rules", folder)
    assert run("search", "rules", "量子力学の観測問題", "--json")["found"] is False
    assert "rules" in run("search", "rules", "量子力学の観測問題")


def test_what_cannot_be_read_any_more_stays_and_that_is_said(run: Run, folder: Path) -> None:
    run("add", "rules", folder)
    (folder / "旅費.md").write_bytes(b"\x00\x01\xfe\x81" * 99)
    [refused] = run("update", "rules", "--json")["refused"]
    assert refused["path"] == "旅費.md"
    assert "stays" in refused["reason"]
    assert paths(run("search", "rules", "日当", "--json"))[0] == "旅費.md"


def test_adding_again_changes_nothing(run: Run, folder: Path) -> None:
    run("add", "rules", folder)
    before = run("search", "rules", "日当", "--json")
    assert run("add", "rules", folder, "--json")["added"] == []
    assert run("search", "rules", "日当", "--json") == before


def test_update_reads_what_changed_and_lets_go_of_what_is_gone(run: Run, folder: Path) -> None:
    run("add", "rules", folder)
    (folder / "旅費.md").write_text("# 旅費規程\n\n日当は九千円とする。\n", encoding="utf-8")
    moved = (folder / "端末.md").rename(folder.parent / "端末.md")
    added = run("update", "rules", "--json")["added"]
    assert [a["path"] for a in added] == ["旅費.md"]
    found = run("search", "rules", "日当", "--json")
    assert "九千円" in found["passages"][0]["text"]
    assert "二千五百円" not in json.dumps(found, ensure_ascii=False)
    assert "端末.md" not in paths(run("search", "rules", "ロッカー", "--json"))
    moved.rename(folder / "端末.md")
    run("update", "rules", "--json")
    assert paths(run("search", "rules", "ロッカー", "--json"))[0] == "端末.md"


def mails(*texts: str) -> str:
    head = "From a@example.com Thu Jan  1 00:00:00 2026\nFrom: a@example.com\nSubject: {n}\n"
    head += "Content-Type: text/plain; charset=utf-8\n\n"
    return "".join(f"{head.format(n=n)}{text}\n\n" for n, text in enumerate(texts, 1))


def test_a_row_is_cited_by_its_number_also_when_rows_came_above_it(run: Run, folder: Path) -> None:
    def cited() -> str:
        return str(run("search", "rules", "プロジェクター", "--json")["passages"][0]["section"])

    rows = ["品名,保管場所", "椅子,一階", "", "プロジェクター,二階書庫", "机,三階"]
    (folder / "備品.csv").write_text("\n".join(rows), encoding="utf-8")
    run("add", "rules", folder)
    assert cited() == "rows 4–5"
    (folder / "備品.csv").write_text("\n".join(["", *rows]), encoding="utf-8")
    run("update", "rules")
    assert cited() == "rows 5–6"


def test_a_mail_that_left_its_mailbox_is_gone(run: Run, folder: Path) -> None:
    box = folder / "受信.mbox"
    box.write_text(mails("懇親会は金曜日です", "棚卸は月末です"), encoding="utf-8")
    run("add", "rules", folder)
    assert "棚卸" in run("search", "rules", "棚卸", "--json")["passages"][0]["text"]
    box.write_text(mails("懇親会は金曜日です"), encoding="utf-8")
    run("update", "rules")
    assert "棚卸" not in json.dumps(run("search", "rules", "棚卸", "--json"), ensure_ascii=False)
    assert "懇親会" in run("search", "rules", "懇親会", "--json")["passages"][0]["text"]


def test_the_same_text_is_shown_once(run: Run, folder: Path) -> None:
    shutil.copy(folder / "旅費.md", folder / "写し.md")
    run("add", "rules", folder)
    texts = [p["text"] for p in run("search", "rules", "日当", "--json")["passages"]]
    assert len(texts) == len(set(texts))


def test_a_collection_travels_as_one_file(run: Run, folder: Path, tmp_path: Path) -> None:
    run("add", "rules", folder)
    run("export", "rules", tmp_path / "rules.corpus")
    assert (tmp_path / "rules.corpus").stat().st_mode & 0o777 == 0o600
    run("import", tmp_path / "rules.corpus", "taken")
    assert run("search", "taken", "日当", "--json") == run("search", "rules", "日当", "--json")
    run("update", "taken")  # its documents are not here, which is no reason to lose them
    assert paths(run("search", "taken", "日当", "--json"))[0] == "旅費.md"


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00" + b"x" * 5000, b"text"])
def test_a_file_that_is_no_collection_is_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad").write_bytes(content)
    assert "knowledge remove" not in run("import", tmp_path / "bad", "bad", code=5)
    run("import", tmp_path, "bad", code=5)
    run("import", tmp_path / "none", "bad", code=2)
    assert run("list", "--json") == {"corpora": []}


def test_a_file_that_was_cut_on_its_way_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    run("add", "rules", folder)
    run("export", "rules", tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:40_000])
    said = run("import", tmp_path / "cut", "cut", code=5)
    assert "is damaged" in said
    assert "knowledge remove" not in said


def test_a_collection_with_foreign_tables_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    run("add", "rules", folder)
    run("export", "rules", tmp_path / "bad")
    with closing(sqlite3.connect(tmp_path / "bad")) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON setting BEGIN DELETE FROM document; END")
    run("import", tmp_path / "bad", "bad", code=5)


def test_removing(run: Run, folder: Path) -> None:
    run("add", "rules", folder)
    run("remove", "rules", folder, "--yes")
    assert run("search", "rules", "日当", "--json") == {"passages": [], "found": False}
    run("remove", "rules", "--yes")
    assert folder.is_dir()
    run("search", "rules", "日当", code=5)


def test_nothing_is_removed_without_a_yes(run: Run, folder: Path) -> None:
    run("add", "rules", folder)
    run("remove", "rules", code=1)
    assert run("search", "rules", "日当", "--json")["found"] is True


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "two words", "x" * 200, "a\nb", "a\x1b[31m"])
def test_a_name_that_leaves_the_folder_or_cannot_be_typed_is_refused(run: Run, folder: Path, name: str) -> None:
    run("add", name, folder, code=2)


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine without the extra: whoever imports one of its packages fails."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(
        "import sys\nsys.modules.update(dict.fromkeys(['numpy', 'scipy', 'chromadb']))\n",
        encoding="utf-8",
    )
    paths = os.pathsep.join([str(tmp_path / "bare"), str(DATA.parents[1])])
    return {"LLAMUNE_HOME": str(tmp_path / "home"), "PYTHONPATH": paths, "LANG": "C.UTF-8"}


def test_without_the_extra_keyword_search_works_and_the_rest_says_what_is_missing(
    folder: Path, bare: dict[str, str]
) -> None:
    def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "llamune", "knowledge", *map(str, words)]
        return subprocess.run(command, env=bare, capture_output=True, text=True, encoding="utf-8")

    added = call("add", "rules", folder)
    assert (added.returncode, "llamune[rag]" in added.stderr) == (0, True)
    found = json.loads(call("search", "rules", "日当はいくら", "--json").stdout)
    assert (found["found"], found["passages"][0]["retrievers"]) == (True, ["keyword"])
    refused = call("update", "rules", "--embedder", "builtin")
    assert (refused.returncode, "llamune[rag]" in refused.stderr, "make bundle" in refused.stderr) == (5, True, True)


@pytest.mark.parametrize("embedder", ["folder:/nowhere", "ollama:nobody"])
def test_an_embedder_that_is_not_there_is_refused_and_the_old_one_stays(run: Run, folder: Path, embedder: str) -> None:
    run("add", "rules", folder)
    run("update", "rules", "--embedder", embedder, code=5)
    run("update", "rules", "--embedder", "nonsense", code=2)
    run("update", "rules")
    assert run("show", "rules", "--json")["embedder"] == "builtin"


def test_a_collection_that_could_not_be_begun_is_not_there(run: Run, folder: Path) -> None:
    run("add", "rules", folder, "--embedder", "folder:/nowhere", code=5)
    said = run("add", "rules", folder, "--embedder", "folder:" + "x" * 300, code=5)
    assert "knowledge remove" not in said, "the collection is not what is wrong"
    run("add", "rules", folder, "--embedder", "nonsense", code=2)
    assert run("list", "--json") == {"corpora": []}


def test_a_folder_without_documents(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("add", "rules", tmp_path / "empty", "--json") == {"added": [], "refused": [], "skipped": []}
    shown = run("show", "rules", "--json")
    assert (shown["passages"], shown["note"]) == (0, "")
    assert run("search", "rules", "日当", "--json") == {"passages": [], "found": False}
    run("add", "rules", folder)
    assert paths(run("search", "rules", "日当", "--json"))[0] == "旅費.md"


def test_files_are_private(run: Run, folder: Path, tmp_path: Path) -> None:
    os.umask(0o022)
    run("add", "rules", folder)
    corpus = tmp_path / "home" / "knowledge" / "rules"
    assert corpus.stat().st_mode & 0o077 == 0
    assert (corpus / "corpus.db").stat().st_mode & 0o077 == 0


def test_evaluate_in_figures(run: Run, tmp_path: Path) -> None:
    run("add", "rules", DATA / "docs")
    found = run("evaluate", "rules", "--questions", DATA / "questions.jsonl", "--html", tmp_path / "e.html", "--json")
    assert (found["corpus"], found["embedder"]) == ("rules", "builtin")
    hybrid = found["retrieval"]["hybrid"]
    assert hybrid["recall@1"] >= 0.38
    assert hybrid["recall@3"] >= 0.52
    best = max(found["retrieval"][way]["recall@1"] for way in ("keyword", "vector"))
    assert hybrid["recall@1"] >= best - 0.02
    assert set(found["unanswerable"]) >= {"auc", "refused", "wrongly_refused"}
    curve = list(found["unanswerable"]["curve"].values())
    assert curve == sorted(curve)
    assert curve[-1] > 0
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("<tr>") == 1 + len(found["retrieval"]) + len(found["kinds"]), "a way and a kind may share a name"


def test_a_line_that_is_no_question_is_named(run: Run, folder: Path, tmp_path: Path) -> None:
    run("add", "rules", folder)
    (tmp_path / "q.jsonl").write_text('{"question": "日当は", "evidence": []}\n{"q": 1}\n', encoding="utf-8")
    assert "2" in run("evaluate", "rules", "--questions", tmp_path / "q.jsonl", code=2)
    assert "rules" in run("evaluate", "rules", "--questions", DATA / "questions.jsonl", code=2), "it is about others"
