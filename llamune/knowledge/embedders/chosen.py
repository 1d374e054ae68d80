"""From the name of an embedder, as the user writes it, to the embedder. Nothing is remembered here."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

from llamune.errors import KnowledgeError, UsageError
from llamune.i18n import _
from llamune.knowledge.embedders import BUILT_IN, NONE, Embedder
from llamune.knowledge.embedders.builtin import BuiltIn
from llamune.knowledge.embedders.ollama import EngineEmbedder, Models


async def chosen(wanted: str, models: Models | None) -> Embedder | None:
    """The embedder of a name; None for "none".

    Args:
        models: where those of engines are found; None = no engine is asked.

    Raises: KnowledgeError, UsageError.
    """
    kind, _sep, name = wanted.partition(":")
    if wanted == NONE:
        return None
    if wanted == BUILT_IN:
        if default() != BUILT_IN:
            raise no_extra()
        return BuiltIn()
    if kind == "ollama" and name and models:
        return await EngineEmbedder.open(name, models)
    if kind == "folder" and name:
        from llamune.knowledge.embedders.transformers import FolderEmbedder

        return await asyncio.to_thread(FolderEmbedder, Path(name))
    raise UsageError(
        _("There is no embedder called {name}.").format(name=wanted),
        _("builtin, ollama:MODEL, folder:PATH, or none for keyword search alone."),
    )


def default() -> str:
    """The built-in one where its packages are there."""
    return BUILT_IN if find_spec("scipy") and find_spec("chromadb") else NONE


def no_extra() -> KnowledgeError:
    """The packages for vectors are not installed."""
    return KnowledgeError(
        _("Search by meaning needs more packages: pip install 'llamune[rag]'."),
        _("Without network: make bundle on another machine, then pip install --no-index --find-links FOLDER."),
    )
