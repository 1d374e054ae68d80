"""What is seen while a model is made: one line a stage, a line with the loss while it trains; or JSON lines."""

import asyncio
import json as json_module
import shutil
import sys
from typing import Any

from llamune.errors import EngineError
from llamune.i18n import _
from llamune.text import clean, cut, pad, seconds, wrap

BARS = "▁▂▃▄▅▆▇█"
LABEL = 11  # columns
CURVE = 16  # columns of the loss
ECHO = 3  # columns left free, so that the ^C of a terminal begins no new line
STEADY = 0.1  # share of the newest step in the speed


class Told:
    """Shows events as they come. `json`: every event as it is, one a line, on standard output."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._losses: list[float] = []
        self._per_step = 0.0
        self._number = 0

    def __enter__(self) -> "Told":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._wipe()
        if kind is asyncio.CancelledError:  # Ctrl-C
            self.line(_("Interrupted. To go on: {command}").format(command="llamune finetune resume"))
        elif kind and issubclass(kind, EngineError):  # what it says is how to get the engine back
            self.line(_("Nothing is lost: {command}").format(command="llamune finetune resume"))

    def line(self, text: str) -> None:
        """Says something that is no event; to a program nothing."""
        if not self._json:
            print("\n".join(_wrapped(text, _columns())), flush=True)

    def event(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        if self._json:
            print(json_module.dumps(event, ensure_ascii=False), flush=True)
            return
        kind = event["event"]
        if kind == "step":
            self._step(event)
        elif line := self._line(kind, event):
            self._wipe()
            print(clean(line), flush=True)

    def _line(self, kind: str, e: dict[str, Any]) -> str:
        match kind:
            case "queued":
                return _("waiting for another model that is being made …")
            case "sealed" if e["way"] == "guard":
                return labelled("", _("not sealed: this system has no way; the guard refuses every call"))
            case "rows":
                told = _("{n} to learn, {tokens} tokens; {long} too long")
                learned, tokens = e["rows"].get("train", 0), f"{e['tokens']:,}"
                return labelled(_("rows"), told.format(n=learned, tokens=tokens, long=e["too_long"]))
            case "replayed":
                return labelled(_("replay"), _("{n} answers of the base to general questions").format(n=e["count"]))
            case "chosen":
                told = _("{dtype}: {speed:.0f} tokens/s, {memory:.1f} GB")
                memory = e["peak"] / 2**30
                return labelled(_("probe"), told.format(dtype=e["dtype"], speed=e["tokens_per_second"], memory=memory))
            case "resumed":
                return labelled("", _("goes on after step {n}").format(n=e["step"]))
            case "stopping":
                return labelled("", _("stops after this step, and saves it …"))
            case "paused":
                return labelled("", _("pauses: a model is answering"))
            case "evaluated" if "held" in e:
                told = _("step {step}: loss on what was kept back {loss:.3f}")
                return labelled(_("train"), told.format(step=e["step"], loss=e["held"]))
            case "merged":
                told = _("{n} tensors changed, {size:.1f} MB")
                return labelled(_("export"), told.format(n=e["tensors"], size=e["bytes"] / 1e6))
            case "verified":
                told = _("{engine}: log-probability difference {n:.4f}")
                return labelled(_("verify"), told.format(engine=e.get("engine", "llama.cpp"), n=e["difference"]))
            case "judged":
                head = _("worth it") if e["promote"] else _("not worth it")
                return "\n".join([labelled(_("judgement"), head), *(labelled("", r) for r in e["reasons"])])
            case "done":
                told = _("{model} in {engine}. Try it: {command}")
                command = f"llamune chat --model {e['model']}"
                return labelled(_("done"), told.format(model=e["model"], engine=_engine(e["engine"]), command=command))
        return ""

    def _step(self, event: dict[str, Any]) -> None:
        self._losses.append(event["loss"])
        took = event["seconds"]
        self._per_step = took if not self._per_step else self._per_step * (1 - STEADY) + took * STEADY
        if not sys.stdout.isatty():
            return
        left = seconds((event["steps"] - event["step"]) * self._per_step * 1000)
        label = pad(_("train"), LABEL)
        told = _("{percent:3.0%} about {left} left, loss {loss:.3f}, {speed:.0f} tokens/s {curve}").format(
            percent=event["step"] / event["steps"], loss=event["loss"], curve=curve(self._losses),
            speed=event["tokens"] / max(took, 1e-6), left=left,
        )  # fmt: skip
        print("\r\x1b[2K" + cut(label + told, _columns() - ECHO), end="", flush=True)

    def _wipe(self) -> None:
        if self._losses and not self._json and sys.stdout.isatty():
            print("\r\x1b[2K", end="", flush=True)


def labelled(label: str, text: str) -> str:
    """A line with the name of its stage in front, in a column of its own; in a narrow terminal more lines."""
    rows = _wrapped(text, _columns() - LABEL)
    return "\n".join(pad(label if not n else "", LABEL) + row for n, row in enumerate(rows))


def _wrapped(text: str, columns: int) -> list[str]:
    return wrap(text, columns) if sys.stdout.isatty() else [text]


def _engine(name: str) -> str:
    return _("the built-in engine") if name == "embedded" else "Ollama"


def _columns() -> int:
    return max(2 * LABEL, shutil.get_terminal_size().columns)


def curve(losses: list[float]) -> str:
    """The losses so far as a line of bars, each the mean of an equal part."""
    parts = min(CURVE, len(losses))
    means = []
    for n in range(parts):
        part = losses[n * len(losses) // parts : (n + 1) * len(losses) // parts]
        means.append(sum(part) / len(part))
    low, high = min(means), max(means)
    spread = high - low or 1.0
    return "".join(BARS[round((m - low) / spread * (len(BARS) - 1))] for m in means)
