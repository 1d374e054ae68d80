"""What a model learns from: pairs of a question (with what stands before it) and the answer it should give.

Read from and written to JSONL that people can look at and edit. Every usual form is understood: Alpaca
(instruction/input/output), messages, ShareGPT (conversations), prompt/completion. Ours is `messages` with the
origin beside it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llamune import files
from llamune.chat.message import Message, Role
from llamune.errors import TrainingError, UsageError
from llamune.i18n import _
from llamune.text import one_line

Split = Literal["", "train", "held", "general", "canary"]
SPLITS: tuple[Split, ...] = ("", "train", "held", "general", "canary")
ROLES: Mapping[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One example; the last message is the answer to be learned.

    Args:
        kind: what made it: "qa", "refusal", "replay", "completion", "doc", "commit", "conversation" …
        source: the file or place it comes from; pairs of one source are never split between train and held. A row of
            a data file that names none is a source of its own.
        split: "" = not decided yet; "held" = kept back; "general" = replay kept back; "canary" = a planted secret.
        evidence: what in the source proves the answer, literally; "" = not asked for.
    """

    messages: tuple[Message, ...]
    kind: str
    source: str
    split: Split = ""
    evidence: str = ""

    @property
    def question(self) -> str:
        return self.messages[-2].content

    @property
    def answer(self) -> str:
        return self.messages[-1].content


def write(pairs: Iterable[Pair], path: Path) -> None:
    """Writes them in our form, one a line. Raises OSError."""
    with files.replaced(path) as file:
        for pair in pairs:
            file.write(json.dumps(row(pair), ensure_ascii=False) + "\n")


def read(path: Path) -> Iterator[Pair]:
    """The pairs of a JSONL file in any known form. Raises UsageError with the line, TrainingError."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _pair(line, f"{one_line(str(path))}:{number}", f"{path.name}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(
            _("{path} cannot be read: {reason}").format(path=one_line(str(path)), reason=reason)
        ) from error


def row(pair: Pair) -> dict[str, Any]:
    """The pair in our form."""
    found: dict[str, Any] = {"messages": [{"role": m.role, "content": m.content} for m in pair.messages]}
    extra = {"kind": pair.kind, "source": pair.source, "split": pair.split, "evidence": pair.evidence}
    return found | {key: value for key, value in extra.items() if value}


def _pair(line: str, place: str, source: str) -> Pair:
    try:
        row = json.loads(line)
        messages = tuple(_messages(row))
        split = row.get("split", "")
        kind, source, evidence = (
            str(row.get(k, v)) for k, v in (("kind", "data"), ("source", source), ("evidence", ""))
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unknown(place) from error
    if len(messages) < 2 or [m.role for m in messages[-2:]] != ["user", "assistant"] or split not in SPLITS:
        raise _unknown(place)
    return Pair(messages, kind, source, split, evidence)


def _messages(row: Mapping[str, Any]) -> Iterator[Message]:
    """The conversation of a row, whichever form it has. Raises KeyError, TypeError for one that has none."""
    if "messages" in row or "conversations" in row:
        for m in row.get("messages") or row["conversations"]:
            yield Message(ROLES[m.get("role") or m["from"]], _text(m.get("content") or m["value"]))
        return
    if row.get("system"):
        yield Message("system", _text(row["system"]))
    if "instruction" in row:
        yield Message("user", "\n\n".join(_text(row[k]) for k in ("instruction", "input") if row.get(k)))
        yield Message("assistant", _text(row["output"]))
        return
    yield Message("user", _text(row["prompt"]))
    yield Message("assistant", _text(row["completion"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # JSON can hold half a character


def _unknown(place: str) -> UsageError:
    return UsageError(
        _("{place} is no pair of question and answer.").format(place=place),
        _("A line looks like {example}").format(example='{"instruction": "…", "output": "…"}'),
    )
