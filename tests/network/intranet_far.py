"""The far end of the cable as an intranet: a name server, a wiki, documents, an Ollama server, and an outside that
nobody may reach.

python intranet_far.py RECORD     writes a line for every request and look-up into the file RECORD
"""

import asyncio
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))
from ollama_standin import Asked, Reply, StandIn

WIKI, DOCS, MOVING, OUTSIDE = "203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.66"
NAMES = {"wiki.corp": WIKI, "docs.corp": DOCS, "moving.corp": MOVING, "gpu.corp": DOCS}
RULE = "<title>休暇規程</title><h1>休暇規程</h1><h2>第8条 繰越</h2><p>年次有給休暇は翌年度に限り20日まで繰り越す。</p>"
PAGES = {
    (WIKI, "/rules/leave"): RULE + "<script>fetch('http://203.0.113.66/')</script><img src='http://203.0.113.66/x.png'>",
    (WIKI, "/old/leave"): "redirect /rules/leave",
    (WIKI, "/away"): f"redirect http://{OUTSIDE}/stolen",
    (WIKI, "/loop"): "redirect /loop",
    (DOCS, "/sitemap.xml"): "<urlset><url><loc>http://docs.corp/travel</loc></url>"
                            f"<url><loc>http://{OUTSIDE}/listed</loc></url></urlset>",
    (DOCS, "/travel"): "<title>旅費規程</title><p>日当は2,500円とする。有給休暇中の旅費は支給しない。</p>",
    (MOVING, "/search"): "<a href='/page'>有給休暇</a>",
    (MOVING, "/page"): "<p>有給休暇</p>",
}  # fmt: skip
FOUND = (
    "<a href='/'>Home</a><a href='/old/leave'>休暇規程 有給休暇の繰越</a><a href='/away'>有給休暇 便利情報</a>"
    "<a href='/loop'>有給</a><a href='http://203.0.113.66/direct'>有給休暇 まとめ</a><a href='javascript:x()'>x</a>"
)


def record(line: str) -> None:
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        file.write(line + "\n")


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        here, parts = self.connection.getsockname()[0], urlsplit(self.path)
        record(f"GET {here} {self.headers['Host']} {parts.path}")
        body = PAGES.get((here, parts.path), "")
        if here == WIKI and parts.path == "/search":
            body = FOUND if "有給休暇" in parse_qs(parts.query)["q"][0] else "nothing"
        self.send_response(302 if body.startswith("redirect ") else 200 if body else 404)
        if body.startswith("redirect "):
            self.send_header("Location", body.split()[1])
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def answer_names() -> None:
    """A name server whose moving.corp leads outside from the second look-up on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((WIKI, 53))
        while True:
            asked, client = sock.recvfrom(2048)
            labels, at = [], 12
            while length := asked[at]:
                labels.append(asked[at + 1 : at + 1 + length].decode())
                at += 1 + length
            name, (kind,) = ".".join(labels), struct.unpack_from("!H", asked, at + 1)
            address = NAMES.get(name) if kind == 1 else None
            record(f"DNS {name} {kind}")
            if name == "moving.corp" and kind == 1:
                NAMES[name] = OUTSIDE
            head = asked[:2] + struct.pack("!HHHHH", 0x8180, 1, bool(address), 0, 0)
            said = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(address) if address else b""
            sock.sendto(head + asked[12 : at + 5] + said, client)


class CloudOn(StandIn):
    """An Ollama server whose cloud functions are on, which writes down what it is asked."""

    async def _answer(self, asked: Asked, reply: Reply) -> None:
        record(f"ASK {asked.path} {'authorization' in asked.headers}")
        await super()._answer(asked, reply)

    async def _status(self, _body: object, reply: Reply) -> None:
        await reply.json(200, {"cloud": {"disabled": False}})


async def serve_ollama() -> None:
    server = await asyncio.start_server(CloudOn()._client, DOCS, 11434)
    await server.serve_forever()


def main() -> None:
    for address, port in ((WIKI, 80), (DOCS, 80), (MOVING, 80), (OUTSIDE, 80), (OUTSIDE, 443), (OUTSIDE, 11434)):
        threading.Thread(target=ThreadingHTTPServer((address, port), Site).serve_forever, daemon=True).start()
    threading.Thread(target=answer_names, daemon=True).start()
    asyncio.run(serve_ollama())


if __name__ == "__main__":
    main()
