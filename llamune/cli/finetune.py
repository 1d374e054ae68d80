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
from llamune.cli import dataset, finetune_compare, finetune_versions, start
from llamune.cli.parser import Declare, Parser, count, one_of
from llamune.errors import TrainingError, UsageError
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.training.recipe import Recipe
    from llamune.training.versions import Version, Versions

PACKAGE = "'llamune[finetune]'"
EXTRA = ("torch", "transformers", "peft", "gguf", "datasketch", "tree_sitter")
MODE = 'models = ["{name}"]  # your own model; its documents: corpora = ["NAME"]\n'
ENGINES = ("ollama", "embedded")
NUMBERS = (  # with their defaults, as in training.recipe
    ("--rank", 16, N_("of the LoRA matrices")),
    ("--alpha", 32, N_("strength of LoRA")),
    ("--epochs", 3, N_("times every pair is seen")),
    ("--steps", 0, N_("steps instead of epochs")),
    ("--batch", 16, N_("pairs a step")),
    ("--length", 1024, N_("tokens of a pair at most")),
)
CHOICES = (  # the first is the default
    ("--method", ("lora", "qlora", "full"), N_("what is trained")),
    ("--dtype", ("auto", "float32", "bfloat16", "nf4"), N_("type of the base's weights; auto tries them")),
    ("--kind", ("F16", "Q8_0"), N_("type of the changed tensors in the file")),
)
SWITCHES = (
    ("--rslora", N_("rank-stabilised LoRA")),
    ("--dora", N_("DoRA: lengths and directions apart")),
    ("--checkpointing", N_("less memory, a third slower")),
    ("--eco", N_("one thread, low priority")),
)


def declare(parser: Parser) -> None:
    """Adds what makes a model, and the verbs about versions."""
    verbs: dict[str, tuple[str, Declare]] = {
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
    parser.add_argument("--base", metavar=_("MODEL"), help=_("the model to begin with: a name, or a .gguf file"))
    engine = _("who will run it; without: Ollama where it runs")
    parser.add_argument("--to", metavar="|".join(ENGINES), type=one_of(*ENGINES), help=engine)
    dataset.sources_arguments(parser)
    for name, default, about in NUMBERS:
        parser.add_argument(name, metavar="N", type=count, default=default, help=_(about))
    for name, choices, about in CHOICES:
        parser.add_argument(name, metavar="|".join(choices), type=one_of(*choices), default=choices[0], help=_(about))
    for name, about in SWITCHES:
        parser.add_argument(name, action="store_true", help=_(about))
    rate = _("highest learning rate; without: by the method")
    parser.add_argument("--rate", metavar="R", type=_rate, default=0.0, help=rate)
    parser.add_argument("--seed", metavar="N", type=int, default=0, help=_("the same seed, the same model"))
    _json(parser)


def _rate(word: str) -> float:
    try:
        found = float(word)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise UsageError(_("{name} cannot be {value}.").format(name="--rate", value=word))
    return found


def _json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help=_("one JSON event a line"))


def _resume_arguments(parser: Parser) -> None:
    parser.add_argument("version", metavar=_("NAME"), nargs="?", default="", help=_("which; without: the last one"))
    _json(parser)


def _update_arguments(parser: Parser) -> None:
    parser.add_argument("version", metavar=_("NAME"), help=_("whose sources to read again"))
    _json(parser)


def run(args: argparse.Namespace) -> int:
    """Makes a model, or runs a verb. Returns the exit code."""
    verbs: dict[str, Callable[[argparse.Namespace], None]] = {
        "": _make, "resume": _resume, "update": _update, "compare": finetune_compare.run, **finetune_versions.RUN,
    }  # fmt: skip
    verbs[args.verb or ""](args)
    return 0


def _make(args: argparse.Namespace) -> None:
    if not args.name or not args.base:
        raise UsageError(
            _("{what} is missing.").format(what="--name" if not args.name else "--base"),
            _("Example: {example}").format(example="llamune finetune --docs ~/rules --base qwen3:0.6b --name rules"),
        )
    _needs_extra()
    recipe = _recipe(args).check()
    asyncio.run(_begin(start.app(args), args, recipe))


async def _begin(app: "App", args: argparse.Namespace, recipe: "Recipe") -> None:
    """Everything that can be refused is refused before any work."""
    from llamune.training.bases import choose
    from llamune.training.versions import Versions

    versions = Versions(app.paths.own)
    folder = versions.data(args.name)
    catalog = app.open_catalog()
    try:
        if args.mode:
            modes.path_of(app.paths.modes, args.mode)  # a name that no mode can have is refused before any work
        base = await choose(catalog, args.base, args.to or "")
        sources = dataset.sources_of(args)
        if sources != type(sources)():
            report, _pairs = await dataset.built(app, args.name, sources, args.questions)
            _say(args, {"event": "dataset", **report.json()}, dataset.told(report))
        elif not (folder / "dataset.jsonl").exists():
            raise UsageError(
                _("Nothing to learn from was named."),
                _("Give documents with --docs, a repository with --repo, or --data."),
            )
        job = {
            "base": str(base.file), "base_model": base.model, "base_digest": base.digest, "like": base.like,
            "engine": base.engine, "mode": args.mode, "recipe": asdict(recipe), "sources": sources.json(),
        }  # fmt: skip
        version = versions.new(args.name, job)
        (version.folder / "dataset.jsonl").write_bytes((folder / "dataset.jsonl").read_bytes())
        await _work(app, versions, version, args)
    finally:
        await catalog.aclose()


async def _work(app: "App", versions: "Versions", version: "Version", args: argparse.Namespace) -> None:
    """Makes or goes on making a version; others wait their turn."""
    import psutil  # type: ignore[import-untyped]

    from llamune.cli.finetune_told import Told
    from llamune.training.making import Making

    told = Told(json=args.json)
    with told, versions.turn(lambda: told.event({"event": "queued"})), versions.working(version):
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
        text = MODE.format(name=version.name)
        modes.write(app.paths.modes, version.job["mode"], text)


def _resume(args: argparse.Namespace) -> None:
    from llamune.training.versions import Versions

    _needs_extra()
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
    try:
        await _work(app, versions, version, args)
    finally:
        await app.open_catalog().aclose()


def _update(args: argparse.Namespace) -> None:
    from llamune.training.dataset.gather import Sources
    from llamune.training.versions import Versions

    _needs_extra()
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
    folder = versions.data(old.name)
    report, _pairs = await dataset.built(app, old.name, sources, "")
    now = (folder / "dataset.jsonl").read_bytes()
    if now == (old.folder / "dataset.jsonl").read_bytes():
        raise UsageError(_("Nothing has changed in the sources of {name}.").format(name=old.tag))
    _say(args, {"event": "dataset", **report.json()}, dataset.told(report))
    kept = ("base", "base_model", "base_digest", "like", "engine", "recipe", "sources")
    version = versions.new(old.name, {k: old.job[k] for k in kept} | {"parent": old.number})
    (version.folder / "dataset.jsonl").write_bytes(now)
    await _work_and_close(app, versions, version, args)


def _recipe(args: argparse.Namespace) -> "Recipe":
    from llamune.training.recipe import Recipe

    names = ("method", "rank", "alpha", "rslora", "dora", "epochs", "steps", "batch", "length", "dtype", "kind",
             "checkpointing", "eco", "seed")  # fmt: skip
    rate = args.rate or (2e-5 if args.method == "full" else 2e-4)
    return Recipe(rate=rate, **{n: getattr(args, n) for n in names})


def _say(args: argparse.Namespace, event: dict[str, Any], text: str) -> None:
    print(json.dumps(event, ensure_ascii=False) if args.json else text, flush=True)


def _needs_extra() -> None:
    """Raises TrainingError where a package is missing, with what to do, also without the internet."""
    from importlib.util import find_spec

    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise TrainingError(
            _("Making a model needs packages that are not installed: {names}").format(names=", ".join(missing)),
            _(
                "{install} (about 3 GB, 6 GB with CUDA). Without the internet: {download} elsewhere, then {offline}."
            ).format(
                install=f"pip install {PACKAGE}",
                download=f"pip download {PACKAGE}",
                offline=f"pip install --no-index --find-links FOLDER {PACKAGE}",
            ),
        )
