"""What the model will see: made from a session's turns, measured, and shown by /context exactly as it is sent.

Nothing is dropped here: what does not fit is refused by `planning.py`, with the numbers.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

from llamune.chat.message import Message
from llamune.chat.model import ModelInfo
from llamune.chat.session import Attachment
from llamune.errors import ContextOverflow
from llamune.i18n import _

PER_MESSAGE = 6  # tokens of role and end marks in ChatML-like templates
LADDER = (2048, 4096, 8192, 16384, 32768, 65536, 131072)
LEAST_CONTEXT = 256  # tokens; llama.cpp raises what is below
DEFAULT_CONTEXT = 8192  # above it, the KV cache of a common 8 B model passes 1 GB
KV_SHARE = 0.1  # of the machine's memory, for the KV cache of one model
WIDE = re.compile(r"[^\x00-\u02ff]")


@dataclass(frozen=True, slots=True)
class Context:
    """One request's view of the conversation.

    Args:
        messages: what is sent, in order.
        tokens: how long that is; `exact` says whether the engine counted or we estimated.
        num_ctx: the model's context in force.
        left_out: numbers of turns that are not sent because no answer stands in them.
    """

    messages: tuple[Message, ...]
    tokens: int
    num_ctx: int
    exact: bool = False
    left_out: tuple[int, ...] = ()

    @property
    def fits(self) -> bool:
        return self.tokens < self.num_ctx


def estimate(text: str) -> int:
    """Tokens of a text, without its model: 4 characters of Latin script, 1.2 of others, make one.

    Byte-pair vocabularies of current model families take 0.7 to 1 token for a Japanese character and 0.22 to 0.3 for
    one of English; the middle of both is right within a third.
    """
    wide = len(WIDE.findall(text))
    return round(wide / 1.2 + (len(text) - wide) / 4)


def total(messages: Iterable[Message]) -> int:
    """Estimated tokens of a whole prompt, marks included."""
    return sum(estimate(m.content) + PER_MESSAGE for m in messages)


def with_attachments(question: str, attachments: Sequence[Attachment]) -> str:
    """The question as the model sees it: each file fenced under its name, then what was asked."""
    parts = []
    for a in attachments:
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", a.text)), 3)
        parts.append(f"{a.name}:\n{fence}\n{a.text}\n{fence}")
    return "\n\n".join([*parts, question])


def build(
    turns: Iterable[tuple[int, str, str]], *, system: str, summary: str, question: str | None
) -> tuple[tuple[Message, ...], tuple[int, ...]]:
    """The messages of a conversation and the numbers of turns left out.

    Args:
        turns: (number, question, adopted answer) after the summary, oldest first.
        summary: stands for the turns before them; "" = none.
        question: what is asked now; None = only what there is.
    """
    messages = [Message("system", t) for t in ("\n\n".join(x for x in (system, summary) if x),) if t]
    left_out = []
    for number, asked, answered in turns:
        if answered.strip():
            messages += [Message("user", asked), Message("assistant", answered)]
        else:
            left_out.append(number)
    if question is not None:
        messages.append(Message("user", question))
    return tuple(messages), tuple(left_out)


def default_size(model: ModelInfo, memory: int) -> int:
    """The num_ctx a model gets when the user has set none: as much as was trained, is common, and fits the machine.

    Args:
        memory: bytes of memory of this machine; 0 = not known.
    """
    size = min(model.context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    if memory and model.kv_bytes_per_token:
        affordable = int(memory * KV_SHARE / model.kv_bytes_per_token)
        if size > affordable:
            size = max([step for step in LADDER if step <= affordable], default=LADDER[0])
    return size


def checksum(messages: Sequence[Message]) -> int:
    """Tells whether a prompt is the one that was sent."""
    value = 0
    for message in messages:
        value = crc32(f"{message.role}\0{message.content}\0".encode("utf-8", "surrogatepass"), value)
    return value


def too_long(model: str, seen: Context) -> ContextOverflow:
    """The error for a prompt that does not fit, with the numbers and the ways out."""
    about = "" if seen.exact else _("about ")
    return ContextOverflow(
        _("This would be {about}{tokens} tokens, but {model} reads {limit}. Nothing was sent.").format(
            about=about, tokens=f"{seen.tokens:,}", model=model, limit=f"{seen.num_ctx:,}"
        ),
        _("/compact shortens the conversation, /context size N gives more room, /new starts afresh."),
    )
