"""Brings a GGUF file to an Ollama server: checked, hashed, uploaded unless the server has it already.

The official client's upload asks nothing first and tells no progress; a server that has the blob may then answer and
hang up while we still send. Making the model of the blob is `ollama_admin`'s part.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llamune.chat.ports import Progress
from llamune.chat.preset import allowed
from llamune.engine.files import PIECE, checked, sha256
from llamune.engine.http import ConnectionBroken, Http
from llamune.engine.ollama_errors import refusal, translated
from llamune.i18n import _

CHATML: Final = (
    "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A blob the server has now. `template` is one for servers that do not read the file's own (before 0.30);
    `parameters` are the options that the file's makers advise, which older servers do not read either."""

    digest: str
    template: str
    parameters: Mapping[str, float]


async def upload(http: Http, where: str, path: Path, progress: Progress) -> Upload:
    """Sends the file as a blob. Raises EngineRefused, EngineUnreachable."""
    info = await asyncio.to_thread(checked, path)
    digest = "sha256:" + await asyncio.to_thread(sha256, path, progress)
    with translated(where):
        if not await _has(http, digest):
            try:
                await _send(http, path, digest, progress)
            except ConnectionBroken:  # it may have hung up because it has the blob by now
                if not await _has(http, digest):
                    raise
    template = CHATML if "<|im_start|>" in info.chat_template else ""
    return Upload(digest, template, {name: value for name, value in info.sampling.items() if allowed(name, value)})


async def _has(http: Http, digest: str) -> bool:
    return (await http.fetch("HEAD", f"/api/blobs/{digest}"))[0] == 200


async def _send(http: Http, path: Path, digest: str, progress: Progress) -> None:
    size = (await asyncio.to_thread(path.stat)).st_size
    pieces = _pieces(path, size, progress)
    async with aclosing(pieces), http.request("POST", f"/api/blobs/{digest}", upload=pieces, size=size) as exchange:
        if await exchange.head() not in (200, 201):
            raise refusal(exchange.status, await exchange.read(), path.name)


async def _pieces(path: Path, size: int, progress: Progress) -> AsyncGenerator[bytes]:
    done = 0
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
            done += len(piece)
            progress(_("sending"), done, size)
