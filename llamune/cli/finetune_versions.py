"""The verbs of `llamune finetune` about versions that exist: list, show, promote, roll back, delete, export."""

import argparse
import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llamune.cli import finetune_export, finetune_try, start
from llamune.cli.parser import Parser, Verbs, json_flag, yes_flag
from llamune.errors import EngineError, TrainingError, UsageError
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.training.versions import Version


def _version(parser: Parser) -> None:
    parser.add_argument("version", metavar=_("NAME"), help=_("NAME or NAME:VERSION; without a version: the newest"))


VERBS: Verbs = {
    "list": (N_("own models and their versions"), json_flag),
    "show": (N_("everything about a version: recipe, figures, files"), _version, json_flag),
    "try": (N_("ask the base and its own models the same, side by side, loaded once"), finetune_try.arguments),
    "stop": (N_("end the making of a version; it can be resumed"), _version),
    "promote": (N_("let a version be the model of its name"), _version),
    "rollback": (N_("let the version before be the model of its name again"), _version),
    "delete": (N_("remove a version for ever"), _version, yes_flag),
    "export": (N_("write a version as a GGUF file, its LoRA weights, or a Modelfile"), finetune_export.arguments),
}


def _find(args: argparse.Namespace, *, finished: bool = False) -> "tuple[App, Version]":
    from llamune.training.versions import Versions

    app = start.app(args)
    versions = Versions(app.paths.own)
    return app, versions.finished(args.version) if finished else versions.find(args.version)


def _list(args: argparse.Namespace) -> None:
    from llamune import paths
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Column, Listing
    from llamune.training.versions import Versions

    versions = Versions(paths.find().own)
    found = versions.all()
    if args.json:
        rows = [{**asdict(v), "folder": str(v.folder), "current": v.number == versions.current(v.name)} for v in found]
        show_json(rows)
        return
    columns = (
        Column(""), Column(_("model")), Column(_("state")), Column(_("base"), spare=3), Column(_("loss"), spare=1),
        Column(_("worth it"), spare=2),
    )  # fmt: skip
    table = tuple(
        ("★" if v.number == versions.current(v.name) else "", v.tag, _state(v), base_of(v), _losses(v), _worth(v))
        for v in found
    )
    if not table:
        show(_("There is no own model yet. Make one: {command}").format(command="llamune finetune --help"))
        return
    show(Listing(columns, table))


def _state(version: "Version") -> str:
    return {"running": _("being made"), "stopped": _("interrupted"), "done": _("finished")}[version.state]


def base_of(version: "Version") -> str:
    """What a version was made of, as the user named it."""
    return str(
        version.job.get("base_model") or Path(str(version.job.get("folder") or version.job.get("base", "?"))).name
    )


def _losses(version: "Version") -> str:
    losses = version.result.get("losses", {})
    before, after = (losses.get(k, {}).get("held") for k in ("before", "after"))
    return f"{before:.2f} → {after:.2f}" if before is not None and after is not None else ""


def _score(score: Mapping[str, Any]) -> str:
    return f"{score['before']:.2f} → {score['after']:.2f} ({score['count']})"


def _worth(version: "Version") -> str:
    if not version.result:
        return ""
    return _("yes") if version.result.get("promote") else _("no")


def _show(args: argparse.Namespace) -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Fields

    _app, version = _find(args)
    if args.json:
        show_json({**asdict(version), "folder": str(version.folder)})
        return
    result = version.result
    recipe: Mapping[str, Any] = version.job.get("recipe", {})
    fields = [
        (_("model"), version.tag),
        (_("state"), _state(version)),
        (_("base"), base_of(version)),
        (_("recipe"), ", ".join(f"{k} {v}" for k, v in recipe.items() if v)),
        (_("loss"), _losses(version)),
        *(
            (kind, f"{s['before']:.2f} → {s['after']:.2f} ({s['count']})")
            for kind, s in result.get("kinds", {}).items()
        ),
        *((_("because"), reason) for reason in result.get("reasons", ())),
        ("SHA-256", str(result.get("sha256", ""))),
        (_("folder"), str(version.folder)),
    ]
    show(Fields(tuple((k, v) for k, v in fields if v)))


def _stop(args: argparse.Namespace) -> None:
    from llamune.cli.output import show
    from llamune.training.versions import Versions

    app, version = _find(args)
    Versions(app.paths.own).stop(version)
    again = f"llamune finetune resume {version.tag}"
    show(_("{name} was stopped. To go on: {command}").format(name=version.tag, command=again))


def _promote(args: argparse.Namespace) -> None:
    app, version = _find(args, finished=True)
    _stand(app, version)


def _rollback(args: argparse.Namespace) -> None:
    from llamune.training.versions import Versions

    app, version = _find(args)
    versions = Versions(app.paths.own)
    before = versions.before(version.name)
    if not before:
        raise UsageError(_("No version of {name} stood before.").format(name=version.name))
    _stand(app, versions.find(f"{version.name}:{before}"))


def _stand(app: "App", version: "Version") -> None:
    """Gives the version's weights the plain name. The file is checked first. Raises TrainingError, EngineError."""
    from llamune.cli.output import show
    from llamune.training.versions import Versions, digest

    if digest(version.folder / "model.gguf") != version.result["sha256"]:
        raise TrainingError(_("The file of {name} has changed since it was made.").format(name=version.tag))
    versions = Versions(app.paths.own)
    asyncio.run(_alias(app, version, ours=versions.current(version.name) > 0))
    versions.promote(version)
    show(_("{name} is now {version}.").format(name=version.name, version=version.tag))


async def _alias(app: "App", version: "Version", *, ours: bool) -> None:
    catalog = app.open_catalog()
    try:
        engine = catalog.engine(version.result["engine"])
        if not ours and await engine.find(version.name):
            raise UsageError(
                _("{name} is already the name of another model.").format(name=version.name),
                _("Use the version by its own name: {name}").format(name=version.tag),
            )
        await engine.alias(version.tag, version.name)
    finally:
        await catalog.aclose()


def _delete(args: argparse.Namespace) -> None:
    from llamune.cli.output import confirmed, show
    from llamune.training.versions import Versions

    app, version = _find(args)
    if version.state == "running":
        raise UsageError(_("{name} is being made by another process.").format(name=version.tag))
    question = _("{name} and everything that made it are removed for ever. Go on?").format(name=version.tag)
    if not args.yes and not confirmed(question):
        show(_("Nothing was removed."))
        return
    versions = Versions(app.paths.own)
    if version.state == "done":
        stands = versions.current(version.name) == version.number
        asyncio.run(_remove(app, version, [version.tag, version.name] if stands else [version.tag]))
    versions.delete(version)
    show(_("{name} is gone.").format(name=version.tag))


async def _remove(app: "App", version: "Version", names: list[str]) -> None:
    catalog = app.open_catalog()
    try:
        for name in names:
            with suppress(EngineError):  # it was removed by hand
                await catalog.engine(version.result["engine"]).remove(name)
    finally:
        await catalog.aclose()


RUN: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "list": _list, "show": _show, "try": finetune_try.run, "stop": _stop, "promote": _promote, "rollback": _rollback,
    "delete": _delete, "export": finetune_export.run,
}  # fmt: skip
