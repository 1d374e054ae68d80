"""Extra prompts: texts that go along with every question, of this session, of a mode, or always."""

import re
from collections.abc import Iterable

from llamune.chat.context import estimate
from llamune.chat.seen import ExtraPrompt
from llamune.commands import wording
from llamune.commands.files import path_of, read_text
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Listing, Verbatim
from llamune.errors import UsageError, near
from llamune.i18n import N_, _, ngettext

TITLE = N_("Extra prompts")
WAYS = {
    "add": N_("a text in quotes, @FILE, or a ready one; then --session, --always or --mode NAME"),
    "show": N_("a prompt whole, with its versions"),
    "edit": N_("another text; without one the old one comes into the input"),
    "off": N_("do not send it for now"),
    "on": N_("send it again, also after remove"),
    "remove": N_("take it out of the list"),
}
READY = {
    "japanese": "回答は、質問や資料の言語にかかわらず、必ず自然な日本語で書いてください。",
    "english": "Always answer in English, whatever language the question or the documents are in.",
    "short": "Answer in at most three sentences.",
}
FLAG = re.compile(r"(?:^|\s)--(session|always|mode(?:\s+|=)(?P<mode>\S+))(?=\s|$)")
QUOTES = ("“”", '""', "「」", "''")


def ways(shell: Shell) -> Iterable[Choice]:
    """Completion: what /prompt can do."""
    return ((name, _(about)) for name, about in WAYS.items())


def what(shell: Shell) -> Iterable[Choice]:
    """Completion: ready texts, where they hold, and the numbers there are."""
    yield from READY.items()
    yield "--session", _("in this session")
    yield "--always", _("in every session")
    yield from ((f"--mode {name}", _("whenever that mode is on")) for name in shell.app.library.modes().modes)
    yield from ((str(p.number), p.text) for p in _held(shell) if p.number)


@command(
    "prompt",
    N_("texts that go along with every question"),
    Parameter("WAY", N_("add, show, edit, off, on, remove; alone: what is sent"), choices=ways),
    Parameter("WHAT", N_("a text or a number"), rest=True, choices=what),
    now=True,
    example="/prompt add japanese --always",
)
async def prompt(shell: Shell, args: Arguments) -> None:
    way, rest = wording.typed(args.get(0)), args.rest[len(args.get(0)) :].strip()
    match way:
        case "":
            return _list(shell)
        case "add":
            return _add(shell, rest)
        case "show":
            return _show(shell, _number(rest))
        case "edit":
            return _edit(shell, rest)
        case "on" | "off" | "remove":
            found = shell.app.store.prompts.change(_number(rest), active=way == "on", removed=way == "remove")
            back = _("/prompt on {n} brings it back.").format(n=found.number)
            return shell.show(_now(shell) + (f" {back}" if way == "remove" else ""))
    raise UsageError(
        _("/prompt does not know “{word}”.").format(word=way),
        _("Did you mean {names}?").format(names=", ".join(near(way, WAYS) or WAYS)),
    )


def _add(shell: Shell, rest: str) -> None:
    flag = FLAG.search(rest)
    text = _text(FLAG.sub("", rest, count=1).strip())
    if not text:
        raise UsageError(_("What shall be sent along?"), f"/prompt add “…” --always · {' · '.join(READY)}")
    mode = shell.app.library.modes().get(flag["mode"]).name if flag and flag["mode"] else ""
    if mode or (flag and flag[1] == "always"):
        made = shell.app.store.prompts.add(text, mode=mode)
    else:
        if not shell.conversation.session.id:
            shell.conversation.begin()
        made = shell.app.store.prompts.add(text, session_id=shell.conversation.session.id)
    told = _("Prompt {n} goes along {where}: about {tokens} tokens. {now}")
    shell.show(told.format(n=made.number, where=_where(made), tokens=f"{estimate(text):,}", now=_now(shell)))


def _text(typed: str) -> str:
    """What was typed, without quotes; the text of a file, or a ready one. Raises UsageError."""
    if typed.startswith("@"):
        return read_text(path_of(typed[1:])).text.strip()
    pair = next((q for q in QUOTES if len(typed) > 1 and typed[0] == q[0] and typed[-1] == q[1]), "")
    return typed[1:-1].strip() if pair else READY.get(wording.typed(typed), typed)


def _edit(shell: Shell, rest: str) -> None:
    word, _blank, text = rest.partition(" ")
    number = _number(word)
    if not text.strip():
        return shell.put(f"/prompt edit {number} {shell.app.store.prompts.get(number).text}")
    found = shell.app.store.prompts.change(number, text=_text(text.strip()))
    shell.show(_("Prompt {n} is version {version} now. {now}").format(n=number, version=found.version, now=_now(shell)))


def _show(shell: Shell, number: int) -> None:
    for found in shell.app.store.prompts.versions(number):
        head = _("prompt {n}, version {version}, {when}")
        when = wording.when(found.changed_at)
        shell.show(Verbatim(head.format(n=number, version=found.version, when=when), found.text))


def _list(shell: Shell) -> None:
    held = _held(shell)
    columns = [
        Column("", right=True),
        Column(""),
        Column(_("where")),
        Column(_("tokens"), right=True),
        Column(_("version"), right=True, spare=1),
        Column(_("text"), least=16),
    ]
    rows = [
        (
            str(p.number or "–"),
            _("on") if p.active else _("off"),
            _where(p) if p.number else _("file of mode {name}").format(name=p.mode),
            f"{estimate(p.text):,}",
            str(p.version or ""),
            p.text,
        )
        for p in held
    ]
    ready = _("ready ones: {names}").format(names=", ".join(READY))
    shell.show(Listing(columns, rows, _now(shell), empty=_("Nothing goes along: /prompt add “…”") + f" · {ready}"))


def _held(shell: Shell) -> list[ExtraPrompt]:
    """Everything that could be sent now, what is switched off included."""
    session, library = shell.conversation.session, shell.app.library
    return [
        *(library.in_file(session.mode) if session.mode else []),
        *shell.app.store.prompts.held(session.id, session.mode),
    ]


def _where(prompt: ExtraPrompt) -> str:
    if prompt.session_id:
        return _("in this session")
    return _("in mode {name}").format(name=prompt.mode) if prompt.mode else _("always")


def _now(shell: Shell) -> str:
    """What goes along with the next question."""
    sent = shell.app.library.prompts(shell.conversation.session)
    told = ngettext("{n} prompt is sent now, about {tokens} tokens.", "{n} prompts are sent now, about {tokens} tokens.", len(sent))  # fmt: skip  # noqa: E501
    return told.format(n=len(sent), tokens=f"{sum(estimate(p.text) for p in sent):,}")


def _number(word: str) -> int:
    plain = wording.typed(word).lstrip("#")
    if not plain.isdecimal():
        raise UsageError(_("Which prompt?"), _("/prompt lists them."))
    return int(plain)
