"""The command line's listings and verbs: sessions, models, settings, doctor, completion; help and errors."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import Program
from terminal.term import Term

from llamune.cli import parser
from llamune.paths import Paths, shipped

VERBS = [
    (name,) if not sub.subparsers else (name, verb)
    for name, sub in parser.build().fill().subparsers.items()
    for verb in (sub.fill().subparsers or ("",))
]


@pytest.fixture
def run(paths: Paths, migrated: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    shutil.copy(migrated, paths.database)
    return Program(capsys, monkeypatch)


@pytest.fixture
def asked(run: Program) -> Program:
    """Three sessions: 1 "Tokyo", 2 "大阪", 3 "Kyoto"."""
    for question in ("Tokyo tower", "大阪の城", "Kyoto temple"):
        assert run.ask("echo", question).code == 0
    return run


def ids(run: Program, verb: str = "list") -> list[int]:
    return [s["id"] for s in run("sessions", verb, "--json").json]


def test_sessions_are_listed_newest_first(asked: Program) -> None:
    assert ids(asked) == [3, 2, 1]
    listed = asked("sessions", "list", "-n", "2")
    assert "Kyoto temple" in listed.out
    assert "Tokyo" not in listed.out
    assert "--limit" in listed.out


def test_a_session_is_shown(asked: Program) -> None:
    shown = asked("sessions", "show", "#2")
    assert shown.out.count("大阪の城") == 3  # title, question, answer
    [turn] = asked("sessions", "show", "2", "--json").json["turns"]
    assert (turn["question"], turn["answers"][0]["text"], turn["answers"][0]["letter"]) == ("大阪の城", "大阪の城", "A")


def test_words_are_found(asked: Program) -> None:
    hits = asked("sessions", "search", "の城", "--json").json
    assert {(h["session"], h["where"]) for h in hits} == {(2, "question"), (2, "answer")}
    nothing = asked("sessions", "search", "nowhere")
    assert (nothing.code, nothing.out) == (0, "")
    assert "Nothing was found" in nothing.err


def test_deleting_names_the_way_back_and_it_works(asked: Program) -> None:
    done = asked("sessions", "delete", "1", "2")
    assert "llamune sessions restore 2" in done.out
    assert (ids(asked), set(ids(asked, "trash"))) == ([3], {1, 2})
    assert asked("sessions", "restore", "2").code == 0
    assert (set(ids(asked)), ids(asked, "trash")) == ({2, 3}, [1])


def test_one_wrong_number_changes_nothing(asked: Program) -> None:
    done = asked("sessions", "delete", "1", "99")
    assert (done.code, len(ids(asked))) == (4, 3)
    assert "llamune sessions list" in done.err
    assert asked("sessions", "restore", "1").code == 2
    assert asked("sessions", "show", "two").code == 2


def test_purge_asks_and_lists_first(asked: Program) -> None:
    refused = asked("sessions", "purge", "1")
    assert (refused.code, len(ids(asked))) == (2, 3)
    assert "Tokyo" in refused.out
    assert "--yes" in refused.err
    asked("sessions", "delete", "2")
    assert asked("sessions", "purge", "--trash", "--yes").code == 0
    assert (set(ids(asked)), ids(asked, "trash")) == ({1, 3}, [])
    assert asked("sessions", "purge").code == 2


class Typing(io.TextIOWrapper):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "left"), [("\n", 3), ("n\n", 3), ("y\n", 2), ("ｙ\n", 2), ("", 3)])
def test_purge_takes_only_a_yes(asked: Program, monkeypatch: pytest.MonkeyPatch, typed: str, left: int) -> None:
    from llamune.cli import main

    monkeypatch.setattr(sys, "stdin", Typing(io.BytesIO(typed.encode()), encoding="utf-8"))
    assert main(["sessions", "purge", "1"]) == 0
    assert "[y/N]" in asked.capsys.readouterr().err
    assert len(ids(asked)) == left


def test_export_and_import(asked: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = asked("sessions", "export").out.splitlines()
    assert [json.loads(line)["title"] for line in lines] == ["Kyoto temple", "大阪の城", "Tokyo tower"]
    assert "> 大阪の城" in asked("sessions", "export", "2", "--markdown").out
    file = tmp_path / "all.jsonl"
    assert asked("sessions", "export", "-o", str(file)).code == 0
    again = asked("sessions", "export", "-o", str(file))
    assert (again.code, "--force" in again.err) == (2, True)
    monkeypatch.setenv("LLAMUNE_HOME", str(tmp_path / "other"))
    assert asked("sessions", "import", str(file)).code == 0
    assert {s["title"] for s in asked("sessions", "list", "--json").json} == {"Kyoto temple", "大阪の城", "Tokyo tower"}
    missing = asked("sessions", "import", str(tmp_path / "none.jsonl"))
    assert (missing.code, missing.out) == (2, "")


def test_escape_sequences_reach_no_terminal(run: Program) -> None:
    run.ask("echo", "evil\x1b]0;owned\x07\x9b31m title\u202e")
    for words in (("list",), ("show", "1"), ("search", "evil"), ("export", "1"), ("export", "1", "--markdown")):
        for flags in ((), ("--json",)) if words[0] != "export" else ((),):
            out = run("sessions", *words, *flags).out
            assert out
            assert all(c.isprintable() or c in "\n\t" for c in out), (words, out)


def test_models_are_listed_and_shown(run: Program) -> None:
    listed = run("models", "list", "--json", "--scripted").json
    assert {"scripted:echo", "guide:1m", "guide:5m"} <= {m["name"] for m in listed}
    assert "scripted:echo" in run("models", "list", "--scripted").out
    shown = run("models", "show", "guide:1m", "--json").json
    assert (shown["engine"], shown["path"].endswith(".gguf")) == ("embedded", True)
    unknown = run("models", "show", "guide:2m")
    assert (unknown.code, "guide:1m" in unknown.err or "guide:5m" in unknown.err) == (3, True)


def test_a_gguf_file_is_imported_and_let_go(run: Program, tmp_path: Path) -> None:
    file = tmp_path / "Tiny Model.gguf"
    shutil.copy(shipped("guide") / "guide-1m.gguf", file)
    assert run("models", "import", str(file)).code == 0
    assert run("models", "show", "tiny-model", "--json").json["path"] == str(file)
    asks = run("models", "rm", "tiny-model")
    assert (asks.code, "--yes" in asks.err) == (2, True)
    assert run("models", "rm", "tiny-model", "--yes").code == 0
    assert file.exists()
    assert run("models", "show", "tiny-model").code == 3
    wrong = run("models", "import", str(tmp_path / "none.gguf"))
    assert (wrong.code, wrong.out) == (3, "")


def test_settings(run: Program, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("settings").out == run("settings", "list").out
    assert run("settings", "set", "thinking", "show").code == 0
    assert run("settings", "get", "thinking").out == "show\n"
    assert run("settings", "list", "--json").json["thinking"] == {"value": "show", "origin": "file"}
    assert run("settings", "unset", "thinking").code == 0
    assert run("settings", "get", "thinking").out == "fold\n"
    wrong = run("settings", "set", "thinkin", "show")
    assert (wrong.code, "thinking" in wrong.err) == (2, True)
    assert run("settings", "set", "thinking", "loud").code == 2
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    told = run("settings", "set", "ollama_host", "http://127.0.0.1:1")
    assert "OLLAMA_HOST" in told.err


def test_a_damaged_settings_file_is_named_and_can_be_looked_at(run: Program, paths: Paths) -> None:
    paths.settings.write_text("langage = 'ja'\n")
    for words in (("ask", "hi"), ("models", "list"), ("settings",)):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert str(paths.settings) in done.err
        assert "language" in done.err
    assert run("--help").code == 0
    doctor = run("doctor")
    assert doctor.code == 1
    assert str(paths.settings) in doctor.out


def test_the_doctor_of_a_fresh_machine(run: Program, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xllamacpp")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("PATH", "")
    (home / "llamune.db").unlink()
    done = run("doctor", "--json")
    states = {f["what"]: f["state"] for f in done.json["findings"]}
    assert (done.code, done.json["able"]) == (0, True)
    assert (states["Ollama"], states["built-in llama.cpp"], states["database"]) == ("warn", "ok", "ok")
    assert not (home / "llamune.db").exists()
    assert "guide:1m" in run("doctor").out


def test_the_doctor_sees_a_damaged_database(run: Program, paths: Paths) -> None:
    paths.database.write_bytes(b"no database at all" * 1000)
    done = run("doctor")
    assert done.code == 1
    assert str(paths.database) in done.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_the_doctor_sees_a_home_that_is_read_only(run: Program, home: Path) -> None:
    home.chmod(0o500)
    try:
        done = run("doctor")
    finally:
        home.chmod(0o700)
    assert (done.code, str(home) in done.out) == (1, True)


@pytest.mark.parametrize("path", VERBS)
def test_every_command_has_help_in_both_languages(run: Program, path: tuple[str, ...]) -> None:
    english = run("--language", "en", *path, "--help")
    assert (english.code, english.err) == (0, "")
    assert english.out.startswith(f"Usage: llamune {' '.join(path)}".rstrip())
    japanese = run("--language", "ja", *path, "--help")
    assert japanese.out.startswith("使い方: ")


def test_the_version(run: Program) -> None:
    from llamune import __version__

    assert (run("--version").out, run("ask", "--version").out) == (f"Llamune {__version__}\n",) * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sesions", "list"), "sessions"),
        (("sessions", "lst"), "list"),
        (("sessions", "show"), "NUMBER"),
        (("sessions",), "COMMAND"),
        (("sessions", "show", "1", "2"), "2"),
        (("sessions", "list", "--limit"), "--limit"),
        (("sessions", "list", "--limit", "many"), "many"),
        (("ask", "--json=yes", "x"), "--json"),
        (("--language", "fr"), "en"),
        (("completion", "bsh"), "bash"),
        (("--resum",), "--resume"),
        (("models", "import", "x", "--to", "olama"), "ollama"),
    ],
)
def test_usage_errors_are_two_lines_with_what_was_meant(run: Program, words: tuple[str, ...], said: str) -> None:
    for language in ("en", "ja"):
        done = run(*words[:1], *words[1:]) if language == "en" else run("--language", "ja", *words)
        assert (done.code, done.out) == (2, ""), done
        assert said in done.err or language == "ja"
        assert len(done.err.splitlines()) == 2
    assert not done.err.isascii()


def completions(script: str, *words: str) -> list[str]:
    """What bash offers for the last of `words`."""
    typed = " ".join(f"'{w}'" for w in words)
    asked = f'{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _llamune; echo "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes(run: Program) -> None:
    script = run("completion", "bash").out
    assert completions(script, "llamune", "se") == ["sessions", "settings"]
    assert completions(script, "llamune", "sessions", "re") == ["restore"]
    assert completions(script, "llamune", "--language", "ja", "ask", "--j") == ["--json"]
    assert completions(script, "llamune", "ask", "-m", "list", "--no") == ["--no-save"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_every_command(run: Program, shell: str) -> None:
    script = run("completion", shell).out
    assert all(word in script for path in VERBS for word in path)
    if found := shutil.which(shell):
        checked = subprocess.run([found, "-n"], input=script, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_what_is_unexpected_is_one_line_and_the_log_has_the_rest(
    run: Program, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llamune.cli import doctor

    def broken(_args: object) -> int:
        raise RuntimeError("deep inside")

    monkeypatch.setattr(doctor, "run", broken)
    done = run("doctor")
    assert (done.code, "Traceback" in done.err, "deep inside" in done.err) == (1, False, False)
    assert str(paths.log) in done.err
    assert "deep inside" in paths.log.read_text()


def test_a_long_import_says_how_far_it_is(asked: Program, tmp_path: Path) -> None:
    whole = [json.loads(line) for line in asked("sessions", "export").out.splitlines()]
    file = tmp_path / "many.jsonl"
    file.write_text("".join(json.dumps(whole[n % 3] | {"uid": f"{n:032x}"}) + "\n" for n in range(1500)))
    with Term([sys.executable, "-m", "llamune", "sessions", "import", str(file)], 80, 24) as term:
        assert term.wait_for("turns", "/1500", seconds=60)
        assert term.wait_for("1500 sessions added", seconds=60)


NOT_WRITABLE = {
    "read-only": 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"',
    "full": 'cp "$1/llamune.db" "$2" && mount -t tmpfs -o size=400k tmpfs "$1" && cp "$2" "$1/llamune.db"'
    ' && { head -c 400k /dev/zero > "$1/fill" || true; }',
}


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("why", NOT_WRITABLE)
def test_sessions_can_be_read_where_nothing_can_be_written(tmp_path: Path, home: Path, why: str) -> None:
    lines = ("list", "show 1", "export 1", "delete 1")
    script = NOT_WRITABLE[why] + "".join(f'\n"$3" -m llamune sessions {line} 2>&1; echo "= $?"' for line in lines)
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(home), str(tmp_path / "copy"), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(done.stderr)
    listed, shown, exported, deleted, code = done.stdout.split("= ")
    assert ("What is stored can be read." in listed, "Kyoto temple" in listed) == (True, True)
    assert "1 ❯ Tokyo tower" in shown
    assert '"question": "Tokyo tower"' in exported
    assert ("Error: " in deleted, code) == (True, "4\n")
