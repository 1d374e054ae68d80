"""The guard of conftest.py itself: what leaves this machine is refused and remembered, what stays is let through."""

import asyncio
import socket

import pytest

OUTSIDE = "192.0.2.1"  # an address that is documentation only (RFC 5737)


@pytest.mark.parametrize(
    "dial",
    [
        lambda: socket.create_connection((OUTSIDE, 80), timeout=0.1),
        lambda: socket.getaddrinfo("example.invalid", 80),
        lambda: socket.gethostbyname("example.invalid"),
        lambda: asyncio.run(asyncio.wait_for(asyncio.open_connection("example.invalid", 80), 1)),
    ],
)
def test_dialling_out_is_refused_and_remembered(network: list[str], dial):
    with pytest.raises(PermissionError, match="leave this machine"):
        dial()
    assert network
    network.clear()


def test_a_datagram_is_refused(network: list[str]):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, pytest.raises(PermissionError):
        s.sendto(b"x", (OUTSIDE, 53))
    network.clear()


def test_this_machine_and_local_sockets_are_let_through(network: list[str], tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "s"))
        local.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
    assert network == []
