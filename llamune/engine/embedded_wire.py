"""What goes to llama-server's routes and what comes back, as values. Pure: no network, no clock.

Its names are OpenAI's, with llama.cpp's own sampling options and `timings` (milliseconds) beside them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from llamune.chat.events import Event, TextArrived, ThinkingArrived
from llamune.chat.ports import ChatRequest
from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Reason, Usage
from llamune.engine.faults import context_overflow, short
from llamune.engine.ollama_wire import text, whole
from llamune.errors import EngineBusy, EngineError, EngineRefused
from llamune.i18n import _

_NAMES: Final = {"num_predict": "max_tokens"}  # every other option is spelt the same
TEMPLATE_FIELDS: Final = ("messages", "chat_template_kwargs")  # what /apply-template takes of a chat


def messages(request: ChatRequest) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in request.messages]


def chat_body(request: ChatRequest) -> dict[str, Any]:
    """The body of /v1/chat/completions."""
    body: dict[str, Any] = {
        "messages": messages(request),
        "stream": True,
        "stream_options": {"include_usage": True},
        "cache_prompt": True,
        **sampling(request.options),
    }
    if request.format is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": request.format}}
    if request.think is not None:
        body["chat_template_kwargs"] = {"enable_thinking": request.think}
    return body


def sampling(options: SamplingOptions) -> dict[str, float | int]:
    return {_NAMES.get(name, name): value for name, value in options.given().items()}


def texts(answer_id: int, chunk: Mapping[str, Any]) -> Iterator[Event]:
    """What a chunk adds to the answer."""
    delta = _choice(chunk).get("delta")
    if not isinstance(delta, dict):
        return
    if thinking := text(delta, "reasoning_content"):
        yield ThinkingArrived(answer_id, thinking)
    if content := text(delta, "content"):
        yield TextArrived(answer_id, content)


def reason(chunk: Mapping[str, Any]) -> Reason:
    """Why it ended; "" while it goes on."""
    said = _choice(chunk).get("finish_reason")
    return "length" if said == "length" else "stop" if said else ""


def usage(chunk: Mapping[str, Any], first_token_ms: float | None, load_ms: float, total_ms: float) -> Usage:
    """From the last chunk. Times by our clock where the server has none."""
    counted, timings = _dict(chunk, "usage"), _dict(chunk, "timings")
    return Usage(
        prompt_tokens=whole(counted, "prompt_tokens"),
        cached_tokens=whole(timings, "cache_n"),
        completion_tokens=whole(counted, "completion_tokens"),
        first_token_ms=first_token_ms,
        load_ms=load_ms,
        prompt_ms=_ms(timings, "prompt_ms"),
        generate_ms=_ms(timings, "predicted_ms"),
        total_ms=total_ms,
    )


def refusal(status: int, answer: Any) -> EngineError:
    """The error for a response whose status is not 200, or for an error in mid-stream (status 0)."""
    error = _dict(answer, "error") if isinstance(answer, dict) else {}
    said = text(error, "message")
    if error.get("type") == "exceed_context_size_error":
        return context_overflow(whole(error, "n_prompt_tokens"), whole(error, "n_ctx"))
    if "too large to process" in said or "larger than the max context" in said:
        return context_overflow()
    if status == 503:
        return EngineBusy(_("The built-in model is still busy."), _("Try again in a moment: /retry"))
    return EngineRefused(
        _("The built-in llama.cpp refused: {said}").format(said=short(said) or f"HTTP {status}"),
        _("Another model may work: /switch"),
    )


def vectors(answer: Any) -> list[list[float]] | None:
    """The vectors of a /v1/embeddings response in the order of the texts; None where it is none."""
    try:
        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        return [[float(x) for x in row["embedding"]] for row in rows]
    except (LookupError, TypeError, ValueError):
        return None


def _choice(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _dict(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _ms(timings: Mapping[str, Any], key: str) -> float:
    value = timings.get(key)
    return float(value) if isinstance(value, int | float) else 0.0
