"""Which places the user's settings list as ones that may be called: the policy of this run.

Only what stands in the settings counts; a variable of the environment leads to this machine or nowhere.
"""

from dataclasses import replace

from llamune.errors import LlamuneError, SettingsError
from llamune.i18n import _
from llamune.network.policy import Policy, listing, packed
from llamune.paths import Paths
from llamune.settings import Settings
from llamune.settings import load as load_settings


def policy(settings: Settings) -> Policy:
    """The policy of settings that went through `at_home`. The engine comes first."""
    return listing("ollama", settings.ollama_host, settings.intranet)


def at_home(chosen: Settings, paths: Paths) -> tuple[Settings, tuple[LlamuneError, ...]]:
    """The settings without an engine elsewhere that only a variable names: no variable is followed out of this machine.

    Returns: the settings to use, and what to tell the user.
    """
    elsewhere = listing("ollama", chosen.ollama_host).listed
    if not elsewhere or chosen.origin("ollama_host") != "environment":
        return chosen, ()
    listed = load_settings(paths, environment={}).ollama_host
    if listed == chosen.ollama_host:
        return chosen, ()
    told = SettingsError(
        _("OLLAMA_HOST names another machine ({host}); it is not called.").format(host=elsewhere[0].host),
        _("To allow it: /settings ollama_host {url}").format(url=chosen.ollama_host),
    )
    return replace(chosen, ollama_host=listed), (told,)


def engine_port(listed: Policy) -> int:
    """The port of the engine on this machine, 0 = it is on another one."""
    engine = listed.destinations[0]
    return engine.port if engine.reach == "machine" else 0


def places(listed: Policy) -> list[tuple[str, int]]:
    """The numeric addresses and ports of a pinned policy: what a sealed program can be led to."""
    found = [(a, d.port) for d in listed.destinations for a in (*d.pinned, *d.here, d.host) if packed(a)]
    return list(dict.fromkeys(found))


def hosts(listed: Policy, before: str) -> str:
    """/etc/hosts (`before` is what stands there) with the names of a pinned policy; "" where it has none."""
    named = {d.host.casefold(): d.pinned for d in listed.listed if d.host.casefold() in listed.names}
    if not named:
        return ""
    kept = [line for line in before.splitlines() if not named.keys() & set(line.casefold().split()[1:])]
    return "\n".join([*kept, *(f"{a} {name}" for name, pinned in named.items() for a in pinned)]) + "\n"
