"""The top of a chat: who we are, which models answer, what can be resumed; and the title made behind it."""

from contextlib import suppress
from typing import TYPE_CHECKING

from llamune import text
from llamune.chat import lineup
from llamune.chat.model import DEMONSTRATION, ModelInfo
from llamune.commands import recommending
from llamune.commands.models import look
from llamune.errors import EngineUnreachable, LlamuneError, NotFound, UsageError
from llamune.i18n import _, ngettext

if TYPE_CHECKING:
    from llamune.shell.repl import Repl


async def start(repl: "Repl", resume: int | None) -> None:
    """Looks at the engines, chooses a model, opens the session to resume, and says all of it in a few lines."""
    for problem in repl.app.problems:
        repl.fail(problem)
    who = await _who_answers(repl)
    for line in engines(repl.known, who, _way_to_models(repl)):
        repl.show(line)
    if news := recommending.notice(repl.app):
        repl.show(news)
    if resume is not None:
        reopen(repl, resume)
    elif last := repl.app.store.last_session():
        told = _("last time: “{title}” → /resume").format(title=text.cut(text.one_line(last.title), 40))
        repl.screen.above("  " + repl.view.style(told, "dim"))
    choose(repl)


async def _who_answers(repl: "Repl") -> str:
    """Finds the engines, starts an installed Ollama where none answers, and says in one line what there is."""
    catalog = repl.app.catalog
    try:
        await catalog.ensure_server()
    except LlamuneError as error:
        repl.fail(error)
    await look(repl)
    version, problem = await catalog.server_version(), catalog.problems.get("ollama")
    if version:
        count = sum(m.engine == "ollama" for m in repl.known)
        return f"Ollama {version} · " + ngettext("{n} model", "{n} models", count).format(n=count)
    if problem is None or isinstance(problem, EngineUnreachable):
        return _("Ollama was not found, so the built-in llama.cpp answers.")
    return _("{problem} The built-in llama.cpp answers.").format(problem=problem.message)


def _way_to_models(repl: "Repl") -> str:
    """What to do where there are only the demonstration models; without the server there may be more behind it."""
    if "ollama" in repl.app.catalog.problems:
        return _("real models: start Ollama, or llamune models import FILE.gguf")
    if repl.app.settings.allow_pull:
        return _("real models: llamune models pull NAME, or import FILE.gguf")
    return _("real models: llamune models import FILE.gguf")


def engines(models: tuple[ModelInfo, ...], who: str, way: str) -> list[str]:
    """Two or three lines: who answers, with which models, and how to get real ones."""
    real = [m for m in models if not m.name.startswith(DEMONSTRATION)]
    lines = [f"  {who}"]
    if not real:
        names = ", ".join(m.name for m in models)
        lines.append("  " + _("{names}   tiny demonstration models that only know Llamune").format(names=names))
        lines.append(f"  {way}          /help")
    return lines


def choose(repl: "Repl") -> None:
    """Keeps the session's model when it is there; else takes the next best one, and says so."""
    session, names = repl.conversation.session, [m.name for m in repl.known]
    if session.model in names:
        return
    meant = _meant(session.model, names, typed=repl.app.settings.origin("model") == "flag")
    best = meant or recommending.next_best(repl.app, repl.known)
    if best and session.model and not meant:
        repl.show(recommending.instead(session.model, best))
    if best:
        repl.conversation.change(model=best)


def _meant(name: str, names: list[str], typed: bool) -> str:
    """The installed model that a name stands for: with :latest or, where somebody typed it, by its beginning."""
    if f"{name}:latest" in names:
        return f"{name}:latest"
    with suppress(UsageError):
        return lineup.pick(name, names) if name and typed else ""
    return ""


def reopen(repl: "Repl", number: int) -> None:
    """Goes on with session `number` (0 = the last one) and shows its last turn."""
    session = repl.app.store.session(number) if number else repl.app.store.last_session()
    if session is None:
        raise NotFound(_("There is no session to resume."), _("Ask something: it is saved by itself."))
    repl.conversation.open(session)
    settings = repl.app.settings
    flags = {key: getattr(settings, key) for key in ("model", "preset") if settings.origin(key) == "flag"}
    if flags:  # what was asked for at this start is stronger than what the session had
        repl.conversation.change(**flags)
    repl.show(
        _("session {n} “{title}”, {turns} turns").format(n=session.id, title=session.title, turns=session.turn_count)
    )
    for turn in repl.app.store.turns(session.id, first=-1):
        from llamune.commands.values import Said

        repl.show(Said(turn))


async def suggest_title(repl: "Repl") -> None:
    """A better title by the model, where that is cheap: it is loaded, quick, and more than a demonstration."""
    conversation, session = repl.conversation, repl.conversation.session
    turn = conversation.last_turn()
    speed = turn.adopted.usage.tokens_per_second if turn.adopted else None
    demonstration = session.model.startswith(DEMONSTRATION)
    if not repl.app.settings.suggest_titles or demonstration or session.titled_by != "auto" or (speed or 0) < 10:
        return
    try:
        title = await conversation.better_title()
    except LlamuneError:
        return  # the first sentence stays
    if title and conversation.session.id == session.id and conversation.session.titled_by == "auto":
        conversation.change(title=title, titled_by="model")
