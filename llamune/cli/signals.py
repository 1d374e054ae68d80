"""SIGTERM and SIGHUP stop a command that waits for answers as Ctrl-C does: what has come is kept. Where a system has no
such signals, nothing happens.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress


def cancel_on_signals(told: Callable[[int], None]) -> None:
    """Lets both cancel the current task from now on; `told` hears the exit code first."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def stop(number: int) -> None:
        told(128 + number)
        if task:
            task.cancel()

    for name in ("SIGTERM", "SIGHUP"):
        with suppress(AttributeError, NotImplementedError):  # Windows
            loop.add_signal_handler(getattr(signal, name), stop, getattr(signal, name))
