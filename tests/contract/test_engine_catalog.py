"""One list over all engines, names as people type them, and the server that is started when none answers."""

import os
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from llamune.address import Address
from llamune.engine.catalog import Catalog, build
from llamune.engine.ollama_serve import OllamaServer
from llamune.errors import EngineError, EngineUnreachable, ModelNotFound
from llamune.paths import Paths
from tests.contract.engine_contract import GUIDE, asking, collect
from tests.contract.ollama_standin import Model, StandIn

posix = pytest.mark.skipif(os.name != "posix", reason="a fake ollama as a shell script")


@dataclass
class Wishes:
    ollama_host: str
    start_ollama: bool = False
    embedded_idle: int = 300


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with StandIn().serving() as server:
        yield server


@pytest.fixture
async def catalog(server: StandIn, paths: Paths) -> AsyncIterator[Catalog]:
    catalog = build(Wishes(server.address.url), paths, scripted=True)
    yield catalog
    await catalog.aclose()


@pytest.fixture
async def alone(paths: Paths) -> AsyncIterator[Catalog]:
    """Without any server."""
    async with StandIn().serving() as gone:
        url = gone.address.url
    catalog = build(Wishes(url), paths)
    yield catalog
    await catalog.aclose()


async def test_one_list_over_all_engines(catalog: Catalog) -> None:
    engines = {m.name: m.engine for m in await catalog.models()}
    assert engines["guide:1m"] == "embedded"
    assert engines["m:latest"] == "ollama"
    assert engines["scripted:echo"] == "scripted"
    assert catalog.problems == {}


async def test_the_scripted_engine_is_there_only_when_asked_for(alone: Catalog) -> None:
    assert {m.engine for m in await alone.models()} == {"embedded"}


async def test_a_server_that_does_not_answer_is_a_problem_and_no_error(alone: Catalog) -> None:
    assert [m.name for m in await alone.models()][:2] == ["guide:1m", "guide:5m"]
    assert isinstance(alone.problems["ollama"], EngineUnreachable)
    assert (await alone.find("guide:5m"))[1].name == "guide:5m"
    with pytest.raises(EngineUnreachable) as caught:
        await alone.find("qwen3:8b")
    assert "qwen3:8b" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("guide:1m", "guide:1m"), ("m", "m:latest"), ("m:latest", "m:latest"), ("thinker", "thinker:1b"),
        ("THINKER:1B", "thinker:1b"), ("scripted:ec", "scripted:echo"), ("guide:5", "guide:5m"),
    ],
)  # fmt: skip
async def test_names_as_typed(catalog: Catalog, typed: str, found: str) -> None:
    for _twice in range(2):
        engine, info = await catalog.find(typed)
        assert (info.name, info.engine) == (found, engine.name)


@pytest.mark.parametrize(
    ("typed", "near"), [("guide", "guide:1m"), ("giude:1m", "guide:1m"), ("thnker:1b", "thinker:1b")]
)
async def test_what_is_not_found_names_what_is_near(catalog: Catalog, typed: str, near: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        await catalog.find(typed)
    assert near in caught.value.hint


@pytest.mark.parametrize("typed", ["", " ", "far:cloud", "no", "\x00", "x" * 10_000])
async def test_what_is_not_there(catalog: Catalog, typed: str) -> None:
    with pytest.raises(ModelNotFound):
        await catalog.find(typed)


async def test_a_registered_name_asks_no_server(catalog: Catalog, server: StandIn) -> None:
    assert (await catalog.find("guide:1m"))[0].name == "embedded"
    assert catalog.engine_for("guide:1m").name == "embedded"
    assert catalog.engine_for("scripted:cut").name == "scripted"
    assert catalog.engine_for("anything:else").name == "ollama"
    assert server.requests == []


async def test_a_servers_name_costs_two_small_reads_once(catalog: Catalog, server: StandIn) -> None:
    for _n in range(3):
        await catalog.find("thinker:1b")
    assert [a.path for a in server.requests] == ["/api/tags", "/api/show"]


async def test_new_models_are_found_and_old_ones_forgotten(catalog: Catalog, server: StandIn) -> None:
    assert "new:1b" not in {m.name for m in await catalog.models()}
    server.models["new:1b"] = Model("7" * 64)
    assert (await catalog.find("new:1b"))[1].digest == "7" * 64
    assert "new:1b" in {m.name for m in await catalog.models(refresh=True)}
    server.models["new:1b"] = Model("8" * 64)
    catalog.forget()
    assert (await catalog.find("new:1b"))[1].digest == "8" * 64


async def test_the_first_engine_has_the_name(catalog: Catalog, server: StandIn) -> None:
    server.models["guide:1m"] = Model("7" * 64)
    assert [m.engine for m in await catalog.models() if m.name == "guide:1m"] == ["embedded"]
    assert (await catalog.find("guide:1m"))[0].name == "embedded"


async def test_a_model_whose_file_is_gone_says_so(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(GUIDE.read_bytes())
    await catalog.engine("embedded").install(file, "mine:1", lambda *_step: None)
    file.unlink()
    with pytest.raises(EngineError, match="is gone"):
        await catalog.find("mine:1")


async def test_preload_and_loaded(catalog: Catalog) -> None:
    await catalog.preload("guide:1m", 512)
    await catalog.preload("m", 512)
    await catalog.preload("nope", 512)
    assert {m.name for m in await catalog.loaded()} == {"guide:1m", "m:latest"}


async def test_two_homes_do_not_share(paths: Paths, tmp_path: Path, catalog: Catalog) -> None:
    await catalog.engine("embedded").install(GUIDE, "mine:1", lambda *_step: None)
    other = build(Wishes("127.0.0.1:1"), Paths(tmp_path / "other"))
    assert "mine:1" not in {m.name for m in await other.models()}
    await other.aclose()


async def test_aclose_ends_everything(catalog: Catalog) -> None:
    engine, info = await catalog.find("guide:1m")
    await collect(engine, asking_of(info.name))
    await catalog.aclose()
    assert await engine.loaded() == ()


def asking_of(model: str):  # type: ignore[no-untyped-def]
    from tests.contract.engine_contract import Case

    return asking(Case(engine=None, model=model))  # type: ignore[arg-type]


# the server that is started

FAKE = """#!{python}
import os, sys, http.server
print("cloud off:", os.environ.get("OLLAMA_NO_CLOUD"), "proxy:", os.environ.get("HTTPS_PROXY"), flush=True)
if "{dies}":
    print("Error: listen tcp: something is wrong", flush=True)
    sys.exit(1)
host, _, port = os.environ["OLLAMA_HOST"].rpartition(":")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{{"version": "0.34.4"}}')
    def log_message(self, *a): pass
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


def fake(folder: Path, dies: str = "") -> dict[str, str]:
    """An `ollama` program, and the variables to find it."""
    folder.mkdir()
    program = folder / "ollama"
    program.write_text(FAKE.format(python=sys.executable, dies=dies))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder), "HTTPS_PROXY": "http://192.0.2.1:1", "HOME": str(folder)}


async def nowhere() -> Address:
    async with StandIn().serving() as gone:
        return gone.address


@posix
async def test_an_installed_server_is_started_and_ended(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "ollama.log"
    server = OllamaServer(await nowhere(), log, fake(tmp_path / "bin"))
    assert await server.ensure_running()
    assert await server.started_here()
    assert log.read_text().splitlines()[0] == "cloud off: 1 proxy: None"
    assert log.stat().st_mode & 0o77 == 0
    assert await server.ensure_running()
    await server.aclose()
    assert not await server.started_here()
    assert not await OllamaServer(server._address, log, {"PATH": ""}).ensure_running()


@posix
async def test_a_server_that_dies_shows_its_last_words(tmp_path: Path) -> None:
    server = OllamaServer(await nowhere(), tmp_path / "log", fake(tmp_path / "bin", dies="yes"))
    with pytest.raises(EngineError, match="something is wrong") as caught:
        await server.ensure_running()
    assert str(tmp_path / "log") in caught.value.hint


async def test_nothing_is_started_where_it_should_not(tmp_path: Path, server: StandIn) -> None:
    found = fake(tmp_path / "bin")
    assert not Address("192.0.2.1", 1).loopback
    running = OllamaServer(server.address, tmp_path / "log", found)
    assert await running.ensure_running()
    assert not await running.started_here()
    assert not await OllamaServer(await nowhere(), tmp_path / "log", {"PATH": str(tmp_path)}).ensure_running()
    assert not (tmp_path / "log").exists()


@posix
async def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    found = fake(tmp_path / "bin")
    (tmp_path / "bin" / "ollama").write_text("#!/no/such/interpreter\n")
    with pytest.raises(EngineError, match="could not be started"):
        await OllamaServer(await nowhere(), tmp_path / "log", found).ensure_running()
