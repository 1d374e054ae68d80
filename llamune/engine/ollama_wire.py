"""What goes to an Ollama server and what comes back, as values. Pure: no network, no clock.

`truncate:false` makes a server of 0.30 and later refuse a prompt that is too long instead of cutting it silently, and
`shift:false` keeps it from forgetting while it writes. Both are the same in every request, and so is num_ctx, because
a difference makes the server load the model again. `keep_alive` is never sent: it undoes evictions.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from llamune.chat.events import Event, TextArrived, ThinkingArrived
from llamune.chat.message import Message
from llamune.chat.ports import ChatRequest
from llamune.chat.session import Reason, Usage

NS_PER_MS: Final = 1_000_000


def chat_body(request: ChatRequest) -> dict[str, Any]:
    """The body of /api/chat."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {**request.options.given(), "num_ctx": request.num_ctx},
    }
    if request.format is not None:
        body["format"] = request.format
    return body if request.think is None else {**body, "think": request.think}


def preload_body(model: str, num_ctx: int) -> dict[str, Any]:
    """A chat without messages loads the model; with the same load-time fields the first question loads nothing."""
    return chat_body(ChatRequest(0, model, (), num_ctx=num_ctx)) | {"stream": False}


def unload_body(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [], "keep_alive": 0, "stream": False}


def texts(answer_id: int, chunk: Mapping[str, Any]) -> Iterator[Event]:
    """What a chunk adds to the answer."""
    message = chunk.get("message")
    if not isinstance(message, dict):
        return
    if isinstance(thinking := message.get("thinking"), str) and thinking:
        yield ThinkingArrived(answer_id, thinking)
    if isinstance(content := message.get("content"), str) and content:
        yield TextArrived(answer_id, content)


def usage(chunk: Mapping[str, Any], first_token_ms: float | None, total_ms: float) -> Usage:
    """The statistics of the last chunk. A zero is left out by the server, so absent means 0.

    Args:
        first_token_ms: by our clock.
        total_ms: by our clock; the server's own is used where it says it.
    """
    return Usage(
        prompt_tokens=whole(chunk, "prompt_eval_count"),
        cached_tokens=whole(chunk, "prompt_eval_cached_count") if "prompt_eval_cached_count" in chunk else None,
        completion_tokens=whole(chunk, "eval_count"),
        first_token_ms=first_token_ms,
        load_ms=whole(chunk, "load_duration") / NS_PER_MS,
        prompt_ms=whole(chunk, "prompt_eval_duration") / NS_PER_MS,
        generate_ms=whole(chunk, "eval_duration") / NS_PER_MS,
        total_ms=whole(chunk, "total_duration") / NS_PER_MS or total_ms,
    )


def reason(chunk: Mapping[str, Any]) -> Reason:
    return "length" if chunk.get("done_reason") == "length" else "stop"


def whole(chunk: Mapping[str, Any], key: str) -> int:
    """A number that may be absent, or nonsense: then 0."""
    value = chunk.get(key)
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**63 else 0


def text(chunk: Mapping[str, Any], key: str) -> str:
    """A text that may be absent, or nonsense: then ""."""
    value = chunk.get(key)
    return value if isinstance(value, str) else ""


def estimated_tokens(messages: Sequence[Message]) -> int:
    """A rough count for "reading n tokens": 3.5 ASCII characters a token, one token for every other character."""
    characters = "".join(m.content for m in messages)
    plain = len(characters.encode("ascii", "ignore"))
    return round(plain / 3.5 + len(characters) - plain) + 4 * len(messages)
