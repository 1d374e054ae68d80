"""An engine that runs as another user, and a meter that runs as an ordinary one. Only to be run by root in outside.py.

python other_users.py uid|cgroup|forwarded     prints the gist of the snapshot, as measuring.py does
"""

import ctypes
import encodings.ascii
import encodings.idna  # noqa: F401 - both: the other users may not read where Python lies
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable

from measuring import ENGINE, THERE, gist

from llamune.network.meter import Meter
from llamune.network.policy import Policy

OUR_USER, THEIR_USER = 1501, 1502
FORWARDER = "docker-proxy"


def become(user: int, name: str) -> None:
    """Gives up root, as a service does."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    libc.prctl(15, name.encode())  # PR_SET_NAME
    libc.prctl(4, 1)  # PR_SET_DUMPABLE: changing the user hides /proc/self from itself


def forked(work: Callable[[], None]) -> int:
    if pid := os.fork():
        return pid
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def grouped(folder: str, name: str) -> str:
    """A control group of its own, for whoever is put into it."""
    subprocess.run(["mount", "-t", "cgroup2", "none", folder], check=True)
    made = f"{folder}/llamune-test-{os.getpid()}-{name}"
    os.mkdir(made)
    return made


def engine(user: int, name: str, go: int, ready: int) -> None:
    """Listens; when told to, its child, a "runner", sends a megabyte outside."""
    become(user, name)
    server = socket.create_server(("127.0.0.1", ENGINE))
    os.write(ready, b".")
    os.read(go, 1)

    def runner() -> None:
        ctypes.CDLL(None).prctl(15, b"runner")
        with socket.create_connection(THERE) as sock:
            sock.sendall(bytes(1_000_000))
            time.sleep(1.5)

    os.waitpid(forked(runner), 0)
    time.sleep(0 if name == FORWARDER else 1)  # it ends before the last look
    server.close()


def meter(go: int) -> None:
    become(OUR_USER, "llamune")
    measured = Meter(Policy(), ENGINE)
    measured.start()
    measured.busy = True
    measured.fresh()
    os.write(go, b".")
    time.sleep(2.3)
    snapshot = measured.fresh()
    measured.stop()
    print(gist(snapshot), flush=True)


def main(how: str) -> None:
    go, ready = os.pipe(), os.pipe()
    name = FORWARDER if how == "forwarded" else "ollama"
    user = OUR_USER if how == "forwarded" else THEIR_USER
    with tempfile.TemporaryDirectory() as folder:
        group = grouped(folder, how) if how == "cgroup" else ""

        def start() -> None:
            if group:
                with open(f"{group}/cgroup.procs", "w") as file:
                    file.write(str(os.getpid()))
            engine(user, name, go[0], ready[1])

        pid = forked(start)
        os.close(ready[1])
        os.read(ready[0], 1)
        measuring = forked(lambda: meter(go[1]))
        os.close(go[1])
        os.waitpid(measuring, 0)
        os.waitpid(pid, 0)
        if group:
            os.rmdir(group)
            subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
