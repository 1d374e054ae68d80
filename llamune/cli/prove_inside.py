"""The second half of a proof: planted attempts, and the program among engines that are up to something.

Runs as a program of its own, `python -m llamune.cli.prove_inside [PART …]`, because it moves into an invented outside
for good (network/invented.py). Every protection is tried alone, so that none hides that another one is missing.
Prints the checks as one JSON list.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from llamune.cli.prove_engine import ANSWERS, FAR, NEAR, Engine
from llamune.cli.prove_session import Session, trains, unguarded
from llamune.i18n import N_
from llamune.network import planted, sealed
from llamune.network.invented import ADDRESS, Invented, Sent
from llamune.network.planted import Attempt

PLANTED: Final = str(Path(planted.__file__).with_name("plant"))
TRIED_S: Final = 120.0
STOPPERS: Final = {
    "guard": N_("the guard"),
    "namespace": N_("the kernel: no route (namespace)"),
    "seccomp": N_("the kernel: no socket (seccomp)"),
    "child": N_("the kernel: no route, no relay (child)"),
}
PARTS: Final = ("control", *STOPPERS, "program", "session")
TRIED: Final = {
    "socket": N_("a Python socket"),
    "IPv6": N_("a Python socket, IPv6"),
    "datagram": N_("a UDP datagram"),
    "message": N_("a UDP datagram by sendmsg"),
    "Python child": N_("a Python socket in a child process"),
    "look-up": N_("a look-up of a name"),
    "name": N_("a connection to a name"),
    "listening": N_("listening at every address"),
    "library that ignores every switch": N_("telemetry of a library that ignores every switch"),
    "proxy variable": N_("a library that follows proxy variables"),
    "native code": N_("connect() of native code"),
    "curl": N_("curl in a child process"),
    "resolver's socket": N_("the Unix socket of a resolver"),
    "ring": N_("io_uring, which opens sockets by itself"),
    "undoing": N_("taking a cover off again"),
    "relay": N_("a server on this machine"),
}
WITHIN: Final = {  # what a process imports when it is at work, and which process that is
    "llamune.app": N_("a connection planted in the program itself"),
    "llamune.store.database": N_("a connection planted in its commands"),
    "xllamacpp": N_("a connection planted in the process of the built-in model"),
    "llamune.sources.child": N_("a connection planted in the process that reads documents"),
    "llamune.training.child": N_("a connection planted in the process that trains"),
}
CHILDREN: Final = ("llamune.sources.child", "llamune.training.child")
SETTINGS: Final = 'sealed = "off"\nstart_ollama = false\n'  # the seal would hide that something else is missing


class Plant:
    """Attempts within the program's own processes: those of `modules`. `group`: what has to stop them."""

    def __init__(self, group: str, port: int, folder: Path, modules: Collection[str]) -> None:
        self._modules, self._group, self._file = modules, group, folder / f"{group}.jsonl"
        told = {"group": group, "ports": dict(zip(modules, count(port), strict=False)), "file": str(self._file)}
        self.variables = {
            "LLAMUNE_PLANTED": json.dumps(told),
            "PYTHONPATH": os.pathsep.join((PLANTED, *filter(None, (unguarded().get("PYTHONPATH"),)))),
        }

    def checks(self, part: str, by: str) -> Iterator["Check"]:
        """For each of the modules, whether it was tried there, and always stopped."""
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        made = [Attempt(*json.loads(line)) for line in lines]
        wanted = "guard" if self._group == "guard" else "kernel"
        for module in self._modules:
            ok = {a.stopper for a in made if a.name == module} == {wanted}
            yield Check(f"{part}: {self._group}, {module}", WITHIN[module], by if ok else "", ok)


class Check(NamedTuple):
    """One thing that was tried. `stopped_by` "" = nothing did, or it could not be tried."""

    name: str
    tried: str
    stopped_by: str
    ok: bool


def checks(parts: Collection[str]) -> Iterator[Check]:
    """The checks of these parts, one after the other. Raises OSError where there can be no invented outside."""
    outside, engine = Invented(), Engine()
    if "control" in parts:
        yield from _control(outside, engine)
    for number, group in enumerate(STOPPERS, 2):
        if group in parts:
            yield from _group(outside, engine, group, 1000 * number)
    with tempfile.TemporaryDirectory() as folder:
        if "program" in parts:
            yield from _program(outside, engine, Path(folder))
        if "session" in parts:
            yield from _session(outside, Path(folder))


def _control(outside: Invented, engine: Engine) -> Iterator[Check]:
    """Whether what nothing stops is recorded and measured: else the rest would prove nothing."""
    made, sent = _tried(outside, engine, "nothing", 1000)
    recorded = [a for a in made if _seen(a, sent)]
    ok = bool(made) and recorded == made  # or nothing that follows would mean anything
    yield Check("control: record", N_("the same attempts without any protection"), N_("recorded"), ok)
    noticed = bool(made) and all(a.stopper == "out" for a in made if a.name == "measured")
    yield Check(
        "control: measurement", N_("a connection without any protection"), N_("measured, shown in red"), noticed
    )


def _group(outside: Invented, engine: Engine, group: str, port: int) -> Iterator[Check]:
    made, sent = _tried(outside, engine, group, port)
    if not made:
        yield Check(group, N_("could not be tried"), "", False)
    wanted = "guard" if group == "guard" else "kernel"
    for attempt in made:
        ok = attempt.stopper == wanted and not _seen(attempt, sent)
        yield Check(f"{group}: {attempt.name}", TRIED[attempt.name], STOPPERS[group] if ok else "", ok)
    strays = [s for s in sent if not any(_seen(a, [s]) for a in made)]
    if strays:
        yield Check(f"{group}: nothing else", ", ".join(f"{s.protocol} {s.where}" for s in strays), "", False)


def _tried(outside: Invented, engine: Engine, group: str, port: int) -> tuple[list[Attempt], list[Sent]]:
    command = [sys.executable, "-m", "llamune.network.planted", group, str(port), str(engine.server_port)]
    if group == "child":
        command = sealed.child(command).argv
    done = subprocess.run(command, capture_output=True, text=True, timeout=TRIED_S, env=unguarded(), check=False)
    try:
        made = [Attempt(*each) for each in json.loads(done.stdout)]
    except (ValueError, TypeError):
        made = []
    return made, outside.taken()


def _seen(attempt: Attempt, sent: list[Sent]) -> bool:
    return any(str(attempt.port) in s.where or (s.protocol == "Unix" and "resolver" in attempt.name) for s in sent)


def _program(outside: Invented, engine: Engine, folder: Path) -> Iterator[Check]:
    """The program itself, not sealed, with an engine that it must not trust."""
    settings, trap = folder / "off.toml", Engine()
    settings.write_text(SETTINGS, encoding="utf-8")
    session = Session(folder / "program", settings)
    proxies = dict.fromkeys(("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), f"http://{trap.place}")
    here = {"OLLAMA_HOST": engine.place, **proxies}
    session.start(("ask", "-m", NEAR, "hello"), more=here)
    ok = engine.chats(NEAR) == 1 and not trap.asked and not outside.taken()
    yield Check(
        "program: proxy variables",
        N_("HTTP_PROXY, HTTPS_PROXY and ALL_PROXY lead elsewhere"),
        N_("they are not followed"),
        ok,
    )
    listed = session.start(("models", "list", "--json"), more=here).stdout
    session.start(("ask", "-m", FAR, "hello"), more=here)
    ok = NEAR in listed and FAR not in listed and not engine.chats(FAR) and not outside.taken()
    yield Check(
        "program: model elsewhere",
        N_("an engine offers a model that runs elsewhere"),
        N_("it is hidden and not asked"),
        ok,
    )
    for away in (f"http://{trap.place}", f"http://{ADDRESS}:80"):
        engine.away, engine.asked = away, []
        session.start(("ask", "-m", NEAR, "hello"), more=here)
        session.start(("models", "list"), more=here)
        engine.honest = frozenset(ANSWERS)  # the model is there; it is what is done with it that leads elsewhere
        session.start(("models", "rm", NEAR, "--yes"), more=here)
        engine.honest = frozenset()
        ok = bool(engine.asked) and not trap.asked and not outside.taken()
        yield Check(
            "program: redirect", N_("an engine redirects its clients elsewhere"), N_("redirects are not followed"), ok
        )
    session.start(("ask", "-m", NEAR, "hello"), more={"OLLAMA_HOST": f"{ADDRESS}:11434"})
    ok = not outside.taken()
    yield Check("program: OLLAMA_HOST", N_("the variable names a server elsewhere"), N_("it is not called"), ok)
    yield from _unsealed(outside, folder, settings)


def _unsealed(outside: Invented, folder: Path, settings: Path) -> Iterator[Check]:
    """Where the program itself is not sealed: whether its guard stands, and the seals of its children."""
    guarded = Plant("guard", 8000, folder, ("llamune.app", "xllamacpp"))
    yield from _steps(outside, "program", Session(folder / "guarded", settings, more=guarded.variables), {"ask"})
    yield from guarded.checks("program", STOPPERS["guard"])
    child = Plant("child", 8100, folder, CHILDREN if trains() else CHILDREN[:1])
    session = Session(folder / "children", settings, more=child.variables)
    yield from _steps(outside, "program", session, {"read documents", "train"})
    yield from child.checks("program", STOPPERS["child"])


def _session(outside: Invented, folder: Path) -> Iterator[Check]:
    """The scripted session as it is delivered, with native calls planted: nothing may arrive."""
    plant = Plant("sealed", 9000, folder, [m for m in WITHIN if m not in CHILDREN])
    yield from _steps(outside, "session", Session(folder / "session", None, more=plant.variables))
    yield from plant.checks("session", N_("the kernel: sealed"))


def _steps(outside: Invented, part: str, session: Session, only: Collection[str] = ()) -> Iterator[Check]:
    for step in session.run(only):
        sent = ", ".join(f"{s.protocol} {s.where}" for s in outside.taken())
        if sent or not step.ok:
            yield Check(f"{part}: {step.name}", sent or step.said, "", False)
        else:
            yield Check(f"{part}: {step.name}", N_("the scripted session"), N_("nothing was sent"), True)


def main(parts: list[str]) -> int:
    """Prints the checks of some parts, or of all; what could not be tried is one that does not hold."""
    found = []
    try:
        for check in checks(parts or PARTS):
            found.append(check)
    except (OSError, subprocess.TimeoutExpired) as error:
        found.append(Check("invented outside", str(error), "", False))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
