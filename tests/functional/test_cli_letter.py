"""The letter of `llamune ask`: a request that leaves before the imports is read where it is right, and harms nobody."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from program import Ended, beside

from llamune import paths as places
from llamune.engine import letter
from llamune.paths import Paths
from tests.contract.ollama_standin import ANSWER, StandIn

WORDS = ("ask", "--no-save", "-m", "m", "--json")


@pytest.fixture
async def server(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    """A server that has been asked once."""
    async with StandIn().serving() as standin:
        monkeypatch.setenv("OLLAMA_HOST", standin.address.netloc)
        assert right(await beside(*WORDS, "first"))
        standin.requests.clear()
        yield standin


def right(done: Ended) -> bool:
    """The stand-in's answer came, whole."""
    assert (done.code, done.err) == (0, "")
    [answer] = done.json["answers"]
    return answer["text"] == "".join(ANSWER) and answer["status"] == "complete"


def chats(server: StandIn) -> list[str]:
    return [body["messages"][-1]["content"] for body in server.bodies("/api/chat")]


async def test_the_second_question_leaves_first_and_once(server: StandIn) -> None:
    assert right(await beside(*WORDS, 'second "質問" \\'))
    assert server.requests[0].path == "/api/chat"
    assert chats(server) == ['second "質問" \\']


async def test_the_letter_is_what_the_program_sends(server: StandIn, home: Path) -> None:
    await beside(*WORDS, "posted")
    (home / letter.FILE).unlink()
    await beside(*WORDS, "posted")
    first, second = (a for a in server.requests if a.path == "/api/chat")
    assert (first.headers, first.body) == (second.headers, second.body)


async def test_a_wrong_letter_is_thrown_away(server: StandIn, home: Path) -> None:
    shapes = json.loads((home / letter.FILE).read_text())
    for shape in shapes.values():
        shape["after"] = shape["after"].replace('"temperature": 0.7', '"temperature": 0.1')
    (home / letter.FILE).write_text(json.dumps(shapes))
    assert right(await beside(*WORDS, "second"))
    assert [b["options"]["temperature"] for b in server.bodies("/api/chat")] == [0.1, 0.7]


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"x": 1}', "\0", '{"x": {"head": null}}'])
async def test_a_damaged_file_is_no_letter(server: StandIn, home: Path, damage: str) -> None:
    (home / letter.FILE).write_text(damage)
    assert right(await beside(*WORDS, "second"))
    assert chats(server) == ["second"]


@pytest.mark.parametrize(
    "words",
    [(*WORDS[1:], "-p", "creative", "other flags"), (*WORDS[1:], "several", "words"), ("--json", "-m", "m")],
)
async def test_other_words_are_no_letter(server: StandIn, words: tuple[str, ...]) -> None:
    await beside("ask", *words)
    assert "/api/chat" not in [a.path for a in server.requests][:1]


async def test_changed_settings_are_no_letter(server: StandIn, paths: Paths) -> None:
    paths.settings.write_text('preset = "creative"\n')
    assert right(await beside(*WORDS, "second"))
    assert server.requests[0].path != "/api/chat"
    assert len(chats(server)) == 1


async def test_a_question_that_may_not_fit_waits_for_the_count(server: StandIn) -> None:
    done = await beside(*WORDS, "x" * 20_000)
    assert (done.code, done.json["session"]) == (3, None)
    assert chats(server) == []


async def test_a_system_prompt_is_not_remembered(server: StandIn, home: Path) -> None:
    await beside(*WORDS, "-s", "a secret", "hello")
    assert "a secret" not in (home / letter.FILE).read_text()


async def test_the_file_holds_no_question(server: StandIn, home: Path) -> None:
    await beside(*WORDS, "very private")
    assert "private" not in (home / letter.FILE).read_text()
    assert (home / letter.FILE).stat().st_mode & 0o077 == 0


async def test_a_server_that_is_gone(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    done = await beside(*WORDS, "second")
    assert (done.code, server.requests) == (3, [])


def test_the_home_folder_is_the_same_for_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert letter.home() == str(places.find().home)
    monkeypatch.setenv("LLAMUNE_HOME", "~/x")
    assert letter.home() == str(places.find().home)
    monkeypatch.delenv("LLAMUNE_HOME")
    if sys.platform == "linux":
        assert letter.home() == str(places.find().home)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert letter.home() == str(places.find().home) == str(tmp_path / "llamune")


def test_posting_imports_next_to_nothing() -> None:
    code = """
import sys
import llamune.cli
from llamune.engine.letter import home, post
post(home(), ["ask", "x"])
print(sorted({"argparse", "asyncio", "dataclasses", "h11", "llamune.app", "pathlib", "tomllib"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout == "[]\n", done.stderr
