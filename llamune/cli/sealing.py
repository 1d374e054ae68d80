"""Seals the program when it starts, as the setting `sealed` says: before the first thread and heavy imports.

What has to be done outside later (starting the engine) is decided here too, and runs in the process outside.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from llamune.network import guard, sealed

if TYPE_CHECKING:
    from llamune.engine.ollama_serve import Program
    from llamune.network.sealed import Place
    from llamune.settings import Settings


def early(mode: str, places: Sequence["Place"], port: int) -> None:
    """Seals before any setting is read, with what a letter remembers of them (see engine/letter.py).

    Raises: PermissionError where it has to be sealed and cannot, so that no letter goes out.
    """
    if mode != "off" and sealed.seal(places, port, _start).way == "guard" and mode == "on":
        raise PermissionError("not sealed")


def seal(args: argparse.Namespace) -> None:
    """Seals as flags and settings say. Raises NetworkPolicyError where it has to be and cannot."""
    from llamune.cli import start
    from llamune.errors import SettingsError

    try:
        chosen = start.settings_of(args)
    except SettingsError:
        return  # told by the command itself
    if chosen.sealed == "off" or getattr(args, "prove_offline", False):
        return
    if _seal(chosen).way == "guard" and chosen.sealed == "on":
        from llamune.errors import NetworkPolicyError
        from llamune.i18n import _
        from llamune.network.why import why

        cause = why(sealed.current())
        raise NetworkPolicyError(
            _("This program cannot be sealed here: {reason}.").format(reason=_(cause)),
            _("With sealed = auto it starts anyway, and says what it can claim: llamune settings set sealed auto"),
        )


def _seal(chosen: "Settings") -> "sealed.Sealed":
    from pathlib import Path

    from llamune import listed, paths

    policy = listed.policy(listed.at_home(chosen, paths.find())[0])
    guard.permit((), policy.names)  # or the look-ups themselves would be refused
    policy = policy.pin()
    guard.permit(policy.allowed, policy.names)
    before = ""
    with suppress(OSError):
        before = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
    hosts = listed.hosts(policy, before)
    return sealed.seal(listed.places(policy), listed.engine_port(policy), _start, hosts, policy)


def close() -> None:
    """Lets the process outside end, with what it started."""
    if link := sealed.current().link:
        link.close()


def _start(before: Callable[[], None]) -> "Program":
    """Starts the engine. Runs outside. Raises OSError where the settings do not want that."""
    import os

    from llamune import listed, paths, settings
    from llamune.address import Address
    from llamune.engine.ollama_serve import Program

    home = paths.find()
    chosen, _told = listed.at_home(settings.load(home), home)
    address = Address.parse(chosen.ollama_host)
    if not (chosen.start_ollama and address.loopback) or address.tls:
        raise PermissionError("the settings do not let it be started")
    return Program(address, home.home / "logs" / "ollama.log", os.environ, before)
