"""The relay passes on what it gets as it came: bytes, ends, half-closes, resets; and counts it."""

import asyncio
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("the relay is Linux's", allow_module_level=True)

from llamune.network.relay import Entry, Relay


class Far:
    """A server behind a relay."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.entry = Entry(*self.server.getsockname())
        self.near = socket.create_server(("127.0.0.1", 0), backlog=512)
        relay = Relay()
        relay.add(self.near, self.entry)
        threading.Thread(target=relay.run, daemon=True).start()

    def pair(self) -> tuple[socket.socket, socket.socket]:
        client = socket.create_connection(self.near.getsockname(), 5)
        client.settimeout(5)
        served, _where = self.server.accept()
        served.settimeout(5)
        return client, served


@pytest.fixture
def far() -> Iterator[Far]:
    made = Far()
    yield made
    made.server.close()


def test_a_half_close_is_passed_on_and_the_answer_still_comes(far: Far) -> None:
    client, served = far.pair()
    with client, served:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert (served.recv(100), served.recv(100)) == (b"question", b"")
        served.sendall(b"answer")
        served.close()
        assert (client.recv(100), client.recv(100)) == (b"answer", b"")
    assert (far.entry.connections, far.entry.sent, far.entry.received) == (1, 8, 6)


def test_many_bytes_both_ways_arrive_as_they_were(far: Far) -> None:
    data = os.urandom(5_000_000)
    client, served = far.pair()

    def echo() -> None:
        while piece := served.recv(1 << 16):
            served.sendall(piece)
        served.close()

    def send() -> None:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)

    for work in (echo, send):
        threading.Thread(target=work).start()
    assert b"".join(iter(lambda: client.recv(1 << 16), b"")) == data
    client.close()
    assert (far.entry.sent, far.entry.received) == (len(data), len(data))


def test_a_client_that_does_not_read_holds_only_its_own_server_back(far: Far) -> None:
    client, served = far.pair()
    served.settimeout(0.3)
    with client, served, pytest.raises(TimeoutError):
        served.sendall(bytes(1 << 26))
    other, answered = far.pair()
    with other, answered:
        other.sendall(b"x")
        assert answered.recv(1) == b"x"


def test_a_client_that_leaves_is_noticed_by_the_server(far: Far) -> None:
    client, served = far.pair()
    with served:
        client.close()
        assert served.recv(1) == b""
    client, served = far.pair()
    with served:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        with pytest.raises(ConnectionResetError):
            served.recv(1)


def test_a_server_that_breaks_off_is_noticed_by_the_client(far: Far) -> None:
    client, served = far.pair()
    served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.close()
    with client, pytest.raises(ConnectionResetError):
        client.recv(1)


def test_where_nobody_listens_the_client_learns_it_at_once(far: Far) -> None:
    far.server.close()
    with pytest.raises(ConnectionResetError), socket.create_connection(far.near.getsockname(), 5) as client:
        client.recv(1)
    assert (far.entry.connections, far.entry.failed) == (0, 1)


async def test_three_hundred_at_once(far: Far) -> None:
    far.server.setblocking(False)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        writer.close()
        await writer.wait_closed()

    async def ask(number: int) -> bool:
        reader, writer = await asyncio.open_connection(*far.near.getsockname())
        writer.write(b"%04d" % number)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer == b"%04d" % number

    async with await asyncio.start_server(serve, sock=far.server):
        assert all(await asyncio.gather(*map(ask, range(300))))
    assert far.entry.connections == 300
