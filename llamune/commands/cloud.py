"""Whether the Ollama server would call its maker by itself: asked, told, and written down as evidence."""

from typing import NamedTuple

from llamune.commands.session import Shell
from llamune.commands.values import Note
from llamune.engine.ollama import OllamaEngine
from llamune.errors import LlamuneError
from llamune.i18n import _
from llamune.text import one_line

SHOWN = 12  # models that are named


class Server(NamedTuple):
    """An Ollama server. `off`: its cloud is switched off, None = it cannot say; `remote`: models that run elsewhere."""

    version: str
    off: bool | None
    remote: tuple[str, ...]


async def told(shell: Shell) -> list[tuple[str, str]]:
    """What the server would send away by itself, and how to switch that off."""
    found = await server(shell)
    if found is None:
        return [(_("Ollama's cloud"), _("no server answers"))]
    rows = [(_("Ollama's cloud"), _switch(found.off))]
    if found.remote:
        hidden = _("{names}: hidden here, because they would send the conversation away")
        rows.append((_("cloud models"), hidden.format(names=", ".join(map(one_line, found.remote[:SHOWN])))))
    return rows


async def server(shell: Shell) -> Server | None:
    """The Ollama server as it is now, written down as evidence; None where none answers."""
    engine = next((e for e in shell.app.catalog.engines if isinstance(e, OllamaEngine)), None)
    if engine is None:
        return None
    try:
        found = Server(await engine.version(), await engine.cloud_is_off(), await engine.remote_models())
    except LlamuneError:
        return None
    cloud = {True: "off", False: "on", None: "unknown"}[found.off]
    shell.app.evidence.note("engine", version=found.version, cloud=cloud, remote=list(found.remote[:SHOWN]))
    return found


async def warn(shell: Shell) -> None:
    """Says so when the server calls its maker by itself."""
    found = await server(shell)
    if found is not None and found.off is False:
        shell.show(Note(_("Ollama's cloud") + ": " + _switch(found.off), "warn"))


def _switch(off: bool | None) -> str:
    how = _("To switch it off, start the server with OLLAMA_NO_CLOUD=1.")
    if off:
        return _("off")
    return (
        _("ON: the server calls ollama.com by itself. {how}").format(how=how)
        if off is False
        else (_("this server cannot say. {how}").format(how=how))
    )
