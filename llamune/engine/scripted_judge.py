"""What the scripted judges write: judgements in the form that was asked for, and spoilt in the ways of real ones.

A good one prefers the longer answer, wherever it stands; the flipping one prefers the first. Only shapes matter here:
the words are made up.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llamune.chat.ports import ChatRequest

ANSWER = re.compile(r"<answer(?:_\d)?>\n(.*?)\n</answer", re.DOTALL)


def good(request: ChatRequest) -> str:
    """JSON as asked for."""
    return json.dumps(_verdict(_judged(request), flips=False), ensure_ascii=False)


def flipping(request: ChatRequest) -> str:
    """JSON that prefers the first answer, whichever that is."""
    return json.dumps(_verdict(_judged(request), flips=True), ensure_ascii=False)


def prose(request: ChatRequest) -> str:
    """The same JSON with talk around it, and scores written as people do."""
    said = re.sub(r'"score": (\d)', r'"score": "\1/5"', good(request))
    return f"Sure! I use {{braces}} with care. Here is my verdict:\n```json\n{said}\n```\nI hope this helps!"


def second_try(request: ChatRequest) -> str:
    """Nonsense first, and what was asked for when it is asked once more."""
    return good(request) if any(m.role == "assistant" for m in request.messages) else "Both are fine answers."


def filled(schema: Mapping[str, Any], text: str) -> Any:
    """The smallest value that fits a JSON schema; texts are `text`."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: filled(inner, text) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return []
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return True
        case _:
            return text


def _judged(request: ChatRequest) -> list[str]:
    asked = next((m.content for m in request.messages if m.role == "user"), "")
    return ANSWER.findall(asked)


def _verdict(answers: Sequence[str], *, flips: bool) -> dict[str, Any]:
    points = ("accuracy", "consistency", "coverage", "wording")
    if len(answers) < 2:
        length = len("".join(answers))
        scores = {p: {"reason": f"{p} of {length} characters", "score": 3 + (n > 1)} for n, p in enumerate(points)}
        return scores | {"improvements": ["Say where it is written.", "Be shorter."]}
    one, other = map(len, answers[:2])
    better = "1" if flips or one > other else "2" if other > one else "same"
    sides = {p: {"reason": f"{p}: {max(one, other)} characters", "better": better} for p in (*points, "overall")}
    return sides | {"improvements_1": ["Be shorter."], "improvements_2": ["Be longer."]}
