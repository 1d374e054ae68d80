"""An Ollama server of any age on a real socket, for tests: what real ones were seen to do, and faults at will.

Three generations: "0.11.4" (cuts prompts silently, no statistics of its cache, says little when its engine dies),
"0.33.1" (child engine, adapters) and "0.34.4". Responses come in chunks of `split` bytes, which need not end at a line,
a number or a character. Everything that was asked is in `requests`.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h11

from llamune.address import Address

ANSWER = ["Hel", "lo ", "東京", "、", "こん", "にちは", " 🗼", "."]
DATE = "2026-11-21T00:00:00.000000000Z"
CONTEXT = 2048
PULL_ERRORS = {
    "pull_offline": 'pull model manifest: Get "https://library.example/": dial tcp: lookup: no such host',
    "pull_unknown": "pull model manifest: file does not exist",
    "pull_full": "write /models/blobs/sha256-1-partial-0: no space left on device",
    "pull_digest": "digest mismatch, file must be downloaded again: want sha256:1, got sha256:2",
}


@dataclass
class Model:
    digest: str
    family: str = "qwen2"
    capabilities: tuple[str, ...] = ("completion",)
    remote_host: str = ""
    size: int = 1_000_000


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class StandIn:
    """One server. `fault` names what goes wrong next (see `_chat`, `_create`, `_blob`)."""

    version: str = "0.34.4"
    split: int = 0
    fault: str = ""
    first_byte_s: float = 0.0
    load_s: float = 0.0
    ps_s: float = 0.0
    said: str = ""
    requests: list[Asked] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)
    loaded: dict[str, int] = field(default_factory=dict)
    sticks: bool = False  # a client that leaves in mid-stream leaves the model unusable, as 0.34.4 sometimes does
    stuck: set[str] = field(default_factory=set)
    stuck_waiting: int = 0
    pulled: int = 0  # percent of the model that is being pulled
    blobs: set[str] = field(default_factory=set)
    connections: int = 0
    address: Address = field(default_factory=lambda: Address("127.0.0.1", 0))
    began: asyncio.Event = field(default_factory=asyncio.Event)  # a pull that never ends has begun
    left: asyncio.Event = field(default_factory=asyncio.Event)  # a client went away in mid-stream

    def __post_init__(self) -> None:
        self.models |= {
            "m:latest": Model("a" * 64),
            "thinker:1b": Model("b" * 64, capabilities=("completion", "thinking")),
            "embedder:1b": Model("c" * 64, "bert", ("embedding",)),
            "far:8b": Model("d" * 64, remote_host="https://ollama.com"),
            "far:cloud": Model("d" * 64, remote_host="https://ollama.com"),
            "big:120b-cloud": Model("e" * 64),
            "llamacpp:" + "f" * 64: Model("f" * 64),
            "broken:latest": Model("0" * 64, family=""),
        }

    @property
    def old(self) -> bool:
        return self.version in ("0.0.0", "0.11.4")

    def bodies(self, path: str) -> list[Any]:
        return [a.body for a in self.requests if a.path == path]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["StandIn"]:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        tasks = asyncio.all_tasks()
        try:
            yield self
        finally:
            server.close()
            for task in asyncio.all_tasks() - tasks - {asyncio.current_task()}:
                if "StandIn._client" in repr(task.get_coro()):
                    task.cancel()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            asked = await _read(reader, early=self.fault == "early_blob")
            if asked:
                self.requests.append(asked)
                await self._answer(asked, Reply(writer, reader, self.split))
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
        finally:
            self.connections -= 1
            writer.close()

    async def _answer(self, asked: Asked, reply: "Reply") -> None:
        if self.fault == "html":
            return await reply.whole(200, b"<html>a router</html>", "text/html")
        if self.fault == "redirect":
            return await reply.whole(302, b"", "text/plain", {"Location": "http://192.0.2.1/"})
        if self.fault == "forbidden":
            return await reply.whole(403, b"", "text/plain")
        if self.fault == "no_delete" and asked.method == "DELETE":  # as a proxy or a server of another kind answers
            return await reply.whole(501, b"Unsupported method ('DELETE')", "text/plain")
        if asked.path.startswith("/api/blobs/"):
            return await self._blob(asked, reply)
        handler = getattr(self, "_" + asked.path.removeprefix("/api/"), None)
        if handler is None or (asked.path == "/api/status" and self.old):
            return await reply.whole(404, b"404 page not found", "text/plain")
        await handler(asked.body, reply)

    async def _version(self, _body: Any, reply: "Reply") -> None:
        await reply.json(200, {"version": self.version})

    async def _status(self, _body: Any, reply: "Reply") -> None:
        await reply.json(200, {"cloud": {"disabled": True, "source": "env"}})

    async def _tags(self, _body: Any, reply: "Reply") -> None:
        await reply.json(200, {"models": [self._tag(n, m) for n, m in self.models.items()]})

    def _tag(self, name: str, model: Model) -> dict[str, Any]:
        details = {"format": "gguf", "family": model.family, "parameter_size": "1M", "quantization_level": "F16"}
        remote = {"remote_host": model.remote_host, "remote_model": "x"} if model.remote_host else {}
        return {"name": name, "model": name, "size": model.size, "digest": model.digest, "details": details} | remote

    async def _ps(self, _body: Any, reply: "Reply") -> None:
        await asyncio.sleep(self.ps_s)
        found = [{"name": n, "size": 2, "size_vram": 0, "context_length": c} for n, c in self.loaded.items()]
        await reply.json(200, {"models": found})

    async def _show(self, body: Any, reply: "Reply") -> None:
        name = _full(body["model"])
        if name not in self.models or self.fault == "show_fails":
            return await reply.json(404, {"error": f"model '{body['model']}' not found"})
        model = self.models[name]
        info = {
            "general.architecture": "qwen2", "qwen2.context_length": CONTEXT, "qwen2.block_count": 4,
            "qwen2.attention.head_count": 4, "qwen2.attention.head_count_kv": 2, "qwen2.embedding_length": 128,
        }  # fmt: skip
        await reply.json(
            200,
            {"model_info": info, "capabilities": list(model.capabilities), "details": {"family": model.family}},
        )

    async def _chat(self, body: Any, reply: "Reply") -> None:
        name = _full(body["model"])
        if self.fault == "busy":
            text = "server busy, please try again.  maximum pending requests exceeded"
            return await reply.json(503, {"error": text})
        if name not in self.models:
            new = f"model '{body['model']}' not found"
            old = f'model "{body["model"]}" not found, try pulling it first'
            return await reply.json(404, {"error": old if self.old else new})
        if body.get("think") and "thinking" not in self.models[name].capabilities:
            return await reply.json(400, {"error": f'"{body["model"]}" does not support thinking'})
        if self.fault == "said":
            return await reply.json(500, {"error": self.said})
        context = min(body.get("options", {}).get("num_ctx", 4096), CONTEXT)
        if not body["messages"]:
            done = "unload" if body.get("keep_alive") == 0 else "load"
            self.loaded.pop(name, None) if done == "unload" else self.loaded.update({name: context})
            if not self.stuck_waiting:  # a real one lets the model go only when nobody waits for it
                self.stuck.discard(name)
            return await reply.json(200, _chunk(name, "", done=True, done_reason=done))
        if name in self.stuck:
            self.stuck_waiting += 1
            try:
                await reply.pause(3600)
            finally:
                self.stuck_waiting -= 1
        tokens = sum(len(m["content"]) // 4 + 4 for m in body["messages"])
        if tokens > context and not self.old:
            return await reply.json(400, {"error": json.dumps(_overflow(tokens, context))})
        if name not in self.loaded:
            await reply.pause(self.load_s)
            self.loaded[name] = context
        await reply.pause(self.first_byte_s)
        await self._stream(name, body, min(tokens, self._kept(body, context)), reply)

    def _kept(self, body: Any, context: int) -> int:
        """What an old server keeps: it drops the oldest messages until the rest fits, then cuts inside."""
        messages = [len(m["content"]) // 4 + 4 for m in body["messages"]]
        while len(messages) > 1 and sum(messages) > context:
            messages.pop(0)
        return min(sum(messages), context)

    async def _stream(self, name: str, body: Any, tokens: int, reply: "Reply") -> None:
        await reply.start(200, "application/x-ndjson")
        if self.fault == "error_first":
            await reply.line({"error": "an error was encountered while running the model: unexpected EOF"})
            return await reply.end()
        if body.get("think"):
            await reply.line(_chunk(name, "", thinking="考える…"))
        for piece in self._pieces(body):
            try:
                await reply.line(_chunk(name, piece))
            except ConnectionError:
                self.stuck |= {name} if self.sticks else set()
                raise
            if self.fault == "endless":
                await asyncio.sleep(0.005)
        if self.fault == "half_json":
            await reply.raw(json.dumps(_chunk(name, "more")).encode()[:40])
        elif self.fault == "half_character":
            await reply.raw(json.dumps(_chunk(name, "東"), ensure_ascii=False).encode().partition(b"\xe6")[0] + b"\xe6")
        elif self.fault == "error_after":
            await reply.line({"error": "an error was encountered while running the model: unexpected EOF"})
        elif self.fault == "reset":
            return reply.reset()
        elif self.fault != "no_done":
            await reply.line(self._last(name, tokens), newline=self.fault != "no_newline")
        await reply.end()

    def _pieces(self, body: Any) -> Iterator[str]:
        if self.fault == "empty":
            return
        yield from ANSWER if "format" not in body else ['{"sure": ', 'true, "answer"', ': "no"}']
        while self.fault == "endless":
            yield "more "

    def _last(self, name: str, tokens: int) -> dict[str, Any]:
        cached = {} if self.old else {"prompt_eval_cached_count": 3}
        reason = "length" if self.fault in ("length", "empty") else "stop"
        return _chunk(
            name, "", done=True, done_reason=reason, total_duration=50_000_000, load_duration=5_000_000,
            prompt_eval_count=tokens, prompt_eval_duration=10_000_000, eval_count=8, eval_duration=20_000_000, **cached,
        )  # fmt: skip

    async def _embed(self, body: Any, reply: "Reply") -> None:
        model = self.models.get(_full(body["model"]))
        if model is None:
            return await reply.json(404, {"error": f'model "{body["model"]}" not found, try pulling it first'})
        if "embedding" not in model.capabilities and not self.old:
            return await reply.json(501, {"error": "This server does not support embeddings."})
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if any(len(t) > CONTEXT for t in texts) and body.get("truncate") is False:
            return await reply.json(400, {"error": "the input length exceeds the context length"})
        await reply.json(200, {"model": body["model"], "embeddings": [[len(t), 1.0] for t in texts]})

    async def _blob(self, asked: Asked, reply: "Reply") -> None:
        digest = asked.path.removeprefix("/api/blobs/")
        if self.fault == "early_blob" and asked.method == "POST":  # another upload was quicker: answered unread
            self.blobs.add(digest)
        if asked.method == "HEAD" or digest in self.blobs:
            return await reply.whole(200 if digest in self.blobs else 404, b"", "text/plain")
        got = "sha256:" + hashlib.sha256(asked.body).hexdigest()
        if got != digest:
            return await reply.json(400, {"error": f'digest mismatch, expected "{digest}", got "{got}"'})
        self.blobs.add(digest)
        await reply.whole(201, b"", "text/plain")

    async def _create(self, body: Any, reply: "Reply") -> None:
        if body.get("adapters") and self.version == "0.34.4":
            return await reply.json(400, {"error": "LoRA adapters are no longer supported"})
        await reply.start(200, "application/x-ndjson")
        await reply.line({"status": "parsing GGUF"})
        missing = [d for d in body["files"].values() if d not in self.blobs]
        if missing or self.fault == "create_fails":
            self.models[_full(body["model"])] = Model("9" * 64, family="")  # what an old server leaves behind
            await reply.line({"error": "open blob: no such file or directory"})
        if not missing or self.old:
            await reply.line({"status": "success"})
        if not missing and self.fault != "create_fails":
            self.models[_full(body["model"])] = Model(hashlib.sha256(body["model"].encode()).hexdigest())
        await reply.end()

    async def _copy(self, body: Any, reply: "Reply") -> None:
        if _full(body["source"]) not in self.models:
            return await reply.json(404, {"error": f"model '{body['source']}' not found"})
        self.models[_full(body["destination"])] = self.models[_full(body["source"])]
        await reply.whole(200, b"", "text/plain")

    async def _pull(self, body: Any, reply: "Reply") -> None:
        """As 0.34.4: errors come as a line with status 200; what came before a break is kept."""
        name, fault = _full(body["model"]), self.fault
        if fault == "bad_name":
            return await reply.json(400, {"error": "invalid model name"})
        await reply.start(200, "application/x-ndjson")
        await reply.line({"status": "pulling manifest"})
        if fault in PULL_ERRORS:
            await reply.line({"error": PULL_ERRORS[fault]})
            return await reply.end()
        while True:
            step = {"status": "pulling 111111111111", "digest": "sha256:" + "1" * 64, "total": 5_000_000_000}
            await reply.line(step | ({"completed": 50_000_000 * self.pulled} if self.pulled else {}))
            if self.pulled == 40 and fault == "pull_endless":
                self.began.set()
                await reply.pause(3600)
            if self.pulled == 100:
                break
            if fault == "pull_never" and self.pulled == 40:
                return reply.reset()
            self.pulled += 20
            if fault == "pull_reset":
                return reply.reset()
        for status in ("verifying sha256 digest", "writing manifest"):
            await reply.line({"status": status})
        self.models[name] = Model("1" * 64, size=5_000_000_000)
        if fault != "pull_no_end":
            await reply.line({"status": "success"})
        await reply.end()

    async def _delete(self, body: Any, reply: "Reply") -> None:
        if self.models.pop(_full(body["model"]), None) is None:
            return await reply.json(404, {"error": f"model '{body['model']}' not found"})
        await reply.whole(200, b"", "text/plain")


class Reply:
    """Writes one response, in chunks of `split` bytes (0 = as they come)."""

    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader, split: int) -> None:
        self._writer, self._reader, self._split = writer, reader, split

    async def json(self, status: int, body: Any) -> None:
        await self.whole(status, json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8")

    async def whole(self, status: int, body: bytes, kind: str, extra: dict[str, str] | None = None) -> None:
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **(extra or {})}
        self._writer.write(_head(status, headers) + body)
        await self._writer.drain()

    async def start(self, status: int, kind: str) -> None:
        self._writer.write(_head(status, {"Content-Type": kind, "Transfer-Encoding": "chunked"}))
        await self._writer.drain()

    async def line(self, value: dict[str, Any], *, newline: bool = True) -> None:
        await self.raw(json.dumps(value, ensure_ascii=False).encode() + b"\n" * newline)

    async def raw(self, data: bytes) -> None:
        if self._reader.at_eof() or self._writer.is_closing():
            raise ConnectionResetError("the client went away")
        step = self._split or len(data)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self._writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def pause(self, seconds: float) -> None:
        """Waits; a client that leaves meanwhile is noticed."""
        try:
            async with asyncio.timeout(seconds):
                await self._reader.read(1)
        except TimeoutError:
            return
        raise ConnectionResetError("the client went away")

    def reset(self) -> None:
        self._writer.transport.abort()


async def _read(reader: asyncio.StreamReader, *, early: bool) -> Asked | None:
    connection, body, request = h11.Connection(h11.SERVER), b"", None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
            if early and event.method == b"POST" and event.target.startswith(b"/api/blobs"):
                break
        elif isinstance(event, h11.Data):
            body += event.data
        else:
            break
    if request is None:
        return None
    headers = {k.decode(): v.decode() for k, v in request.headers}
    value = json.loads(body) if headers.get("content-type") == "application/json" and body else body
    return Asked(request.method.decode(), request.target.decode(), headers, value)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items()), "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def _chunk(model: str, content: str, *, thinking: str = "", done: bool = False, **rest: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content} | ({"thinking": thinking} if thinking else {})
    return {"model": model, "created_at": DATE, "message": message, "done": done, **rest}


def _overflow(tokens: int, context: int) -> dict[str, Any]:
    text = f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    error = {"code": 400, "message": text, "type": "exceed_context_size_error"}
    return {"error": {**error, "n_prompt_tokens": tokens, "n_ctx": context}}


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"
