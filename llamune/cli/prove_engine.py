"""Engines that are up to something, for a proof: one that redirects its clients, one that offers a model elsewhere.

They speak as much of Ollama's API as the program asks, on this machine, and remember what they were asked.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final

from llamune.network.invented import ADDRESS

NEAR, FAR = "near:1", "far:1"
_DETAILS: Final = {"family": "qwen2", "parameter_size": "1M", "quantization_level": "Q8_0"}
_TAGS: Final = [
    {"name": NEAR, "model": NEAR, "digest": "1" * 64, "size": 1, "details": _DETAILS},
    {
        "name": FAR, "model": FAR, "digest": "2" * 64, "size": 1, "details": _DETAILS,
        "remote_host": f"https://{ADDRESS}:443", "remote_model": "far",
    },
]  # fmt: skip
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "/api/version": {"version": "0.34.4"},
    "/api/tags": {"models": _TAGS},
    "/api/ps": {"models": []},
    "/api/show": {"capabilities": ["completion"], "details": _DETAILS, "model_info": {}},
    "/api/chat": {"message": {"role": "assistant", "content": "hello"}, "done": True, "done_reason": "stop"},
}


class Engine(ThreadingHTTPServer):
    """One such server. `away`: where it sends its clients, "" = it answers; `honest`: what it answers even then;
    `asked`: paths and bodies."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.away, self.honest = "", frozenset[str]()
        self.asked: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_bind(self) -> None:
        """Without asking what this machine is called, which would be a look-up."""
        TCPServer.server_bind(self)
        self.server_port = self.server_address[1]

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def chats(self, model: str) -> int:
        """How many questions came for a model."""
        return sum(path in ("/api/chat", "/api/generate") and json.dumps(model) in body for path, body in self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        self.server.asked.append((self.path, body))
        said = json.dumps(ANSWERS.get(self.path, {})).encode()
        if self.server.away and self.path not in self.server.honest:
            self.send_response(307)
            self.send_header("Location", self.server.away + self.path)
        else:
            self.send_response(200 if self.path in ANSWERS else 404)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_HEAD(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""
