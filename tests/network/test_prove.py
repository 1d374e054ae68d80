"""`llamune doctor --prove-offline` passes; with any one protection taken out of a copy of the program it does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llamune.network import strace
from llamune.network.policy import Destination, Policy

ROOT = Path(__file__).parents[2]
INVENT = "from llamune.network.invented import Invented; Invented()"


def proved(package: Path, part: str) -> dict[str, bool]:
    """The checks of a part of the second half, made by a copy of the program."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, "-m", "llamune.cli.prove_inside", part],
        capture_output=True, text=True, timeout=300, env=environment, cwd=package,
    )  # fmt: skip
    assert done.stdout, done.stderr
    found: dict[str, bool] = {}
    for name, _tried, _stopped, ok in json.loads(done.stdout):
        found[name] = ok and found.get(name, True)
    return found


@pytest.fixture(scope="session")
def invented() -> None:
    done = subprocess.run([sys.executable, "-c", INVENT], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        pytest.skip(f"no invented outside here: {done.stderr.strip().splitlines()[-1]}")


GUARD, SITE, REFUSES = "network/guard.py", "network/inherit/sitecustomize.py", '        raise Refused(f"{SAID}'
OPEN = '        return [socket.create_server(("127.0.0.1", 0)) for _place in places], {}'
WORKER = "                sealed=lambda argv: sealed.child(argv).argv,"
REMOVED = {  # file, what is taken out, what stands there instead, the check that has to notice it
    "guard": (GUARD, REFUSES, f"        return\n{REFUSES}", "guard: socket"),
    "names": (GUARD, '                self._refuse("look-up", host)', "                pass", "guard: name"),
    "messages": (GUARD, ', "socket.sendmsg"})', "})", "guard: message"),
    "listening": (
        GUARD,
        '            self._refuse("bind"',
        '            0 and self._refuse("bind"',
        "guard: listening",
    ),
    "guard of children": (SITE, "    guard.install_from(os.environ)", "    pass", "guard: Python child"),
    "proxies": (GUARD, "        _quiet(_installed,", "        0 and _quiet(_installed,", "guard: proxy variable"),
    "namespace": ("network/sealed.py", "        return enter(places, hosts), {}", OPEN, "namespace: native code"),
    "covers": ("network/namespace.py", "        _cover(os.getuid())", "        pass", "namespace: resolver's socket"),
    "rights": ("network/namespace.py", "    give_up()\n    return", "    return", "namespace: undoing"),
    "rings": ("network/seccomp.py", "_IO_URING_SETUP = 425", "_IO_URING_SETUP = 9999", "seccomp: ring"),
    "filter": ("network/seccomp.py", "_UNIX, _NETLINK = 1, 16", "_UNIX, _NETLINK = 1, 2", "seccomp: socket"),
    "sealed child": ("network/sealed_child.py", "        _seal(way)", "        pass", "child: curl"),
    "guard of the program": (
        "cli/__init__.py",
        "            _protect()",
        "            pass",
        "program: guard, llamune.app",
    ),
    "seal of the program": (
        "cli/__init__.py",
        "        sealing.seal(args)",
        "        pass",
        "session: sealed, llamune.app",
    ),
    "seal of readers": (
        "knowledge/reading.py",
        WORKER,
        "                sealed=list,",
        "program: child, llamune.sources.child",
    ),
    "redirects": ("engine/ollama_admin.py", "follow_redirects=False", "follow_redirects=True", "program: redirect"),
    "models": ("engine/ollama_models.py", "    return not remote(entry) and", "    return", "program: model elsewhere"),
    "OLLAMA_HOST": ("listed.py", "    if not elsewhere or", "    if True or not elsewhere or", "program: OLLAMA_HOST"),
    "meter": ("network/counts.py", "        if self.out:", "        if False:", "control: measurement"),
}


@pytest.fixture
def copy(tmp_path: Path, invented: None) -> Path:
    shutil.copytree(ROOT / "llamune", tmp_path / "llamune", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("presets", "migrations"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    return tmp_path


@pytest.mark.parametrize("what", REMOVED)
def test_a_protection_that_is_missing_is_noticed(copy: Path, what: str) -> None:
    file, old, new, check = REMOVED[what]
    path = copy / "llamune" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    found = proved(copy, check.partition(":")[0])
    assert found[check] is False, found


def test_everything_holds(home: Path, invented: None) -> None:
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    done = subprocess.run(
        [sys.executable, "-m", "llamune", "doctor", "--prove-offline", "--json"],
        capture_output=True, text=True, timeout=400, cwd=ROOT, env={**os.environ, "OLLAMA_HOST": "127.0.0.1:9"},
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [c for c in found["checks"] if not c["ok"]] == []
    assert (done.returncode, found["ok"]) == (0, True)
    assert {"name", "tried", "stopped_by", "ok"} == set(found["checks"][0])


def test_what_could_not_run_is_not_proven(home: Path) -> None:
    """Without namespaces, without strace."""
    without = ["unshare", "-r", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"']
    command = [sys.executable, "-m", "llamune", "doctor", "--prove-offline", "--json"]
    probe = subprocess.run([*without, "true"], capture_output=True)
    if probe.returncode:
        pytest.skip("no user namespaces here")
    environment = {**os.environ, "OLLAMA_HOST": "127.0.0.1:9", "PATH": "/nothing"}
    done = subprocess.run(
        [shutil.which("unshare") or "", *without[1:2], "/bin/sh", *without[3:], *command],
        capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment,
    )  # fmt: skip
    found = {c["name"]: c["ok"] for c in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert found["invented outside"] is False
    assert found["record of system calls"] is False


RECORD = """\
1 connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
1 connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16) = 0
1 connect(3<UNIX-STREAM:[1]>, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT
1 connect(3<UDP:[1]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("203.0.113.9")}, 16) = 0
1 bind(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("203.0.113.9")}, 16) = 0
1 sendto(3<NETLINK:[ROUTE:1]>, [{nlmsg_len=20}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20
1 sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, "x", 1, 0, NULL, 0) = 1
1 connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(11434), sin_addr=inet_addr("203.0.113.5")}, 16) = 0
"""
LEAVES = """\
1 connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("203.0.113.9")}, 16) = -1 ENETUNREACH
1 connect(3<TCPv6:[1]>, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::9", &sin6_addr), sin6_scope_id=0}, 28) = 0
1 connect(3<TCPv6:[1]>, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::ffff:203.0.113.9", &sin6_addr), sin6_scope_id=0}, 28) = 0
1 sendto(3<UDP:[1]>, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("203.0.113.9")}, 16) = 1
1 sendto(3<UDP:[10.0.0.1:40->203.0.113.9:53]>, "x", 1, MSG_NOSIGNAL, NULL, 0) = 1
1 sendmmsg(3<UDP:[10.0.0.1:40->203.0.113.9:53]>, [{msg_hdr={msg_name=NULL, msg_namelen=0}}], 1, 0) = 1
"""  # noqa: E501


def test_a_record_is_judged_by_its_addresses() -> None:
    policy = Policy((Destination("ollama", "203.0.113.5", 11434),))
    assert strace.leaving(RECORD.splitlines(), policy) == []
    assert strace.leaving(LEAVES.splitlines(), policy) == LEAVES.splitlines()
