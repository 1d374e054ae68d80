"""`llamune models fit`: which models fit into this machine's memory, and the figures that say so. Loads no model."""

import argparse
import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llamune.chat import fit
from llamune.chat.fit import Fit, Machine
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.chat.model import ModelInfo


async def run(app: "App", args: argparse.Namespace) -> None:
    """Prints a line a model. Raises ModelNotFound."""
    from llamune.cli.output import show, show_json
    from llamune.commands.models import chats, fit_of, memory_line
    from llamune.engine.machine import look

    catalog = app.open_catalog()
    if args.names:
        models = [(await catalog.find(name))[1] for name in args.names]
    else:
        models = [m for m in await catalog.models(refresh=True) if chats(m)]
    loaded = {m.name: m for m in await catalog.loaded()}
    machine = await asyncio.to_thread(look)
    found = [(m, fit_of(app, m, machine, loaded, args.context)) for m in models]
    together = None
    if len(args.names) > 1:
        held = sum(loaded[m.name].size for m in models if m.name in loaded)
        on_gpu = all(m.engine != "embedded" for m in models)
        together = fit.fit([f.need for _m, f in found if f], machine, loaded=held, on_gpu=on_gpu)
    if args.json:
        return show_json(_as_json(machine, found, together))
    show(memory_line(machine) or _("This system does not tell how much memory it has."), _listing(found, together))


def _listing(found: "Sequence[tuple[ModelInfo, Fit | None]]", together: Fit | None) -> Any:
    from llamune.commands.values import Column, Listing

    columns = [
        Column(_("model"), least=12),
        Column(_("fits")),
        Column(_("weights"), right=True, spare=1),
        Column(_("cache"), right=True, spare=2),
        Column(_("work"), right=True, spare=3),
        Column(_("context"), right=True),
        Column(_("engine"), spare=4),
    ]
    rows = [_row(m.name, told, m.engine) for m, told in found]
    if together:
        rows.append(_row(_("all of these at once"), together, ""))
    return Listing(columns, rows, after=_remark(found), empty=_("No engine has a model."))


def _row(name: str, found: Fit | None, engine: str) -> tuple[str, ...]:
    from llamune.commands import wording
    from llamune.text import size

    if found is None:
        return (name, _("not known"), "", "", "", "", engine)
    need = found.need
    return (
        name,
        wording.verdict(found),
        *map(size, (need.weights, need.cache, need.work + need.overhead)),
        f"{need.context:,}",
        engine,
    )


def _remark(found: "Sequence[tuple[ModelInfo, Fit | None]]") -> str:
    told = [
        _("fits: a quarter of free memory stays for kept prompts · tight: only when other programs give memory back"),
        _("computed from the files' own figures; --context COUNT for another context"),
    ]
    if any(f and not f.need.exact for _m, f in found):
        told.append(_("≥: the model does not tell the size of its cache"))
    return "\n".join(told)


def _as_json(machine: Machine, found: "Sequence[tuple[ModelInfo, Fit | None]]", together: Fit | None) -> dict[str, Any]:
    gpus = [{"name": g.name, "total": g.total, "free": g.free, "unified": g.unified} for g in machine.gpus]
    return {
        "machine": {"total": machine.total or None, "free": machine.free or None, "gpus": gpus},
        "models": [{"name": m.name, "engine": m.engine, **fit_json(told)} for m, told in found],
        "together": fit_json(together) if together else None,
    }


def fit_json(found: Fit | None) -> dict[str, Any]:
    """A verdict with its figures in bytes; null where nothing is known."""
    if found is None:
        return {"fits": None}
    need = found.need
    return {
        "fits": found.verdict, "where": found.where, "needs": need.total, "weights": need.weights,
        "cache": need.cache, "work": need.work, "overhead": need.overhead, "context": need.context,
        "exact": need.exact,
    }  # fmt: skip
