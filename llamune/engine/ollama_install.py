"""Brings a GGUF file to an Ollama server: checked, hashed, uploaded unless the server has it already.

The official client's upload asks nothing first and tells no progress; a server that has the blob may then answer and
hang up while we still send. Making the model of the blob is `ollama_admin`'s part.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llamune.chat.ports import Progress
from llamune.engine.files import PIECE, checked, sha256
from llamune.engine.http import Http
from llamune.engine.ollama_errors import refusal, translated
from llamune.i18n import _

CHATML: Final = (
    "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A blob the server has now. `template` is one for servers that do not read the file's own (before 0.30)."""

    digest: str
    template: str


async def upload(http: Http, where: str, path: Path, progress: Progress) -> Upload:
    """Sends the file as a blob. Raises EngineRefused, EngineUnreachable."""
    info = await asyncio.to_thread(checked, path)
    digest = "sha256:" + await asyncio.to_thread(sha256, path, progress)
    target = f"/api/blobs/{digest}"
    with translated(where):
        status, _body = await http.fetch("HEAD", target)
        if status != 200:
            size = (await asyncio.to_thread(path.stat)).st_size
            async with http.request("POST", target, upload=_pieces(path, size, progress), size=size) as exchange:
                if await exchange.head() not in (200, 201):
                    raise refusal(exchange.status, await exchange.read(), path.name)
    return Upload(digest, CHATML if "<|im_start|>" in info.chat_template else "")


async def _pieces(path: Path, size: int, progress: Progress) -> AsyncGenerator[bytes]:
    done = 0
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
            done += len(piece)
            progress(_("sending"), done, size)
