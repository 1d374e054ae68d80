"""A thin HTTP/1.1 client on asyncio streams: one request per connection, closed at once when it is left.

Why not httpx: importing it costs more than the whole way to the first token may, and closing its streams waits for the
pool. Every connection of ours is opened in `connect`, so that a network policy can refuse it there. It does not follow
redirects, reads no proxy variables and keeps no connection alive. No read timeout: a server that loads a model sends
nothing for minutes.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import h11

from llamune.address import Address
from llamune.engine.letter import Letter

CONNECT_TIMEOUT_S: Final = 3.0
PIECE: Final = 64 * 1024
LONGEST_ANSWER: Final = 64 * 1024 * 1024  # bytes of a body that is read whole

# Host and port about to be called → the Unix socket that leads there where no others can be opened, None = call it as
# usual. Raises NetworkPolicyError to refuse.
Check = Callable[[str, int], str | None]


class HttpError(Exception):
    """The exchange failed beneath HTTP. Engines translate it; it never reaches the user."""


class ConnectFailed(HttpError):
    """Nothing listens there, or it does not answer in time."""


class ConnectionBroken(HttpError):
    """The connection was made and then broke, or what came over it was not HTTP."""


def allow_all(host: str, port: int) -> str | None:
    """The check that refuses nothing."""
    return None


async def connect(
    address: Address, check: Check, opened: socket.socket | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a connection, or goes on with one that a letter opened; nothing else in this program does so.

    Raises: ConnectFailed, or what `check` raises.
    """
    path = address.host if address.host.startswith("/") else check(address.host, address.port)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            if opened:
                return await asyncio.open_connection(sock=opened)
            if path:
                name = address.host if address.tls else None
                return await asyncio.open_unix_connection(path, ssl=address.tls or None, server_hostname=name)
            return await asyncio.open_connection(address.host, address.port, ssl=address.tls or None)
    except (OSError, UnicodeError) as error:  # TimeoutError, gaierror and SSLError are OSErrors
        raise ConnectFailed(str(error) or "timeout") from error


class Exchange:
    """One request on its way. `head()` waits for the status; then read the body by `pieces()` or `read()`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._h11 = h11.Connection(h11.CLIENT)
        self.status = 0
        self.headers: dict[str, str] = {}  # of the response, names in small letters
        self.ahead = 0.0  # seconds: how long before this exchange its request was sent

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: AsyncIterable[bytes]) -> None:
        """Sends the whole request. A server that answers before it has read everything is no error."""
        try:
            request = h11.Request(method=method, target=target, headers=list(headers.items()))
            self._writer.write(self._h11.send(request) or b"")
            async for piece in body:
                self._writer.write(self._h11.send(h11.Data(data=piece)) or b"")
                await self._writer.drain()
            self._writer.write(self._h11.send(h11.EndOfMessage()) or b"")
            await self._writer.drain()
        except (ConnectionResetError, BrokenPipeError):
            return  # whatever it has said about it is in the response
        except (OSError, h11.ProtocolError) as error:
            raise ConnectionBroken(str(error)) from error

    def sent(self, method: str, target: str, headers: Mapping[str, str], data: bytes, ahead: float) -> None:
        """The whole request went out already, `ahead` seconds ago."""
        message(self._h11, method, target, headers, data)
        self.ahead = ahead

    async def head(self) -> int:
        """The HTTP status, as soon as it is there."""
        while not self.status:
            event = await self._next()
            if isinstance(event, h11.Response):
                self.status = event.status_code
                self.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in event.headers}
            elif not isinstance(event, h11.InformationalResponse):
                raise ConnectionBroken("no response")
        return self.status

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it arrives. Raises ConnectionBroken when it ends before its end."""
        await self.head()
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def read(self, limit: int = LONGEST_ANSWER) -> bytes:
        """The whole body, at most `limit` bytes of it."""
        body = bytearray()
        await self.head()
        while len(body) < limit and isinstance(event := await self._next(), h11.Data):
            body += event.data
        return bytes(body[:limit])

    async def _next(self) -> object:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                self._h11.receive_data(await self._reader.read(PIECE))
            return event
        except (ConnectionResetError, BrokenPipeError) as error:  # before an answer: nobody behind a relay
            raise ConnectionBroken(str(error) if self.status else "") from error
        except (OSError, h11.ProtocolError) as error:
            raise ConnectionBroken(str(error)) from error

    def close(self) -> None:
        """Closes the socket now; the server sees it at once and stops."""
        self._writer.transport.abort()


class Http:
    """Requests to one server.

    Args:
        address: the server.
        check: asked before every connection.
        headers: sent with every request (an API key).
    """

    def __init__(self, address: Address, check: Check = allow_all, headers: Mapping[str, str] | None = None) -> None:
        self.address, self._check, self._headers = address, check, dict(headers or {})

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        upload: AsyncIterable[bytes] | None = None,
        size: int = 0,
        letter: Letter | None = None,
    ) -> AsyncIterator[Exchange]:
        """Sends a request; leaving the block closes the connection.

        Args:
            body: sent as JSON unless None.
            upload: sent instead of it, `size` bytes in all.
            letter: what may have been posted before; a request that it holds is not sent again.

        Raises: ConnectFailed, ConnectionBroken.
        """
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        kind = "application/json" if upload is None else "application/octet-stream"
        headers = {"Host": self.address.netloc, "Connection": "close", "Accept": "*/*", **self._headers}
        if upload is not None or body is not None:
            headers |= {"Content-Type": kind, "Content-Length": str(len(data) if upload is None else size)}
        target = self.address.path + path
        posted = letter.take(message(h11.Connection(h11.CLIENT), method, target, headers, data)) if letter else None
        exchange = Exchange(*await connect(self.address, self._check, posted[0] if posted else None))
        try:
            if posted:
                exchange.sent(method, target, headers, data, posted[1])
            else:
                await exchange.send(method, target, headers, upload or _one(data))
            yield exchange
        finally:
            exchange.close()

    async def fetch(
        self, method: str, path: str, body: object = None, timeout_s: float | None = None
    ) -> tuple[int, bytes]:
        """The status and the whole body of a small exchange. Raises ConnectFailed, ConnectionBroken."""
        try:
            async with asyncio.timeout(timeout_s), self.request(method, path, body) as exchange:
                return await exchange.head(), await exchange.read()
        except TimeoutError as error:
            raise ConnectionBroken("timeout") from error


def message(connection: h11.Connection, method: str, target: str, headers: Mapping[str, str], data: bytes) -> bytes:
    """A whole request as bytes, with the connection's state moved on as if it had been sent."""
    request = h11.Request(method=method, target=target, headers=list(headers.items()))
    return b"".join(connection.send(event) or b"" for event in (request, h11.Data(data), h11.EndOfMessage()))


async def _one(data: bytes) -> AsyncGenerator[bytes]:
    if data:
        yield data


def parsed(data: bytes) -> Any:
    """The JSON in `data`, or None where it is none: server's bytes are not to be trusted."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
