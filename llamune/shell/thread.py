"""Work in a thread that nobody has to wait for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` gives, made in a daemon thread, so that leaving the program never waits for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(give: Callable[[], None]) -> None:
        if not done.done():
            give()

    def run() -> None:
        try:
            result = work()
            give: Callable[[], None] = lambda: done.set_result(result)  # noqa: E731
        except BaseException as caught:
            error = caught
            give = lambda: done.set_exception(error)  # noqa: E731
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, give)

    threading.Thread(target=run, name="load", daemon=True).start()
    return await done
