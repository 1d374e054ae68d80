"""What an own model asks of an Ollama server, on the stand-in: a base's parts are taken over, errors are errors."""

from pathlib import Path

import pytest
from engine_contract import GUIDE
from ollama_standin import StandIn
from tiny_gguf import babbler, embedder, write

from llamune.engine.catalog import build
from llamune.engine.ollama import OllamaEngine
from llamune.engine.ollama_own import likely, parameters
from llamune.errors import EngineError, LlamuneError
from llamune.paths import Paths
from llamune.settings import Settings
from llamune.training.bases import choose


def nothing(*_step: object) -> None:
    """Progress that nobody looks at."""


async def test_an_error_line_is_a_failure_even_when_success_follows() -> None:
    async with StandIn().serving() as server:
        engine = OllamaEngine(server.address)
        server.fault = "create_fails"
        with pytest.raises(EngineError):
            await engine.own.create("kitei:1", GUIDE, "", nothing)
        await engine.aclose()


async def test_no_from_is_ever_sent() -> None:
    async with StandIn().serving() as server:
        engine = OllamaEngine(server.address)
        await engine.own.create("kitei:1", GUIDE, "", nothing)
        [body] = server.bodies("/api/create")
        assert "from" not in body
        assert body["files"]
        await engine.aclose()


def test_parameters_as_show_tells_them() -> None:
    told = 'stop "<|im_end|>"\nstop "<|x|>"\ntemperature 0.7\nnum_ctx 4096\n'
    assert parameters(told) == {"stop": ["<|im_end|>", "<|x|>"], "temperature": 0.7, "num_ctx": 4096}


def test_a_text_told_twice_says_nothing() -> None:
    """Seen on Ollama 0.34.4: a token with a space before it and one without are both told as `の`."""
    told = [
        {"token": "なった", "logprob": -0.1, "bytes": list("なった".encode())},
        {"token": "の", "logprob": -8.8, "bytes": list("の".encode())},
        {"token": "の", "logprob": -10.8, "bytes": list("の".encode())},
    ]
    assert likely(told) == {"なった".encode(): -0.1}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: embedder(path), "export is not verified"),
        (lambda path: path.write_bytes(b"GGUF"), "cannot be read"),
        (lambda path: path.write_text("no model"), "cannot be read"),
        (lambda path: write(path, {"general.architecture": "gemma9"}, {}), "export is not verified"),
        (lambda path: babbler(path, template=""), "no chat template"),
        (lambda path: None, "cannot be read"),
    ],
    ids=["embedding model", "cut", "text", "architecture", "template", "missing"],
)
async def test_a_base_that_cannot_be_trained_is_refused_with_what_would_work(
    make: object, said: str, tmp_path: Path
) -> None:
    assert callable(make)
    make(tmp_path / "base.gguf")
    catalog = build(Settings(ollama_host="http://127.0.0.1:9"), Paths(tmp_path / "home"))
    with pytest.raises(LlamuneError, match=said):
        await choose(catalog, str(tmp_path / "base.gguf"))
    await catalog.aclose()
