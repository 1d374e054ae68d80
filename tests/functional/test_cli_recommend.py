"""Recommended sets: four quarters by file, signatures, what is refused, and that nobody's own choice is touched."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from program import Program
from remembering import RememberingShell

from llamune import settings
from llamune.app import App
from llamune.commands import recommending
from llamune.errors import SettingsError, UsageError
from llamune.paths import Paths, shipped
from llamune.state import State
from tests.functional.chatting import Chat, environment, prepare

SHIPPED = shipped("presets") / "recommended" / "2026-Q4.toml"


@pytest.fixture
def signed(run: Program, tmp_path: Path) -> Path:
    """2027-Q1, signed with a key that is trusted."""
    public = run("recommend", "key", str(tmp_path / "secret")).out.strip()
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
    file = quarter(tmp_path, "2027-Q1")
    file.chmod(0o644)
    assert run("recommend", "sign", str(file), "--key", str(tmp_path / "secret")).code == 0
    assert file.stat().st_mode & 0o777 == 0o644
    assert run("recommend", "verify", str(file)).code == 1  # signed, but by whom?
    assert run("recommend", "trust", public).code == 0
    assert run("recommend", "verify", str(file)).code == 0
    return file


def quarter(folder: Path, version: str, *changes: tuple[str, str]) -> Path:
    """A set like the shipped one, of another quarter, with guide:1m as its first model."""
    text = SHIPPED.read_text(encoding="utf-8").replace("2026-Q4", version).replace("qwen3:4b", "guide:1m")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / f"{version}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def state(paths: Paths) -> State:
    return State.load(paths.state)


def test_the_shipped_set_is_right_and_shown(run: Program) -> None:
    assert run("recommend", "check", str(SHIPPED)).code == 0
    shown = run("recommend", "show")
    assert "qwen3.5:9b" in shown.out
    assert "not measured by us" in shown.out
    assert "Apache-2.0" in shown.out
    assert "16 GB" in shown.out
    found = run("--language", "ja", "recommend", "show")
    assert "翻訳" in found.out
    told = run("recommend", "show", "--json").json
    assert (told["version"], told["parameters"]["short"]) == ("2026-Q4", {"temperature": 0.3})
    assert (told["models"][0]["installed"], told["models"][0]["fit"]["needs"]) == (None, 8 * 10**9)
    assert run("recommend", "show", "2031-Q1").code == 2


def test_a_signed_set_comes_in_and_earlier_ones_stay(run: Program, signed: Path, paths: Paths) -> None:
    done = run("recommend", "import", str(signed))
    assert (done.code, "trusted" in done.err) == (0, True)
    listed = run("recommend", "list").out
    assert "2026-Q4" in listed
    assert "2027-Q1" in listed
    different = run("recommend", "diff", "2026-Q4", "2027-Q1", "--json").json
    assert (different["new"], different["gone"]) == (["guide:1m"], ["qwen3:4b"])
    assert (different["order"], different["limit"], different["parameters"]) == ([], 0, [])
    assert "new: guide:1m" in run("recommend", "details").out
    assert run("recommend", "export").out.encode() == signed.read_bytes()
    shown = run("recommend", "show").out
    assert "✓  guide:1m" in shown
    assert "–  qwen3.5:9b" in shown
    assert "fits 4.0 GB" not in shown, "what it takes is known where it is installed"
    assert state(paths).recommended == ""  # importing applies nothing
    assert run("recommend", "apply").code == 0
    assert (state(paths).recommended, state(paths).lineup, state(paths).limit) == ("2027-Q1", ["guide:1m/fast"], 2)
    assert run("recommend", "apply", "2026-Q4").code == 0  # going back
    assert (state(paths).recommended, state(paths).lineup) == ("2026-Q4", [])
    assert run("recommend", "apply", "none").code == 0
    assert (state(paths).recommended, state(paths).lineup, state(paths).limit) == ("", [], 0)


def test_what_is_not_trusted_is_shown_and_refused(run: Program, signed: Path, paths: Paths, tmp_path: Path) -> None:
    changed = tmp_path / "changed.toml"
    changed.write_bytes(signed.read_bytes().replace(b"concurrent_limit = 2", b"concurrent_limit = 3"))
    done = run("recommend", "import", str(changed), "--trust-once")
    assert (done.code, "was changed after" in done.err) == (2, True)
    for name, data in (
        ("crlf", signed.read_bytes().replace(b"\n", b"\r\n")),
        ("cut", signed.read_bytes()[:-9]),
        ("continued", signed.read_bytes() + b"# more\n"),
    ):
        (tmp_path / name).write_bytes(data)
        assert "signature: wrong" in run("recommend", "verify", str(tmp_path / name)).out
    plain = quarter(tmp_path, "2027-Q2")
    done = run("recommend", "import", str(plain))
    assert (done.code, "not signed" in done.err, "--trust-once" in done.err) == (2, True, True)
    (paths.recommended / "trusted.txt").unlink()
    assert "not trusted" in run("recommend", "import", str(signed)).err
    assert [p.name for p in paths.recommended.glob("*.toml")] == []
    assert run("recommend", "import", str(plain), "--trust-once").code == 0
    older = run("recommend", "import", str(signed), "--trust-once")
    assert (older.code, "not newer" in older.err) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("concurrent_limit = 2", "concurrent_limit = 9", "concurrent_limit"),
        ("concurrent_limit = 2", "concurrent_limit = -1", "concurrent_limit"),
        ("concurrent_limit = 2", 'concurrent_limit = "hot"', "concurrent_limit"),
        ("concurrent_limit = 2", "concurrent_limit = true", "concurrent_limit"),
        ("concurrent_limit", "concurent_limit", "concurrent_limit"),
        ("format = 1", "format = 2", "newer"),
        ("temperature = 0.2", "temperature = nan", "parameters.code"),
        ("temperature = 0.2", "temperature = 1e400", "parameters.code"),
        ("temperature = 0.2", "temprature = 0.2", "parameters.code"),
        ("temperature = 0.2", 'temperature = "hot"', "parameters.code"),
        ("temperature = 0.2", 'temperature = "０．２"', "parameters.code"),
        ("temperature = 0.2", "temperature = -0.2", "parameters.code"),
        ("temperature = 0.2", "max_tokens = 60, num_predict = 60", "same option"),
        ("code = {", '"a/b" = {', "a/b"),
        ('preset = "fast"', 'preset = "fasst"', "models[1].preset"),
        ("size = 2.5", "size = nan", "models[1].size"),
        ("size = 2.5", "size = ２", "TOML"),
        ("priority = 3", "", "models[1].priority"),
        ('execution_order = ["', 'execution_order = ["nowhere:1b", "', "nowhere:1b"),
        ('execution_order = ["', 'execution_order = ["gemma4:e2b-it-qat", "', "twice"),
        ('execution_order = ["', 'execution_order = [["x"], "', "execution_order"),
        ("[changelog]", "[changelog", "TOML"),
        ('ja = "最初のセットです。"', "", "changelog.ja"),
        ('quarter = "', 'quarter = "x', "quarter"),
        ('version = "', 'version = "../', "version"),
        ("updated = 2026-11-21", "updated = []", "updated"),
        ("tags = []", 'tags = ["qwen3.5:9b"]', "qwen3.5:9b stands twice"),
        ("tags = []", "tags = [1]", "models[2].tags"),
        ('name = "qwen3.5:9b"', 'name = "qwen3.5 9b"', "models[3].name"),
    ],
)
def test_mistakes_are_named_and_nothing_comes_in(
    run: Program, paths: Paths, tmp_path: Path, old: str, new: str, place: str
) -> None:
    file = quarter(tmp_path, "2027-Q1", (old, new))
    checked = run("recommend", "check", str(file))
    assert checked.code == 1
    assert place in checked.out
    taken = run("recommend", "import", str(file), "--trust-once")
    assert taken.code == 2
    assert place in taken.err
    assert not list(paths.home.rglob("20*.toml"))


def test_a_difference_names_order_limit_and_parameters(run: Program, tmp_path: Path) -> None:
    order = ('"gemma4:e2b-it-qat", "qwen3.5:9b"', '"qwen3.5:9b", "gemma4:e2b-it-qat"')
    preset = ('preset = "balanced"\nsize = 4.3', 'preset = "rec-chat"\nsize = 4.3')
    code = ("code = { temperature = 0.2, top_p = 0.9 }", "code = { temperature = 0.1, top_p = 0.9, max_tokens = 500 }")
    file = quarter(tmp_path, "2027-Q1", order, preset, code, ("concurrent_limit = 2", "concurrent_limit = 3"))
    assert run("recommend", "import", str(file), "--trust-once").code == 0
    told = run("recommend", "details").out
    assert "order: qwen3.5:9b → gemma4:e2b-it-qat\n" in told
    assert "answers at once: 3" in told
    assert "gemma4:e2b-it-qat: balanced → rec-chat\n" in told
    assert "rec-code: temperature 0.2 → 0.1" in told
    assert "rec-code: num_predict – → 500" in told
    assert "rec-chat:" not in told
    assert "are the same" in run("recommend", "diff", "2027-Q1", "2027-Q1").out


def test_a_difference_of_priority_alone_is_told(run: Program, tmp_path: Path) -> None:
    swapped = [(f"priority = {old}\n", f"priority = {new}\n") for old, new in ((1, 77), (2, 1), (77, 2))]
    file = quarter(tmp_path, "2027-Q1", ("guide:1m", "qwen3:4b"), *swapped)
    assert run("recommend", "import", str(file), "--trust-once").code == 0
    first, second = [m["name"] for m in run("recommend", "show", "2027-Q1", "--json").json["models"][:2]]
    assert run("recommend", "diff", "2026-Q4", "2027-Q1").out == f"priority: {first} → {second}\n"


def test_the_parameters_of_a_purpose_become_a_preset(run: Program, paths: Paths) -> None:
    done = run("recommend", "apply")
    assert "rec-chat, rec-code, rec-short" in done.out
    assert App(settings.load(paths), paths).presets["rec-code"].options.given() == {"temperature": 0.2, "top_p": 0.9}
    assert run("presets", "new", "rec-code").code == 2
    assert run("presets", "edit", "rec-code", "--temperature", "1.5").code == 0  # one's own wins
    assert run("presets", "show", "rec-code", "--json").json["options"] == {"temperature": 1.5, "top_p": 0.9}
    assert run("presets", "delete", "rec-short", "--yes").code == 2
    assert "rec-short" in run("presets", "list").out
    assert run("presets", "show", "rec-short", "--json").json["options"] == {"temperature": 0.3}
    run("settings", "set", "use_recommended", "false")
    assert "rec-short" not in App(settings.load(paths), paths).presets
    run("settings", "set", "use_recommended", "true")
    run("recommend", "apply", "none")
    left = App(settings.load(paths), paths).presets
    assert ("rec-short" in left, left["rec-code"].options.temperature) == (False, 1.5)


@pytest.mark.parametrize(
    "put",
    [1, [1], {"code": 1}, {"code": {"temperature": "hot"}}, {"code": {"temperature": 1e999}}, {"a/b": {"top_k": 1}}],
)
def test_a_damaged_state_brings_no_preset(paths: Paths, put: object) -> None:
    paths.state.write_text(json.dumps({"recommended": "2026-Q4", "from_set": {"parameters": put}}))
    assert not [n for n in App(settings.load(paths), paths).presets if n.startswith("rec-")]


async def test_going_back_in_the_chat(shell: RememberingShell) -> None:
    assert "rec-code" in await shell.run("/recommend apply")
    await shell.run("/preset rec-code")
    assert "rec-code" in await shell.run("/preset")
    await shell.say("one")
    assert "Preset balanced from now on" in await shell.run("/recommend back")
    assert (shell.app.state.recommended, shell.app.state.limit, shell.app.state.lineup) == ("", 0, [])
    await shell.say("two")


async def test_what_cannot_be_kept_is_not_applied(shell: RememberingShell, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shell.app.paths.state.read_bytes()
    shell.app.state.path = Path("/proc/nowhere/state.json")
    for way in ("apply", "keep"):
        with pytest.raises(SettingsError, match="cannot be written"):
            await shell.run(f"/recommend {way}")
    assert (shell.app.state.recommended, shell.app.state.answered, shell.app.state.limit) == ("", "", 0)
    assert "rec-code" not in shell.app.presets
    assert shell.app.paths.state.read_bytes() == before


def test_what_cannot_be_written_is_named(run: Program, tmp_path: Path) -> None:
    key = str(tmp_path / "secret")
    assert run("recommend", "key", key).code == 0
    assert run("recommend", "key", key).code == 2, "a secret key is never replaced"
    for words in (("key", "/proc/nowhere"), ("export", "-o", "/dev/full"), ("export", "-o", "/proc/nowhere")):
        done = run("recommend", *words)
        assert (done.code, words[-1] in done.err) == (2, True)


def test_a_set_that_finds_no_room_is_not_there(run: Program, signed: Path, paths: Paths) -> None:
    before = sorted(paths.recommended.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        done = run("recommend", "import", str(signed))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.code, "2027-Q1.toml cannot be written" in done.err) == (2, True)
    assert sorted(paths.recommended.iterdir()) == before


def test_a_damaged_set_is_named_and_the_others_are_there(run: Program, signed: Path, paths: Paths) -> None:
    run("recommend", "import", str(signed))
    run("recommend", "apply")
    (paths.recommended / "2027-Q1.toml").write_text("models = 1")
    os.mkfifo(paths.recommended / "pipe.toml")
    (paths.recommended / "escape.toml").write_text('"\\u001b[31mred" = 1')
    (paths.recommended / "folder.toml").mkdir()
    (paths.recommended / "huge.toml").write_bytes(b"#" * 1_000_001)
    (paths.recommended / "gone.toml").symlink_to("nowhere")
    listed = run("recommend", "list")
    assert ("2026-Q4" in listed.out, "\x1b" in listed.err, "red" in listed.err) == (True, False, True)
    for name in ("2027-Q1.toml: models", "pipe.toml", "folder.toml", "huge.toml", "gone.toml"):
        assert name in listed.err
    findings = run("doctor", "--json").json["findings"]
    assert [f["found"] for f in findings if f["what"] == "recommended sets"] == ["2026-Q4"]
    assert sum((f["what"], f["state"]) == ("recommended set", "warn") for f in findings) == 6
    assert run("recommend", "details").code == 0
    assert (state(paths).recommended, state(paths).lineup) == ("2027-Q1", ["guide:1m/fast"])  # active stays active
    assert "rec-code" in App(settings.load(paths), paths).presets


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"a = [" * 5000, b"x" * 1_000_001, b"models = 1", b"models = [1]"])
def test_broken_and_oversized_files_are_refused(run: Program, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    assert run("recommend", "check", str(tmp_path / "f")).code == 1
    assert run("recommend", "import", str(tmp_path / "f"), "--trust-once").code == 2
    assert run("recommend", "import", str(tmp_path / "missing")).code == 2
    os.mkfifo(tmp_path / "pipe")
    for words in (("check", "pipe"), ("import", "pipe"), ("sign", "pipe", "--key", "f")):
        assert run("recommend", words[0], str(tmp_path / words[1]), *words[2:]).code in (1, 2)


def test_what_the_user_chose_stays(run: Program, signed: Path, paths: Paths) -> None:
    state(paths).remember(lineup=["mine:8b/fast"], limit=4, lineup_on=True)
    run("recommend", "import", str(signed))
    done = run("recommend", "apply")
    assert "Your own line-up stays" in done.out
    assert "Your own number" in done.out
    kept = state(paths)
    assert (kept.lineup, kept.limit, kept.lineup_on, kept.recommended) == (["mine:8b/fast"], 4, True, "2027-Q1")
    run("recommend", "apply", "none")
    assert (state(paths).lineup, state(paths).limit) == (["mine:8b/fast"], 4)
    run("settings", "set", "use_recommended", "false")
    assert run("recommend", "apply").code == 2


def test_one_notice_until_it_is_answered(run: Program, signed: Path, paths: Paths, tmp_path: Path) -> None:
    def notice() -> str:
        told = recommending.notice(App(settings.load(paths), paths))
        return told.text if told else ""

    assert notice() == ""  # a first start
    run("recommend", "import", str(signed))
    assert "2027-Q1" in notice()
    assert "new: guide:1m" in notice()
    assert "/recommend details" in notice()
    run("recommend", "keep")
    assert notice() == ""
    run("recommend", "import", str(quarter(tmp_path, "2027-Q2")), "--trust-once")
    assert "2027-Q2" in notice()
    run("recommend", "apply")
    assert notice() == ""
    run("recommend", "apply", "2026-Q4")
    assert notice() == ""
    run("settings", "set", "use_recommended", "false")
    run("recommend", "import", str(quarter(tmp_path, "2027-Q3")), "--trust-once")
    assert notice() == ""


def test_the_chat_tells_and_obeys(home: Path, migrated: Path, tmp_path: Path) -> None:
    prepare(home, migrated)
    Paths(home).recommended.mkdir()
    quarter(Paths(home).recommended, "2027-Q1")
    with Chat(home) as chat:
        chat.sees("New recommended models: 2027-Q1")
        chat.command("/recommend apply", "2027-Q1 is applied", "guide:1m/fast")
        chat.leave()
    assert json.loads((home / "state.json").read_text())["answered"] == "2027-Q1"
    with Chat(home) as chat:
        assert "New recommended" not in chat.text()
        chat.leave()


async def test_recommend_in_the_chat(shell: RememberingShell) -> None:
    assert "qwen3.5:9b" in await shell.run("/recommend")
    assert "2026-Q4" in await shell.run("/recommend details")
    await shell.run("/recommend keep")
    assert (shell.app.state.answered, shell.app.state.recommended) == ("2026-Q4", "")
    await shell.run("/recommend apply")
    assert shell.app.state.recommended == "2026-Q4"
    with pytest.raises(UsageError, match="does not know"):
        await shell.run("/recommend aply")


def test_a_reader_who_leaves_is_no_error(home: Path) -> None:
    command = [sys.executable, "-m", "llamune", "recommend", "show", "--json"]
    variables = {k: v for k, v in {**os.environ, **environment(home)}.items() if v is not None}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert b"cannot be used" not in process.stderr.read()
