"""The scripted session of a proof: start, chat, retry, search, read documents, train, in a home folder of its own.

It runs the program as it is, with the user's settings, in child processes; it asks the demonstration model and, where
an Ollama answers, its smallest model.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from llamune.network import guard

MODEL: Final = "guide:1m"
TYPED: Final = "Hello\n/retry guide:5m/fast\n/traffic\n/quit\n"
TEXTS: Final = (  # enough to learn from
    "Llamune compares local models.",
    "A badge is worn in the office at all times.",
    "Visitors sign in at the desk and are accompanied.",
    "Letters are kept for seven years, then shredded.",
    "日当は一日三千円とする。",
    "休暇は三日前までに届け出る。",
)
STEP_S: Final = 300.0


def unguarded() -> dict[str, str]:
    """The variables without what this program's guard tells its children: what is started has to protect itself."""
    found = {k: v for k, v in os.environ.items() if k != guard.VARIABLE and k not in guard.QUIET}
    paths = found.pop("PYTHONPATH", "").split(os.pathsep)
    if kept := [path for path in paths if path and path != guard.INHERIT]:
        found["PYTHONPATH"] = os.pathsep.join(kept)
    return found


def trains() -> bool:
    """Whether training is installed."""
    return bool(find_spec("torch") and find_spec("peft"))


class Step(NamedTuple):
    """One run of the program: a name, its words, what is typed, whether it ended well; its last words where not."""

    name: str
    words: Sequence[str]
    typed: str = ""
    ok: bool = False
    said: str = ""


class Session:
    """The session.

    Args:
        home: a folder for it; settings: the user's settings.toml, where there is one.
        before: what stands before the program on each command line (a tracer).
        more: variables for every run.
    """

    def __init__(
        self, home: Path, settings: Path | None, before: Sequence[str] = (), more: Mapping[str, str] | None = None
    ) -> None:
        self._home, self._before, self._more = home, before, more or {}
        (home / "documents").mkdir(parents=True)
        for number, text in enumerate(TEXTS):
            (home / "documents" / f"rule-{number}.txt").write_text(f"{text}\n", encoding="utf-8")
        if settings is not None and settings.exists():
            shutil.copy(settings, home / "settings.toml")

    def run(self, only: Collection[str] = ()) -> Iterator[Step]:
        """Does every step, or only those of these names, and tells how each ended."""
        for step in self._steps(only):
            done = self.start(step.words, step.typed)
            yield step._replace(ok=done.returncode == 0, said=(done.stderr or done.stdout).strip()[-300:])

    def start(
        self, words: Sequence[str], typed: str = "", more: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Runs the program once, with more variables."""
        environment = {**unguarded(), "LLAMUNE_HOME": str(self._home), "TERM": "dumb", **self._more, **(more or {})}
        command = [*self._before, sys.executable, "-m", "llamune", *words]
        try:
            return subprocess.run(
                command, input=typed, capture_output=True, text=True, env=environment, timeout=STEP_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            return subprocess.CompletedProcess(command, 1, "", str(error))

    def _steps(self, only: Collection[str]) -> Iterator[Step]:
        folder = str(self._home / "documents")
        training = (
            "--to",
            "embedded",
            "--name",
            "proof",
            "--base",
            MODEL,
            "--docs",
            folder,
            "--steps",
            "2",
            "--dtype",
            "float32",
        )
        steps = (
            Step("chat, retry", ("chat", "-m", MODEL), TYPED),
            Step("ask", ("ask", "-m", MODEL, "Hello")),
            Step("search", ("sessions", "search", "Hello")),
            Step("read documents", ("knowledge", "add", "proof", folder)),
            Step("search documents", ("knowledge", "search", "proof", "models")),
            *([Step("train", ("finetune", *training))] if trains() else []),
        )
        yield from (step for step in steps if not only or step.name in only)
        if not only and (model := self._smallest()):
            yield Step(f"ask {model}", ("ask", "-m", model, "Hello"))

    def _smallest(self) -> str:
        """Ollama's smallest model that can chat, "" where there is none."""
        try:
            found = json.loads(self.start(("models", "list", "--json")).stdout)
            able = [m for m in found if m["engine"] == "ollama" and "completion" in m["capabilities"]]
            return str(min(able, key=lambda m: m["size"])["name"]) if able else ""
        except (ValueError, TypeError, LookupError):
            return ""
