"""`llamune finetune`: an own model from own material, on this machine; its versions, and what became of each.

Made by `training.making`; here is the command line, and what a person reads while it works.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llamune import modes
from llamune.cli import dataset_sources, detached, finetune_compare, finetune_recipe, finetune_versions, start
from llamune.cli.parser import Parser, Verbs, one_of
from llamune.errors import UsageError
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.training.recipe import Recipe
    from llamune.training.versions import Version, Versions

MODE = 'models = ["{name}"]\ncorpora = {corpora}\n'
ENGINES = ("ollama", "embedded")


def declare(parser: Parser) -> None:
    """Adds what makes a model, and the verbs about versions."""
    verbs: Verbs = {
        "resume": (N_("go on with a version that was interrupted"), _resume_arguments),
        "update": (N_("a new version from what changed in the sources since"), _update_arguments),
        "compare": (
            N_("which level pays: none, prompt, documents, own model, own model with documents"),
            finetune_compare.arguments,
        ),
        **finetune_versions.VERBS,
    }
    parser.words("verb", verbs, required=False)
    parser.add_argument("--name", metavar=_("NAME"), help=_("what to call it"))
    mode = _("also make a mode of this name, which takes the own model")
    parser.add_argument("--mode", metavar=_("NAME"), help=mode)
    parser.add_argument(
        "--base", metavar=_("MODEL"), help=_("the model to begin with: a name, a .gguf file, a Hugging Face folder")
    )
    engine = _("who will run it; without: Ollama where it runs")
    parser.add_argument("--to", metavar="|".join(ENGINES), type=one_of(*ENGINES), help=engine)
    dataset_sources.sources_arguments(parser)
    finetune_recipe.arguments(parser)
    _common(parser)


def _common(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help=_("one JSON event a line"))
    without = _("go on without this terminal, once everything that can be refused has been looked at")
    parser.add_argument("--background", action="store_true", help=without)


def _resume_arguments(parser: Parser) -> None:
    parser.add_argument("version", metavar=_("NAME"), nargs="?", default="", help=_("which; without: the last one"))
    _common(parser)


def _update_arguments(parser: Parser) -> None:
    parser.add_argument("version", metavar=_("NAME"), help=_("whose sources to read again"))
    _common(parser)


def run(args: argparse.Namespace) -> int:
    """Makes a model, or runs a verb. Returns the exit code."""
    verbs: dict[str, Callable[[argparse.Namespace], None]] = {
        "": _make, "resume": _resume, "update": _update, "compare": finetune_compare.run, **finetune_versions.RUN,
    }  # fmt: skip
    if getattr(args, "background", False):
        finetune_recipe.needs_extra()
        detached.detach()
    verbs[args.verb or ""](args)
    return 0


def _make(args: argparse.Namespace) -> None:
    if not args.name or not args.base:
        raise UsageError(
            _("{what} is missing.").format(what="--name" if not args.name else "--base"),
            _("Example: {example}").format(example="llamune finetune --docs ~/rules --base qwen3:0.6b --name rules"),
        )
    finetune_recipe.needs_extra()
    recipe = finetune_recipe.recipe(args)
    asyncio.run(_begin(start.app(args), args, recipe))


async def _begin(app: "App", args: argparse.Namespace, recipe: "Recipe") -> None:
    """Everything that can be refused is refused before any work."""
    from llamune.training.bases import choose
    from llamune.training.versions import Versions

    versions = Versions(app.paths.own)
    folder = versions.data(args.name)
    catalog = app.open_catalog()
    await asyncio.to_thread(app.measure, "finetune")
    try:
        if args.mode:
            modes.path_of(app.paths.modes, args.mode)  # a name that no mode can have is refused before any work
        base = await choose(catalog, args.base, args.to or "")
        sources = dataset_sources.sources_of(args)
        if sources != type(sources)():
            report, _pairs = await dataset_sources.built(app, args.name, sources, args.questions)
            _say(args, {"event": "dataset", **report.json()}, dataset_sources.told(report))
        elif not (folder / "dataset.jsonl").exists():
            raise UsageError(
                _("Nothing to learn from was named."),
                _("Give documents with --docs, a repository with --repo, or --data."),
            )
        job = {
            "base": str(base.file), "base_model": base.model, "base_digest": base.digest, "like": base.like,
            "engine": base.engine, "mode": args.mode, "recipe": asdict(recipe), "sources": sources.json(),
            "questions": args.questions, "folder": str(base.file) if base.file.is_dir() else "",
        }  # fmt: skip
        version = versions.new(args.name, job, folder / "dataset.jsonl")
        await _work(app, versions, version, args)
    finally:
        await app.close()


async def _work(app: "App", versions: "Versions", version: "Version", args: argparse.Namespace) -> None:
    """Makes or goes on making a version; others wait their turn."""
    import psutil  # type: ignore[import-untyped]

    from llamune.cli.finetune_told import Told
    from llamune.training.making import Making

    told = Told(json=args.json)
    if args.background:
        log = version.folder / "told.log"
        said = _("{name} is made in the background. {list} shows how far it is, {stop} ends it. Its log: {path}")
        stop = f"llamune finetune stop {version.tag}"
        told.line(said.format(name=version.tag, list="llamune finetune list", stop=stop, path=log))
        detached.go_on(log)
    with told, versions.working(version), versions.turn(lambda: told.event({"event": "queued"})):
        making = Making(version, app.open_catalog(), psutil.virtual_memory().available, app.paths.busy, told.event)
        result = await making.run()
    losses = result["losses"]
    done = {
        "event": "done", "name": version.name, "version": version.number, "engine": result["engine"],
        "model": result["model"], "verified": result["verified"],
        "max_logprob_difference": result["max_logprob_difference"],
        "loss_before": losses["before"].get("held"), "loss_after": losses["after"].get("held"),
    }  # fmt: skip
    told.event(done)
    if version.job.get("mode"):
        text = MODE.format(name=version.name, corpora=json.dumps(version.job["sources"].get("corpora", ())))
        modes.write(app.paths.modes, version.job["mode"], text)


def _resume(args: argparse.Namespace) -> None:
    from llamune.training.versions import Versions

    finetune_recipe.needs_extra()
    app = start.app(args)
    versions = Versions(app.paths.own)
    stopped = [v for v in versions.all() if v.state == "stopped"]
    if args.version:
        version = versions.find(args.version)
    elif stopped:
        version = max(stopped, key=lambda v: v.folder.stat().st_mtime)
    else:
        raise UsageError(
            _("No version was interrupted."), _("{command} shows all.").format(command="llamune finetune list")
        )
    if version.state == "done":
        raise UsageError(_("{name} is finished already.").format(name=version.tag))
    asyncio.run(_work_and_close(app, versions, version, args))


async def _work_and_close(app: "App", versions: "Versions", version: "Version", args: argparse.Namespace) -> None:
    await asyncio.to_thread(app.measure, "finetune")
    try:
        await _work(app, versions, version, args)
    finally:
        await app.close()


def _update(args: argparse.Namespace) -> None:
    from llamune.training.dataset.gather import Sources
    from llamune.training.versions import Versions

    finetune_recipe.needs_extra()
    app = start.app(args)
    versions = Versions(app.paths.own)
    old = versions.find(args.version)
    sources = Sources.parse(old.job.get("sources", {}))
    if sources == Sources():
        raise UsageError(
            _("{name} was made from a data set alone; there are no sources to read again.").format(name=old.tag)
        )
    asyncio.run(_renew(app, versions, old, sources, args))


async def _renew(app: "App", versions: "Versions", old: "Version", sources: Any, args: argparse.Namespace) -> None:
    """A new version on the same base, from the sources as they are now. Nothing is made where nothing changed."""
    from llamune.training.bases import present
    from llamune.training.versions import digest

    present(old.job.get("folder") or old.job["base"], old.tag)
    folder = versions.data(old.name)
    report, _pairs = await dataset_sources.built(app, old.name, sources, old.job.get("questions", ""))
    if digest(folder / "dataset.jsonl") == old.job["data"]:
        raise UsageError(_("Nothing has changed in the sources of {name}.").format(name=old.tag))
    _say(args, {"event": "dataset", **report.json()}, dataset_sources.told(report))
    kept = ("base", "base_model", "base_digest", "like", "engine", "recipe", "sources", "questions", "folder")
    job = {k: old.job[k] for k in kept} | {"parent": old.number}
    version = versions.new(old.name, job, folder / "dataset.jsonl")
    await _work_and_close(app, versions, version, args)


def _say(args: argparse.Namespace, event: dict[str, Any], text: str) -> None:
    print(json.dumps(event, ensure_ascii=False) if args.json else text, flush=True)
