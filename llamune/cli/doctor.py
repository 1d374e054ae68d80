"""`llamune doctor`: what was found, what is missing, what to do. It looks, and changes nothing.

Each line has a state: ok, warn (it works, but) or missing (chatting needs it). The exit code is 0 when somebody can
chat here, 1 when not.
"""

import argparse
import asyncio
import os
import platform
import shutil
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal, cast

from llamune import __version__, paths, settings, state
from llamune.cli import doctor_files, start
from llamune.cli.doctor_files import Finding, wrong
from llamune.cli.parser import Parser, json_flag
from llamune.errors import LlamuneError
from llamune.i18n import _, language

if TYPE_CHECKING:
    from llamune.engine.catalog import Catalog
    from llamune.engine.ollama import OllamaEngine
    from llamune.paths import Paths
    from llamune.settings import Settings

NARROW = 40  # columns; below it listings lose what matters


def declare(parser: Parser) -> None:
    """Adds the argument."""
    json_flag(parser)
    parser.add_argument(
        "--prove-offline", action="store_true", help=_("try all that could leave this machine, and say what stops it")
    )


def run(args: argparse.Namespace) -> int:
    """Looks at everything and prints it. Returns 0 when chatting is possible here, else 1."""
    home = paths.find()
    if args.prove_offline:
        from llamune import listed
        from llamune.cli import prove

        policy = listed.policy(listed.at_home(start.settings_of(args), home)[0])
        return prove.run(policy.pin(), home, as_json=args.json)
    findings = [*_program(), *_terminal(), *_home(home)]
    try:
        chosen = start.settings_of(args)
        findings.append(doctor_files.settings_file(home))
    except LlamuneError as error:
        chosen = settings.Settings()
        findings.append(wrong(_("settings"), error, "missing"))
    findings += [*doctor_files.presets(home), *doctor_files.modes(home), *doctor_files.recommended(home)]
    findings += [doctor_files.database(home), _sealed(chosen), *_pulling(chosen)]
    engines, able = asyncio.run(_engines(chosen, home))
    findings += engines
    able = able and not any(f.state == "missing" for f in findings)
    _print(args, findings, able)
    return 0 if able else 1


def _print(args: argparse.Namespace, findings: list[Finding], able: bool) -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Note

    if args.json:
        return show_json({"able": able, "findings": [asdict(f) for f in findings]})
    for f in findings:
        tone: Literal["good", "warn", "bad"] = {"ok": "good", "warn": "warn", "missing": "bad"}[f.state]  # type: ignore[assignment]
        word = {"ok": _("ok"), "warn": _("warning"), "missing": _("missing")}[f.state]
        show(Note(f"{word}  {f.what}: {f.found}", tone if f.state != "ok" else "plain"))
        if f.todo:
            show(f"    {f.todo}")
    show(Note(_("Chatting works here.") if able else _("Chatting does not work here yet."), "good" if able else "bad"))


def _program() -> Iterator[Finding]:
    yield Finding("Llamune", "ok", f"{__version__} ({language()})")
    old = sys.version_info < (3, 11)
    yield Finding("Python", "missing" if old else "ok", f"{platform.python_version()}, {sys.executable}")
    yield Finding(_("system"), "ok", f"{platform.system()} {platform.release()}, {platform.machine()}")
    total = state.memory()
    from llamune.text import size

    cores = _("{n} cores").format(n=os.cpu_count())
    yield Finding(_("memory"), "ok", f"{size(total)}, {cores}" if total else _("not known") + f", {cores}")


def _terminal() -> Iterator[Finding]:
    encoding, columns = sys.stdout.encoding or "", shutil.get_terminal_size().columns
    utf8 = encoding.lower().replace("-", "").startswith("utf8")
    wide = columns >= NARROW
    told = _("{encoding}, {columns} columns").format(encoding=encoding, columns=columns)
    if not utf8:
        yield Finding(_("terminal"), "warn", told, _("With UTF-8 all signs can be shown: a locale like ja_JP.UTF-8."))
    else:
        todo = "" if wide else _("Below {n} columns listings lose columns.").format(n=NARROW)
        yield Finding(_("terminal"), "ok" if wide else "warn", told, todo)


def _home(home: "Paths") -> Iterator[Finding]:
    place = home.home if home.home.exists() else _first_there(home)
    told, where = _("data folder"), str(home.home)
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            told, "missing", _("{path} cannot be written").format(path=where), _("Set LLAMUNE_HOME to another.")
        )
        return
    yield Finding(told, "ok", where if home.home.exists() else _("{path} (made when needed)").format(path=where))
    free = shutil.disk_usage(place).free
    from llamune.text import size

    small = free < 200_000_000
    todo = _("Free some space; conversations are saved there.") if small else ""
    yield Finding(_("free space"), "warn" if small else "ok", size(free), todo)


def _first_there(home: "Paths") -> "os.PathLike[str]":
    return next(p for p in home.home.parents if p.exists())


def _sealed(chosen: "Settings") -> Finding:
    from llamune.network import sealed
    from llamune.network.why import why

    found, what = sealed.current(), _("sealed")
    cause = why(found)
    reason = _(cause) if cause else ""
    if found.way == "namespace":
        return Finding(what, "ok", _("yes: no network but the relays to the servers listed"))
    if found.way == "seccomp":
        told = _("by a filter that allows Unix sockets only; no namespace: {reason}")
        return Finding(what, "ok", told.format(reason=reason))
    if chosen.sealed == "off":
        return Finding(what, "warn", _("no: the setting sealed is off"), _("To seal: llamune settings set sealed auto"))
    return Finding(what, "warn", _("not possible: {reason}").format(reason=reason))


def _pulling(chosen: "Settings") -> Iterator[Finding]:
    if chosen.allow_pull:
        todo = _("To forbid it: llamune settings set allow_pull false")
        yield Finding("allow_pull", "warn", _("llamune models pull may let Ollama call the internet"), todo)


async def _engines(chosen: "Settings", home: "Paths") -> tuple[list[Finding], bool]:
    """What answers here, and whether anything does."""
    from llamune.engine.catalog import build
    from llamune.listed import policy
    from llamune.network import sealed

    try:
        catalog = build(chosen, home, check=sealed.check(sealed.current().policy or policy(chosen).pin()))
    except LlamuneError as error:
        return [wrong("Ollama", error, "missing")], False
    try:
        embedded = [f async for f in _embedded(catalog)]
        findings = [*[f async for f in _ollama(catalog, chosen)], *embedded]
        models = await catalog.models(refresh=True)
    finally:
        await catalog.aclose()
    runs = embedded[0].state == "ok"
    able = any("completion" in m.capabilities and (runs or m.engine != "embedded") for m in models)
    return findings, able


async def _ollama(catalog: "Catalog", chosen: "Settings") -> AsyncIterator[Finding]:
    engine = cast("OllamaEngine", catalog.engine("ollama"))
    try:
        version, models, off = await engine.version(), await engine.models(), await engine.cloud_is_off()
    except LlamuneError as error:
        installed = shutil.which("ollama") is not None and chosen.start_ollama and engine.address.loopback
        todo = _("It is installed: llamune chat starts it.") if installed else ""
        yield wrong("Ollama", error, "warn") if not todo else Finding("Ollama", "warn", error.message, todo)
        return
    told = _("{version} at {address}, {n} models").format(version=version, address=engine.address.url, n=len(models))
    none = "" if models else _("Get one where there is a network (ollama pull), or: llamune models import FILE.gguf")
    yield Finding("Ollama", "ok" if models else "warn", told, none)
    if off:
        yield Finding(_("Ollama's cloud"), "ok", _("switched off"))
    else:
        told = _("this server cannot say") if off is None else _("not switched off")
        yield Finding(
            _("Ollama's cloud"),
            "warn",
            told,
            _("Set OLLAMA_NO_CLOUD=1 for the server, and nothing can go out that way."),
        )


async def _embedded(catalog: "Catalog") -> AsyncIterator[Finding]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", "import xllamacpp"), stdout=DEVNULL, stderr=DEVNULL
    )  # in a child: a native library that does not fit this processor would take us down
    runs = await process.wait() == 0
    name = _("built-in llama.cpp")
    todo = _("Only Ollama's models answer then. On armv7l there is no such package.")
    yield Finding(name, "ok", _("works")) if runs else Finding(name, "warn", _("xllamacpp cannot be loaded"), todo)
    models = await catalog.engine("embedded").models()
    names = ", ".join(m.name for m in models)
    yield Finding(_("its models"), "ok" if models else "warn", names or _("none"))
