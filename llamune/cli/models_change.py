"""`llamune models import, pull, alias, rm`: what changes which models there are. Only `pull` lets a server call out."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from llamune.errors import EngineUnreachable, NetworkPolicyError, UsageError
from llamune.i18n import _, ngettext

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.engine.catalog import Catalog

REDRAW = 0.1  # seconds between two states of the progress line


async def take_in(app: "App", args: argparse.Namespace) -> None:
    """Makes a GGUF file usable. Raises EngineError."""
    from llamune.cli.output import show
    from llamune.engine.files import check_name

    catalog = app.open_catalog()
    name = args.name or args.file.stem.lower().replace(" ", "-")
    check_name(name)  # before gigabytes are sent
    await _must_be_free(catalog, name)
    engine = catalog.engine(args.to or ("ollama" if await catalog.server_version() else "embedded"))
    with Progress() as progress:
        model = await engine.install(args.file, name, progress)
    show(_("{name} is ready ({engine}): llamune chat -m {name}").format(name=model.name, engine=engine.name))


async def pull(app: "App", args: argparse.Namespace) -> None:
    """Lets Ollama download a model. Raises NetworkPolicyError where the user has not allowed it; EngineError."""
    from llamune.cli.output import show
    from llamune.engine.ollama_models import remote

    if not app.settings.allow_pull:
        raise NetworkPolicyError(
            _("Ollama would call the internet for this, which is not allowed here."),
            _("Allow it: llamune settings set allow_pull true. From a file: llamune models import FILE.gguf"),
        )
    if remote({"name": args.name}):
        raise UsageError(_("{name} would run on another machine, not here.").format(name=args.name))
    catalog = app.open_catalog()
    await catalog.ensure_server()
    if (ollama := catalog.ollama) is None:
        raise EngineUnreachable(_("There is no Ollama here."))
    told = _("Ollama at {where} calls the internet now. Ctrl-C stops; what came is kept, the same command goes on.")
    print(told.format(where=ollama.address.netloc), file=sys.stderr)
    with Progress() as progress:
        await ollama.pull(args.name, progress)
    show(_("{name} is ready ({engine}): llamune chat -m {name}").format(name=args.name, engine=ollama.name))


async def alias(app: "App", args: argparse.Namespace) -> None:
    """Gives a model another name. Raises UsageError, EngineError."""
    from llamune.cli.output import show
    from llamune.engine.files import check_name

    check_name(args.alias)
    catalog = app.open_catalog()
    engine, model = await catalog.find(args.name)
    await _must_be_free(catalog, args.alias)
    await engine.alias(model.name, args.alias)
    show(_("{name} is now also called {alias}.").format(name=model.name, alias=args.alias))


async def _must_be_free(catalog: "Catalog", name: str) -> None:
    """Raises UsageError where a model has this name: it would be lost."""
    from llamune.engine.ollama_models import full_name

    if {name, full_name(name)} & {m.name for m in await catalog.models(refresh=True)}:
        raise UsageError(
            _("There is a model called {name} already.").format(name=name),
            _("Take another name, or remove it first: llamune models rm {name}").format(name=name),
        )


async def remove(app: "App", args: argparse.Namespace) -> None:
    """Removes a model, after a question that says what would be lost. Raises UsageError, EngineError."""
    from llamune.cli.output import confirmed, show
    from llamune.text import size

    catalog = app.open_catalog()
    engine, model = await catalog.find(args.name)
    what = _("{name} ({size}, {engine})").format(name=model.name, size=size(model.size), engine=model.engine)
    if not args.yes:
        if not sys.stdin.isatty():
            raise UsageError(
                _("Nobody can be asked here."), _("--yes removes {what} without asking.").format(what=what)
            )
        others = [m.name for m in await catalog.models() if m.digest == model.digest and m.name != model.name]
        stays = _("It can only come back from a file of yours.")
        if model.path:
            stays = _("Its file stays where it is.")
        elif model.digest and others:
            stays = _("Nothing is lost: {names} is the same model.").format(names=", ".join(others))
        kept = _("Your conversations stay.")
        if used := sum(c.startswith(f"{model.name}/") for c in app.state.lineup):
            kept += " " + ngettext("It is in your line-up.", "It is {n} times in your line-up.", used).format(n=used)
        if not confirmed(_("Remove {what}? {stays}").format(what=what, stays=f"{stays} {kept}")):
            return
    await engine.remove(model.name)
    show(_("{name} is removed.").format(name=model.name))


class Progress:
    """One line on stderr that says how far something is; nothing where stderr is no terminal. Goes at the end."""

    def __init__(self) -> None:
        self._shown = 0.0
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._terminal or time.monotonic() - self._shown < REDRAW:
            return
        from llamune.text import one_line, size

        self._shown = time.monotonic()
        told = f"{done * 100 // total} % " + _("of {size}").format(size=size(total)) if total else size(done)
        print(f"\r\x1b[K{one_line(what)} {told}", end="", file=sys.stderr, flush=True)
