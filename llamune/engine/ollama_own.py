"""What making an own model asks of an Ollama server: the file of its base, a model made like it, log-probabilities.

`from` wins over `files` in a create request and would make the server call out for a model that is not installed, so it
is never sent; what the base had beside its weights is copied by hand.
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from llamune.chat.message import Message
from llamune.chat.ports import Progress
from llamune.engine.http import Http, parsed
from llamune.engine.ndjson import Objects
from llamune.engine.ollama_errors import failure, refusal, said_in, translated
from llamune.engine.ollama_install import upload

COPIED: Final = ("template", "system", "renderer", "parser")
TOP: Final = 20


class OwnModels:
    """One server. Methods raise EngineError and its children."""

    def __init__(self, http: Http, where: str) -> None:
        self._http, self._where = http, where

    async def base_file(self, model: str) -> Path | None:
        """Where the weights of a model lie, None when the server does not say."""
        shown = await self._json("/api/show", {"model": model}, model)
        lines = str(shown.get("modelfile", "")).splitlines()
        return next((Path(line[5:].strip()) for line in lines if line.startswith("FROM /")), None)

    async def create(self, name: str, gguf: Path, like: str, progress: Progress) -> None:
        """Uploads a file and makes a model of it, with the template, parameters … of `like`; "" = the file's own."""
        plan = await upload(self._http, self._where, gguf, progress)
        shown = await self._json("/api/show", {"model": like}, like) if like else {}
        body = {"model": name, "files": {"model.gguf": plan.digest}, "stream": True}
        body |= {key: shown[key] for key in COPIED if shown.get(key)}
        if given := parameters(str(shown.get("parameters", ""))):
            body["parameters"] = given
        last = ""
        with translated(self._where):
            async with self._http.request("POST", "/api/create", body) as exchange:
                if await exchange.head() != 200:
                    raise refusal(exchange.status, await exchange.read(), name)
                objects = Objects()
                async with aclosing(exchange.pieces()) as pieces:
                    async for piece in pieces:
                        for said in objects.feed(piece):
                            if "error" in said:  # a "success" may follow it
                                raise failure(said_in(said), name)
                            last = str(said.get("status", ""))
        if last != "success":
            raise failure(f"create ended with {last!r}", name)

    async def steps(
        self, model: str, messages: Sequence[Message], num_ctx: int, length: int
    ) -> list[tuple[bytes, dict[bytes, float]]]:
        """The greedy answer, token by token: its bytes, and the log-probability of the likeliest by their bytes."""
        body = {
            "model": model, "messages": [{"role": m.role, "content": m.content} for m in messages], "stream": False,
            "logprobs": True, "top_logprobs": TOP, "truncate": False,
            "options": {"temperature": 0, "num_predict": length, "num_ctx": num_ctx},
        }  # fmt: skip
        answer = await self._json("/api/chat", body, model)
        found = answer.get("logprobs") or ()
        return [(_bytes(s), likely(s["top_logprobs"])) for s in found]

    async def _json(self, path: str, body: Mapping[str, Any], model: str) -> Any:
        with translated(self._where):
            status, data = await self._http.fetch("POST", path, body, None)
        if status != 200 or not isinstance(answer := parsed(data), dict):
            raise refusal(status, data, model)
        return answer


def _bytes(said: Mapping[str, Any]) -> bytes:
    """A token's bytes; part of a character is told as bytes only, in a list or in base64, by version."""
    raw = said.get("bytes")
    if isinstance(raw, str):
        return base64.b64decode(raw)
    return bytes(raw) if raw else str(said.get("token", "")).encode()


def likely(told: Sequence[Mapping[str, Any]]) -> dict[bytes, float]:
    """The log-probabilities by text, without texts told twice: servers trim some, so `の` can be two tokens."""
    found = [(_bytes(t), float(t["logprob"])) for t in told]
    seen = Counter(text for text, _logprob in found)
    return {text: logprob for text, logprob in found if seen[text] == 1}


def parameters(text: str) -> dict[str, Any]:
    """The parameters of /api/show (`name value` a line, a name may come twice) as create takes them."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, _space, value = line.strip().partition(" ")
        if not value.strip():
            continue
        try:
            read = json.loads(value.strip())
        except ValueError:
            read = value.strip()
        if name == "stop":
            found.setdefault("stop", []).append(str(read))
        else:
            found[name] = read
    return found
