"""/web in an intranet of several hosts, one of which redirects outside and one whose name later leads there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUESTION = "有給休暇の繰越"
OUTSIDE = "203.0.113.66"


@pytest.fixture
def browse(in_namespace: Callable[..., Any], tmp_path: Path) -> Callable[..., tuple[dict[str, Any], list[str]]]:
    """Types lines into a chat there. Returns what it said, and what arrived at which host."""

    def run(*lines: str, sealed: str = "off") -> tuple[dict[str, Any], list[str]]:
        record = tmp_path / "record"
        said, _arrived = in_namespace("browsing.py", sealed, *lines, far=("intranet_far.py", record))
        return said, record.read_text().splitlines()

    return run


def test_listed_sites_are_read_and_nothing_else(browse: Callable[..., Any]) -> None:
    said, arrived = browse(f"/web {QUESTION}", "/traffic")
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
    assert said["end"]["verdict"] == "clean"
    assert said["end"]["counts"]["llamune"]["lan"][2] > 300  # bytes
    places = {where for _owner, where, reach, _times in said["end"]["contacts"] if reach == "lan"}
    assert {"203.0.113.10:80", "203.0.113.11:80"} <= places


def test_a_sitemap_is_read_once(browse: Callable[..., Any]) -> None:
    _said, arrived = browse("/web 日当", "/web 日当はいくら")
    assert arrived.count("GET 203.0.113.11 docs.corp:80 /travel") == 1


def test_what_is_not_there_is_said_and_nobody_is_asked(browse: Callable[..., Any]) -> None:
    said, _arrived = browse("/web zeppelin")
    assert "they say nothing about this" in said["out"] or "it says nothing about this" in said["out"]
    assert "first token" not in said["out"]
