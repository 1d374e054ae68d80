"""/web, and an engine, in an intranet of several hosts, one of which redirects outside and one whose name later leads
there; with everything in the way that programs follow without being asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Talk = Callable[..., tuple[Any, list[str]]]
QUESTION = "有給休暇の繰越"
OUTSIDE = "203.0.113.66"
SITES = (
    'model = "scripted:echo"\nintranet = "http://wiki.corp/search?q={query} http://docs.corp/sitemap.xml '
    'http://moving.corp/search?q={query}"'
)
PROXIES = {
    "http_proxy": f"http://{OUTSIDE}:80",
    "ALL_PROXY": f"http://{OUTSIDE}:80",
    "HTTPS_PROXY": f"http://{OUTSIDE}",
}


def test_listed_sites_are_read_and_nothing_else(talk: Talk) -> None:
    said, arrived = talk(SITES, f"/web {QUESTION}", "/traffic", **PROXIES)
    out = said["out"]
    assert [line for line in arrived if OUTSIDE in line] == []
    assert "GET 203.0.113.10 wiki.corp:80 /rules/leave" in arrived  # by a redirect on the same host
    assert "GET 203.0.113.11 docs.corp:80 /travel" in arrived
    assert "[1]  休暇規程 › 第8条 繰越" in out
    assert "年次有給休暇は翌年度に限り20日まで" in out  # it was in front of the question, which the model says again
    assert QUESTION in out
    for refused in ("it redirects to 203.0.113.66", "left alone: 203.0.113.66", "too many redirects",
                    "its name led to another address", "redirect to 203.0.113.66", "203.0.113.66:80"):  # fmt: skip
        assert refused in out, refused
    assert "LAN" in out
    end = next(e for e in said["entries"] if e["kind"] == "end")
    assert end["verdict"] == "clean"
    assert end["counts"]["llamune"]["lan"][2] > 300  # bytes
    assert {"203.0.113.10:80", "203.0.113.11:80"} <= {where for _owner, where, *_rest in end["contacts"]}


def test_sealed_it_finds_the_same_and_nothing_gets_out(talk: Talk) -> None:
    said, arrived = talk(SITES, f"/web {QUESTION}", sealed="auto", **PROXIES)
    assert [line for line in arrived if OUTSIDE in line] == []
    assert "年次有給休暇は翌年度に限り20日まで" in said["out"]
    assert next(e for e in said["entries"] if e["kind"] == "end")["counts"]["llamune"]["lan"][2] > 300


def test_a_sitemap_is_read_once(talk: Talk) -> None:
    _said, arrived = talk(SITES, "/web 日当", "/web 日当はいくら")
    assert arrived.count("GET 203.0.113.11 docs.corp:80 /travel") == 1


def test_what_is_not_there_is_said_and_nobody_is_asked(talk: Talk) -> None:
    said, _arrived = talk(SITES, "/web zeppelin")
    assert "they say nothing about this" in said["out"] or "it says nothing about this" in said["out"]
    assert "first token" not in said["out"]


DIALS_OUT = f"""
import socket
try:
    socket.create_connection(("{OUTSIDE}", 443), 1).send(b"telemetry")
except OSError:
    pass
"""


def test_an_engine_on_the_lan_is_shown_as_such_and_nothing_is_followed_silently(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "ollama.py").write_text(DIALS_OUT)  # a library that calls home when it is imported
    said, arrived = talk(
        'ollama_host = "http://gpu.corp:11434"\nmodel = "m:latest"',
        "hello", "/switch far:8b", "/models", "/retry m:latest/fast", "n", "/traffic",
        PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}", OLLAMA_HOST=f"{OUTSIDE}:11434", **PROXIES,
    )  # fmt: skip
    out = said["out"]
    assert [line for line in arrived if OUTSIDE in line] == []
    asked = {line.split()[1] for line in arrived if line.startswith("ASK")}
    assert asked <= {"/api/version", "/api/status", "/api/tags", "/api/show", "/api/ps", "/api/chat"}  # no pull, no me
    assert not any(line.endswith("True") for line in arrived if line.startswith("ASK"))  # nothing of ~/.netrc
    assert f"OLLAMA_HOST names another machine ({OUTSIDE}); it is not called." in out
    assert "OLLAMA_NO_CLOUD=1" in out.partition("first token")[0]  # said before anything was asked
    assert "far:8b" not in out.partition("/models")[0].partition("Ollama's cloud")[0]
    assert "LAN" in next(line for line in out.splitlines() if "first token" in line)
    assert "not measured: the engine runs on another machine" in out
    assert f"→ {OUTSIDE}:443" in out
    assert "ignored: the proxies of" in out
    kinds = {e["kind"]: e for e in said["entries"]}
    assert kinds["engine"]["cloud"] == "on"
    assert "far:8b" in kinds["engine"]["remote"]
    assert kinds["refused"]["where"] == f"{OUTSIDE}:443"
    assert kinds["end"]["verdict"] == "unmeasured"
    assert ["llamune", "203.0.113.11:11434", "lan"] in [contact[:3] for contact in kinds["end"]["contacts"]]
