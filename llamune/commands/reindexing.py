"""New indexes for collections whose vectors cannot be asked any more: said, offered, begun. What makes them is
`knowledge/renewals.py`'s; the command itself is `/knowledge reindex`.
"""

from collections.abc import Callable, Sequence

from llamune.commands.session import Shell
from llamune.commands.values import Note
from llamune.i18n import _
from llamune.knowledge.embedders import BUILT_IN, NONE


async def offer(shell: Shell, on: Sequence[str]) -> None:
    """Says which collections need a new index, and begins them if the user says so, who is asked once."""
    stale = await shell.app.library.stale(on)
    for each in stale:
        shell.show(Note(f"{each.corpus}: {each.note}", "warn"))
    if stale and await shell.offer(_("Now, in the background?")):
        for each in stale:
            _begin(shell, each.corpus, each.embedder)


async def named(shell: Shell, words: Sequence[str], chosen: Callable[[Sequence[str]], Sequence[str]]) -> None:
    """Begins new indexes as typed: names, then perhaps what makes them. Without names: for those that need one.

    Args:
        chosen: gives the collections that were named. Raises UsageError.
    """
    embedder = words[-1] if words and _is_embedder(words[-1]) else ""
    names = words[:-1] if embedder else words
    stale = [] if names else await shell.app.library.stale(shell.conversation.session.corpora)
    for each in stale:
        _begin(shell, each.corpus, embedder or each.embedder)
    for name in () if stale else chosen(names):
        _begin(shell, name, embedder)


def _begin(shell: Shell, name: str, embedder: str) -> None:
    shell.renewals.start(name, embedder)
    told = _("{name} gets a new index; the one it has serves until then. /stop {name} ends it.")
    shell.show(Note(told.format(name=name), "dim"))


def _is_embedder(word: str) -> bool:
    return word in (BUILT_IN, NONE) or word.startswith(("ollama:", "folder:"))
