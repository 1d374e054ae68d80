"""Models through the command line: lists with figures, taking in, renaming, removing, and pulling where allowed."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from program import TIMEOUT_S, Program, beside
from terminal.term import Term

from llamune.engine.http import Http
from llamune.engine.ollama_pull import TRIES, pull
from llamune.errors import EngineError, EngineUnreachable
from llamune.paths import Paths
from llamune.state import State
from tests.contract import tiny_gguf
from tests.contract.ollama_standin import PULL_ERRORS, StandIn
from tests.functional.chatting import environment

GB = 10**9


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch, paths: Paths) -> AsyncIterator[StandIn]:
    paths.settings.write_text("start_ollama = false\nallow_pull = true\n")
    async with StandIn().serving() as standin:
        monkeypatch.setenv("OLLAMA_HOST", standin.address.netloc)
        yield standin


class Steps(list[tuple[str, int, int]]):
    """Progress that is remembered."""

    def __call__(self, what: str, done: int, total: int) -> None:
        self.append((what, done, total))


def test_a_list_for_programs_has_the_fit(run: Program) -> None:
    found = {m["name"]: m for m in run("models", "list", "--json").json}
    fit = found["guide:1m"]["fit"]
    assert (fit["fits"], fit["exact"]) == ("fits", True)
    assert fit["needs"] == fit["weights"] + fit["cache"] + fit["work"] + fit["overhead"]
    assert "memory: " in run("models", "list").out


def test_taking_in_renaming_removing(run: Program, tmp_path: Path) -> None:
    file = tiny_gguf.babbler(tmp_path / "規程モデル.gguf")
    refused = run("models", "import", str(file))
    assert (refused.code, "--name NAME" in refused.err) == (3, True)
    assert run("models", "import", str(file), "--name", "kitei:1").code == 0  # no Ollama runs: the built-in engine
    again = run("models", "import", str(file), "--name", "kitei:1")
    assert (again.code, "models rm kitei:1" in again.err) == (2, True)
    assert run("models", "alias", "kitei:latest", "kitei:1").code == 0
    one, two = (run("models", "show", name, "--json").json for name in ("kitei:1", "kitei:latest"))
    assert (one["digest"], one["path"]) == (two["digest"], two["path"])
    for taken in ("kitei:1", "guide:1m"):
        again = run("models", "alias", taken, "kitei:latest")
        assert (again.code, "already" in again.err) == (2, True)
    assert run("models", "alias", "a/b", "kitei:1").code == 3
    assert run("models", "alias", "x", "nowhere:1").code == 3
    asked = run("models", "rm", "kitei:1")
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert run("models", "rm", "kitei:1", "--yes").code == 0
    assert run("models", "show", "kitei:latest").code == 0
    assert file.exists()


def test_removing_asks_and_says_what_is_lost(run: Program, tmp_path: Path, paths: Paths) -> None:
    file = tiny_gguf.babbler(tmp_path / "b.gguf")
    run("models", "import", str(file), "--name", "mine:1")
    State.load(paths.state).remember(lineup=["mine:1/fast", "mine:1/code", "guide:1m/fast"])
    for reply, stays in (("n\r", True), ("はい\r", False)):
        words = [sys.executable, "-m", "llamune", "models", "rm", "mine:1"]
        with Term(words, 200, 24, environment(paths.home)) as terminal:
            assert terminal.wait_for(
                "Its file stays where it is. Your conversations stay. It is 2 times in your line-up."
            )
            terminal.send(reply)
            assert terminal.wait_end() == 0
        assert ("mine:1" in run("models", "list").out) is stays
    assert file.exists()


async def test_a_file_goes_to_ollama_where_it_runs(server: StandIn, tmp_path: Path) -> None:
    file = tiny_gguf.babbler(tmp_path / "b.gguf")
    assert "(ollama)" in (await beside("models", "import", str(file))).out
    assert "b:latest" in server.models
    assert (await beside("models", "import", str(file))).code == 2  # it would take the place of the other one
    assert "(embedded)" in (await beside("models", "import", str(file), "--to", "embedded", "--name", "b2")).out
    assert (await beside("models", "alias", "qwen3:8b", "m")).code == 0
    assert server.models["qwen3:8b"] == server.models["m:latest"]
    taken = await beside("models", "alias", "m", "qwen3:8b")
    assert (taken.code, "already" in taken.err) == (2, True)


async def test_nothing_is_pulled_unless_the_user_said_so(server: StandIn, paths: Paths) -> None:
    paths.settings.write_text("start_ollama = false\n")
    refused = await beside("models", "pull", "qwen3:8b")
    assert (refused.code, "allow_pull" in refused.err, "import" in refused.err) == (7, True, True)
    assert server.requests == []
    assert "allow_pull" not in (await beside("doctor")).out
    paths.settings.write_text("start_ollama = false\nallow_pull = true\n")
    assert "allow_pull: llamune models pull may let" in (await beside("doctor")).out
    cloud = await beside("models", "pull", "gpt-oss:120b-cloud")
    assert (cloud.code, "another machine" in cloud.err, server.bodies("/api/pull")) == (2, True, [])
    done = await beside("models", "pull", "qwen3:8b")
    assert (done.code, "qwen3:8b" in done.out, "calls the internet" in done.err) == (0, True, True)
    assert server.bodies("/api/pull") == [{"model": "qwen3:8b", "stream": True}]
    assert "qwen3:8b" in server.models


async def test_a_chat_beside_a_server_without_models_says_how_to_get_one(server: StandIn, paths: Paths) -> None:
    server.models.clear()
    assert "real models: llamune models pull NAME" in (await beside("chat")).out
    paths.settings.write_text("start_ollama = false\n")
    banner = (await beside("chat")).out
    assert "Ollama 0.34.4 · 0 models" in banner
    assert "real models: llamune models import FILE.gguf  " in banner


async def test_progress_counts_bytes_and_a_break_is_gone_over() -> None:
    async with StandIn(fault="pull_reset").serving() as server:
        steps = Steps()
        await pull(Http(server.address), "here", "m2", steps, 0)
    assert len(server.bodies("/api/pull")) == 6
    bytes_done = [done for what, done, total in steps if total and what == "downloading"]
    assert (max(bytes_done), steps[-1]) == (5 * GB, ("writing manifest", 0, 0))
    assert sum(what == "the connection broke, going on" for what, _done, _total in steps) == 5


@pytest.mark.parametrize("fault", ["pull_never", "pull_no_end"])
async def test_what_never_goes_on_ends(fault: str) -> None:
    async with StandIn(fault=fault).serving() as server:
        with pytest.raises(EngineUnreachable):
            await pull(Http(server.address), "here", "m2", Steps(), 0)
    assert len(server.bodies("/api/pull")) == TRIES + 1


@pytest.mark.parametrize("fault", [*PULL_ERRORS, "bad_name", "html"])
async def test_what_the_server_cannot_do_is_said(fault: str) -> None:
    async with StandIn(fault=fault).serving() as server:
        with pytest.raises(EngineError) as error:
            await pull(Http(server.address), "here", "m2", Steps(), 0)
    assert len(server.requests) == 1
    told = {
        "pull_offline": "no such host",
        "pull_full": "no space left",
        "pull_unknown": "no m2",
        "html": "not an Ollama",
    }
    assert told.get(fault, "") in error.value.message
    assert fault not in PULL_ERRORS or "models import" in error.value.hint


async def test_a_server_that_cannot_delete_is_not_told_as_a_model_that_cannot_embed(server: StandIn) -> None:
    server.fault = "no_delete"
    done = await beside("models", "rm", "m:latest", "--yes")
    assert (done.code != 0, "cannot delete models" in done.err, "embeddings" in done.err) == (True, True, False)


async def test_ctrl_c_leaves_at_once(server: StandIn) -> None:
    server.fault = "pull_endless"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llamune", "models", "pull", "big:70b"),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(TIMEOUT_S):
        await server.began.wait()
        process.send_signal(signal.SIGINT)
        _out, err = await process.communicate()
        await server.left.wait()
    assert (process.returncode, b"Traceback" in err) == (130, False)
    assert "big:70b" not in server.models
