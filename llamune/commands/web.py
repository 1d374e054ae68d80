"""/web: a question with what the listed sites of the intranet say about it."""

from llamune.address import sites
from llamune.commands.registry import Arguments, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Listing, Note
from llamune.errors import UsageError
from llamune.i18n import N_, _, ngettext
from llamune.text import one_line

TITLE = N_("Network")


@command(
    "web",
    N_("ask with what the listed sites of the intranet say; nothing else is called"),
    Parameter("WORDS", N_("the question"), required=True, rest=True),
    example="/web 有給休暇の繰越",
)
async def web(shell: Shell, args: Arguments) -> None:
    if not sites(shell.app.settings.intranet):
        raise UsageError(
            _("No site of the intranet is listed."),
            _("Example: {example}").format(example="/settings intranet http://wiki.example/search?q={query}"),
        )
    read = await shell.app.intranet.search(args.rest)
    for note in dict.fromkeys(read.notes):
        shell.show(Note(one_line(note), "warn"))
    if not read.found.passages:
        told = ngettext("{n} page was read; it says nothing about this.",
                        "{n} pages were read; they say nothing about this.", len(read.pages))  # fmt: skip
        return shell.show(Note(told.format(n=len(read.pages)), "warn"))
    rows = [(f"[{n}]", one_line(p.section), one_line(p.path)) for n, p in enumerate(read.found.passages, 1)]
    shell.show(Listing([Column(""), Column(_("passage"), least=12), Column(_("address"), least=16)], rows))
    running = await shell.conversation.ask(args.rest, found=read.found)
    await shell.watch(running, shell.conversation.last_turn())
