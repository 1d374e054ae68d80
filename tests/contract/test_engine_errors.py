"""No exception of a library may reach the user: all that httpx, ollama, h11 and sockets can raise is translated."""

import asyncio
import inspect
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import h11
import httpx
import ollama
import pydantic
import pytest

from llamune.address import Address
from llamune.engine.http import ConnectFailed, ConnectionBroken, Http, HttpError, connect
from llamune.engine.ollama_admin import official_import, official_translated
from llamune.engine.ollama_errors import translated
from llamune.errors import EngineError, EngineUnreachable, NetworkPolicyError


def classes(module: object, base: type[BaseException] = Exception) -> Iterator[type[BaseException]]:
    for _name, found in inspect.getmembers(module, inspect.isclass):
        if issubclass(found, base) and not issubclass(found, Warning):
            yield found


def made(error: type[BaseException]) -> BaseException:
    """An instance, whatever its constructor wants."""
    if error is pydantic.ValidationError:
        return pydantic.ValidationError.from_exception_data("x", [])
    if error is json.JSONDecodeError:
        return json.JSONDecodeError("x", "x", 0)
    for arguments in (("x",), (), ("x", 1)):
        try:
            if issubclass(error, httpx.HTTPStatusError):
                return error("x", request=httpx.Request("GET", "http://x"), response=httpx.Response(500))
            return error(*arguments)
        except TypeError:
            continue
    raise AssertionError(f"cannot make a {error}")


FOREIGN = {*classes(httpx), *classes(ollama), *classes(httpx._exceptions), *classes(ollama._types)}
FOREIGN |= {OSError, ConnectionError, TimeoutError, ssl.SSLError, socket.gaierror, BrokenPipeError}
FOREIGN |= {pydantic.ValidationError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError}
FOREIGN.discard(UnicodeDecodeError)  # a ValueError that cannot be made simply


@pytest.mark.parametrize("error", sorted(FOREIGN, key=lambda e: e.__name__), ids=lambda e: e.__name__)
def test_the_official_clients_exceptions(error: type[BaseException]) -> None:
    with pytest.raises(EngineError) as caught, official_translated("127.0.0.1:1", "m"):
        raise made(error)
    assert caught.value.message
    assert caught.value.__cause__ is not None


def test_the_walk_finds_them() -> None:
    names = {error.__name__ for error in FOREIGN}
    assert {"ConnectError", "ReadTimeout", "StreamError", "InvalidURL", "CookieConflict", "ResponseError"} <= names


@pytest.mark.parametrize("error", [ImportError("socksio"), ValueError("bad port"), TypeError("x")])
def test_an_import_that_fails(error: Exception) -> None:
    with pytest.raises(EngineError), official_import():
        raise error


def test_our_own_pass() -> None:
    for manager in (official_translated("x", "m"), translated("x")):
        with pytest.raises(NetworkPolicyError), manager:
            raise NetworkPolicyError("no", "")


@pytest.mark.parametrize("cancel", [asyncio.CancelledError, KeyboardInterrupt, GeneratorExit])
def test_what_is_no_error_passes(cancel: type[BaseException]) -> None:
    for manager in (official_translated("x", "m"), translated("x")):
        with pytest.raises(cancel), manager:
            raise cancel


@asynccontextmanager
async def listening(response: bytes | None) -> AsyncIterator[Address]:
    """A port that answers everything with these bytes; None = it waits until the caller leaves."""
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        if response is None:
            await left.wait()
        else:
            writer.write(response)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield Address("127.0.0.1", server.sockets[0].getsockname()[1])
    left.set()
    server.close()
    await asyncio.sleep(0.01)


PROTOCOL = (h11.LocalProtocolError, h11.RemoteProtocolError)


def test_these_are_all_of_h11() -> None:
    assert {*classes(h11)} - {h11.ProtocolError} == {*PROTOCOL}


@pytest.mark.parametrize("error", PROTOCOL)
async def test_what_h11_raises_is_an_http_error(error: type[BaseException]) -> None:
    async def upload():  # type: ignore[no-untyped-def]  # a body that fails where h11 would
        raise error("x")
        yield b""

    async with listening(b"") as address:
        with pytest.raises(ConnectionBroken):
            async with Http(address).request("POST", "/", upload=upload(), size=1):
                pass


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x00" * 100,
        b"HTTP/1.1 200\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_an_http_error(response: bytes) -> None:
    async with listening(response) as address:
        with pytest.raises(HttpError):
            await Http(address).fetch("GET", "/")
        with pytest.raises(EngineUnreachable), translated("x"):
            await Http(address).fetch("GET", "/")


async def test_a_server_that_never_answers_a_small_read() -> None:
    async with listening(None) as address:
        with pytest.raises(ConnectionBroken, match="timeout"):
            await Http(address).fetch("GET", "/", timeout_s=0.05)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_a_closed_port(host: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailed):
        await connect(Address(host, port), lambda _host, _port: None)
