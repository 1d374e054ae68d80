"""Presets through the command line and the chat, and what of them really reaches a model server."""

from collections.abc import AsyncIterator

import pytest
from program import Program, beside
from remembering import RememberingShell

from llamune import i18n, presets
from llamune.chat.preset import OPTION_NAMES
from llamune.errors import LlamuneError
from llamune.paths import Paths, shipped
from tests.contract.ollama_standin import StandIn

SHIPPED = presets.load([shipped("presets")]).presets
EVERY = {
    "temperature": 0.25, "top_p": 0.5, "top_k": 7, "min_p": 0.125, "repeat_penalty": 1.5, "num_predict": 64, "seed": 9,
}  # fmt: skip


@pytest.fixture
def run(paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(capsys, monkeypatch)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    async with StandIn().serving() as standin:
        monkeypatch.setenv("OLLAMA_HOST", standin.address.netloc)
        yield standin


async def test_exactly_the_options_of_a_preset_are_sent(server: StandIn, paths: Paths) -> None:
    assert set(EVERY) == set(OPTION_NAMES)
    words = [f"--{name}={value}" for name, value in EVERY.items()]
    assert (await beside("presets", "new", "every", *words)).code == 0
    for name, options in {"every": EVERY, **{p.name: p.options.given() for p in SHIPPED.values()}}.items():
        assert (await beside("ask", "-m", "m", "-p", name, "--no-save", "hello")).code == 0
        sent = dict(server.bodies("/api/chat")[-1]["options"])
        assert sent.pop("num_ctx") > 0
        assert sent == options, name
    assert SHIPPED["default"].options.given() == {}


def test_making_changing_and_removing_one(run: Program, paths: Paths) -> None:
    made = run(
        "presets", "new", "legal", "--from", "fast", "--temperature", "0.1", "--top-k=none", "--hint", "For contracts."
    )
    assert made.code == 0
    shown = run("presets", "show", "legal", "--json").json
    assert shown["options"] == {"temperature": 0.1, "top_p": 0.85, "repeat_penalty": 1.2}
    assert (shown["hint"], shown["purpose"]) == ({"en": "For contracts."}, "short")
    path = paths.presets / "legal.toml"
    path.write_text("# mine\n" + path.read_text())
    assert run("--language", "ja", "presets", "edit", "legal", "--max_tokens", "99", "--hint", "契約書に").code == 0
    assert path.read_text().startswith("# mine\n")
    shown = run("presets", "show", "legal", "--json").json
    assert shown["options"]["num_predict"] == 99
    assert shown["hint"] == {"en": "For contracts.", "ja": "契約書に"}
    assert "legal" in run("presets", "list").out
    assert run("presets", "delete", "legal").code == 2  # nobody to ask
    assert path.exists()
    assert run("presets", "delete", "legal", "--yes").code == 0
    assert not path.exists()


def test_a_shipped_one_is_covered_and_comes_back(run: Program, paths: Paths) -> None:
    before = (shipped("presets") / "fast.toml").read_bytes()
    assert run("presets", "delete", "fast", "--yes").code == 2
    assert run("presets", "edit", "fast", "--seed=3").code == 0
    shown = run("presets", "show", "fast", "--json").json
    assert shown["options"] == {"temperature": 0.3, "top_p": 0.85, "top_k": 30, "repeat_penalty": 1.2, "seed": 3}
    assert "holds again" in run("presets", "delete", "fast", "--yes").out
    assert run("presets", "show", "fast", "--json").json["path"] is None
    assert (shipped("presets") / "fast.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("new", "a", "--temprature=1"), "--temperature"),
        (("new", "a", "--temperature=1e400"), "from 0 to 2"),
        (("new", "a", "--top_k=hot"), "whole number"),
        (("new", "a", "--top_k=-1"), "from 1 to 100"),
        (("new", "a", "--temperature"), "needs a value"),
        (("new", "a", "--top-k", "５０．５"), "whole number"),
        (("new", "a/b"), "no spaces"),
        (("new", "../a"), "no spaces"),
        (("new", "fast"), "presets edit fast"),
        (("new", "a", "--from", "balansed"), "balanced"),
        (("edit", "nowhere", "--seed=1"), "no preset called nowhere"),
        (("edit", "fast"), "--temperature 0.5"),
        (("delete", "nowhere", "--yes"), "no preset called nowhere"),
        (("show", "craetive"), "creative"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    run: Program, paths: Paths, words: tuple[str, ...], said: str
) -> None:
    done = run("presets", *words)
    assert done.code == 2
    assert said in done.err
    assert not list(paths.home.rglob("*.toml"))


def test_a_damaged_one_is_named_and_the_others_are_listed(run: Program, paths: Paths) -> None:
    paths.presets.mkdir()
    (paths.presets / "mine.toml").write_text("options.temperature = 9")
    done = run("presets", "list")
    assert (done.code, "balanced" in done.out) == (0, True)
    assert "mine.toml" in done.err
    assert "from 0 to 2" in done.err
    assert run("presets", "edit", "mine", "--seed=1").code == 2  # still wrong: not taken
    assert (paths.presets / "mine.toml").read_text() == "options.temperature = 9"


async def test_preset_tells_what_it_is_for_and_when(shell: RememberingShell) -> None:
    out = await shell.run("/preset")
    assert "balanced: even answers for everyday questions · Start here." in out
    out = await shell.run("/preset creative")
    assert "Ask twice" in out
    i18n.install("ja")
    assert "二度たずねると" in await shell.run("/preset creative")


async def test_what_is_in_force_is_kept_as_a_preset(shell: RememberingShell) -> None:
    await shell.run("/params temperature 0.4")
    await shell.run("/params seed 5")
    out = await shell.run("/params save contracts short and　strict")
    assert "temperature 0.4" in out
    assert shell.conversation.session.preset == shell.app.state.preset == "contracts"
    assert shell.conversation.session.overrides.given() == {}
    read = presets.load([shell.app.paths.presets]).get("contracts")
    assert read.options.given() == {"temperature": 0.4, "top_p": 0.9, "top_k": 40, "repeat_penalty": 1.1, "seed": 5}
    assert read.description == {"en": "short and strict"}
    assert "preset contracts" in await shell.run("/params")
    assert "contracts" in await shell.run("/preset")
    for typed in ("contracts", "balanced", "a/b", ""):
        with pytest.raises(LlamuneError):
            await shell.run(f"/params save {typed}")
    assert [p.name for p in shell.app.paths.presets.iterdir()] == ["contracts.toml"]
