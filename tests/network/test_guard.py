"""The guard stops every planted attempt before a packet leaves, in this process and in its Python children."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def test_every_planted_attempt_is_refused_and_told(in_namespace: Callable[..., Any], home: Path) -> None:
    log = home / "logs" / "refused.jsonl"
    said, arrived = in_namespace("planted.py", str(log))
    assert {name: what for name, what in said["results"].items() if what != "refused"} == {}
    assert arrived == {"tcp": 0, "udp": 0}
    assert len(said["told"]) >= len(said["results"])
    assert {what for _who, what, _where, _own in said["told"]} == {"connect", "look-up", "sendto", "sendmsg", "bind"}
    assert sum(not own for *_rest, own in said["told"]) == 5  # child, -P, child of a child, spawned, forked
    assert "203.0.113.9:80" in {where for _who, _what, where, _own in said["told"]}
    assert sorted(said["dropped"]) == ["HTTPS_PROXY", "http_proxy"]
    assert said["through"] == "x"
    first = json.loads(log.read_text().splitlines()[0])
    assert "planted.py" in first["stack"]


def test_the_attempts_are_real(in_namespace: Callable[..., Any]) -> None:
    said, arrived = in_namespace("planted.py", "off")
    assert "refused" not in said["results"].values()
    assert arrived["tcp"] >= 10
    assert arrived["udp"] >= 2


def run(code: str, home: Path, **variables: str) -> Any:
    """Runs Python code in a process of its own; what it prints last is JSON."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LLAMUNE_HOME": str(home), **variables}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


LISTED = """
import json, socket
from llamune.network import guard, policy
guard.install()
listed = policy.Policy((policy.Destination("ollama", "lan.invalid", 11434, ("203.0.113.7",)),))
guard.permit(listed.allowed, listed.names)
judge = guard.current()
def tries(event, *args):
    try:
        judge(event, args)
    except guard.Refused:
        return False
    return True
tcp = socket.socket()
print(json.dumps([
    tries("socket.connect", tcp, ("203.0.113.7", 11434)),
    tries("socket.connect", tcp, ("::ffff:203.0.113.7", 11434)),
    tries("socket.getaddrinfo", "LAN.invalid", 11434, 0, 0, 0),
    tries("socket.connect", tcp, ("203.0.113.7", 80)),
    tries("socket.connect", tcp, ("203.0.113.8", 11434)),
    tries("socket.getaddrinfo", "other.invalid", 11434, 0, 0, 0),
]))
"""


def test_a_listed_server_is_called_at_its_pinned_address_only(home: Path) -> None:
    assert run(LISTED, home) == [True, True, True, False, False, False]


PROGRAM = """
import json, os, sys
sys.argv = ["llamune", "--version"]
from llamune.cli import main
code = main()
from llamune.network import guard
print()
print(json.dumps([code, guard.current() is not None, os.environ["HF_HUB_OFFLINE"], guard.current().log]))
"""


def test_the_program_has_the_guard_before_anything_else(home: Path) -> None:
    code, guarded, offline, log = run(PROGRAM, home)
    assert (code, guarded, offline) == (0, True, "1")
    assert log == str(home / "logs" / "refused.jsonl")


def test_a_sitecustomize_that_was_there_is_still_loaded(home: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os.environ['THEIRS'] = 'loaded'")
    inherit = ROOT / "llamune" / "network" / "inherit"
    code = "import json, os, sys; print(json.dumps([os.environ['THEIRS'], '_llamune_guard' in str(sys.modules)]))"
    told = json.dumps({"root": 1, "log": "", "allowed": [], "names": []})
    theirs, _ours = run(code, home, PYTHONPATH=f"{inherit}{os.pathsep}{tmp_path}", LLAMUNE_GUARD=told)
    assert theirs == "loaded"


@pytest.mark.parametrize("word", ["{}", "no json", '{"root": 1}', "[]"])
def test_a_child_that_does_not_understand_its_parent_calls_nobody(home: Path, word: str) -> None:
    code = """
import json, socket, sys
judge = socket.socket.connect.__closure__[0].cell_contents
print(json.dumps([type(judge).__name__, len(judge.allowed), sorted(judge.names)]))
"""
    inherit = ROOT / "llamune" / "network" / "inherit"
    assert run(code, home, PYTHONPATH=str(inherit), LLAMUNE_GUARD=word) == ["Guard", 0, []]
