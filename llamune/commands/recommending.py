"""Recommended sets in the chat: what is new, applying it, or keeping what there is. One notice, until it is answered.

The words and tables here serve the command line, too. Which sets there are and what applying means is recommend.py's.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from llamune import recommend
from llamune.app import FIRST_PRESET, App
from llamune.chat import fit
from llamune.chat.fit import Fit, Machine, Need
from llamune.chat.model import ModelInfo, first_choice
from llamune.commands import wording
from llamune.commands.models import fits_of, look
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Listing, Note
from llamune.errors import UsageError, near
from llamune.i18n import N_, _, language
from llamune.paths import shipped
from llamune.recommend import PREFIX, Difference, Recommended, RecommendedSet, Sets, Standing
from llamune.state import State
from llamune.text import one_line

TITLE = N_("Models and presets")
WAYS = {
    "details": N_("what is new in the newest set"),
    "apply": N_("let it choose what you have not chosen"),
    "keep": N_("leave all as it is"),
    "back": N_("take out again what a set has put in"),
}
GB = 10**9


def ways(shell: Shell) -> Iterable[Choice]:
    """Completion: what /recommend can do."""
    return ((name, _(about)) for name, about in WAYS.items())


@command(
    "recommend",
    N_("the recommended models; or details, apply, keep, back"),
    Parameter("WAY", N_("details, apply, keep or back; alone: the newest set"), choices=ways),
    now=True,
    example="/recommend details",
)
async def recommended(shell: Shell, args: Arguments) -> None:
    app = shell.app
    sets = sets_of(app)
    for problem in sets.load()[1]:
        shell.show(Note(f"{problem.message} {problem.hint}", "warn"))
    newest = sets.get()
    models = await app.catalog.models()
    names = [m.name for m in models]
    match args.get(0):
        case "":
            here, known = await fits_of(app, models, {m.name: m for m in await app.catalog.loaded()})
            shell.show(headline(app, newest))
            shell.show(listing(newest, known, here))
        case "details":
            shell.show(details(sets, newest, app.state))
        case "apply":
            shell.show(applied(app, newest, names))
        case "back":
            shell.show(applied(app, None, names))
            if shell.conversation.session.preset not in app.presets:
                shell.conversation.change(preset=FIRST_PRESET)
                shell.show(Note(_("Preset {name} from now on.").format(name=FIRST_PRESET), "warn"))
        case "keep":
            app.state.settle(answered=newest.version)
            shell.show(_("All stays as it is."))
        case other:
            raise UsageError(
                _("/recommend does not know “{word}”.").format(word=other),
                _("Did you mean {names}?").format(names=", ".join(near(other, WAYS) or WAYS)),
            )


def sets_of(app: App) -> Sets:
    """The sets of an app's home folder."""
    return Sets(shipped("presets") / "recommended", app.paths.recommended)


def notice(app: App) -> Note | None:
    """What is said at the start when a set is there that is newer than the one answered; None when there is nothing.

    Nothing is said before the user has answered once or imported a set: a first start has enough to read.
    """
    if not app.settings.use_recommended:
        return None
    sets = sets_of(app)
    found = sets.all()
    fresh = not app.state.answered and not any(sets.own.glob("*.toml"))
    if not found or fresh or recommend.age(found[-1].version) <= recommend.age(app.state.answered):
        return None
    told = changes(Difference.of(_before(found, found[-1], app.state), found[-1])) or same()
    head = _("New recommended models: {version}. Nothing changes by itself.").format(version=found[-1].version)
    return Note("\n  ".join([f"● {head}", *told.splitlines(), "/recommend details · apply · keep"]))


def next_best(app: App, known: Sequence[ModelInfo]) -> str:
    """Who answers for somebody whose model is not there: the best of the set in force (or the newest one) that is
    installed, else the first that can chat; "" when nothing can."""
    if app.settings.use_recommended:
        with suppress(UsageError):  # no set can be read
            if name := sets_of(app).get(app.state.recommended).best(m.name for m in known):
                return name
    found = first_choice(known)
    return found.name if found else ""


def instead(old: str, new: str) -> Note:
    """What is said when another model answers."""
    told = _("{old} is not there now; {new} answers. /switch changes it.")
    return Note("  " + told.format(old=one_line(old), new=one_line(new)), "warn")


async def stand_in(shell: Shell) -> bool:
    """Lets the next best model answer from now on where the current one is gone, and says so. Returns whether it is."""
    old = shell.conversation.session.model
    engine = next((m.engine for m in shell.known if m.name == old), "ollama")
    best = next_best(shell.app, await look(shell))
    if not best or old in {m.name for m in shell.known} or engine in shell.app.catalog.problems:
        return False
    shell.show(instead(old, best))
    shell.conversation.change(model=best)
    return True


def signature(how: Standing) -> str:
    """What a file's signature is worth, in words."""
    words = {"trusted": _("trusted"), "unknown key": _("unknown key"), "unsigned": _("unsigned"), "wrong": _("wrong")}
    return words[how]


def fits(model: Recommended, known: Mapping[str, Fit | None], here: Machine) -> Fit | None:
    """Whether a recommended model fits: as computed where it is installed (`known`), else by what its set says."""
    there = known.get(model.installed_as(known))
    return there or fit.fit([Need(round(model.memory * GB), 0, 0, 0, 0)], here)


def headline(app: App, chosen: RecommendedSet) -> Note:
    """Version, date, whether it is in force, and whether anybody measured it."""
    told = [f"{chosen.version} ({chosen.updated})", _("applied") if app.state.recommended == chosen.version else ""]
    if not chosen.measured:
        told.append(_("sizes as published, not measured by us"))
    return Note(" · ".join(x for x in told if x), "dim")


def listing(chosen: RecommendedSet, known: Mapping[str, Fit | None], here: Machine) -> Listing:
    """One row a model, by priority. `known`: the installed ones."""
    columns = [
        Column(""),
        Column(_("model"), least=12),
        Column(_("fits")),
        Column(_("preset"), spare=4),
        Column(_("licence"), spare=5),
        Column(_("at least"), spare=6),
        Column(_("for"), least=16, spare=3),
    ]
    rows = []
    for m in chosen.models:
        if not m.deprecated:
            told = wording.verdict(fits(m, known, here))
            there = m.installed_as(known)
            about = (m.preset, m.licence, m.machine, m.purpose.get(language(), ""))
            name = m.name if there in ("", m.name) else f"{m.name} ({there})"
            rows.append(("✓" if there else "–", name, told, *about))
    after = _("– is not installed: bring its GGUF file along, then: llamune models import FILE.gguf --name NAME")
    return Listing(columns, rows, after)


def details(sets: Sets, chosen: RecommendedSet, state: State) -> Note:
    """What is new in a set, against the one in force or the one before it."""
    before = _before(sets.all(), chosen, state)
    told = [
        f"{chosen.version}: {chosen.changelog.get(language(), '')}",
        _("Compared with {version}:").format(version=before.version) if before else "",
        changes(Difference.of(before, chosen)) or same(),
    ]
    return Note("\n".join(x for x in told if x))


def _before(known: Sequence[RecommendedSet], chosen: RecommendedSet, state: State) -> RecommendedSet | None:
    """The set that a new one is compared with: the one in force, else the one before it."""
    older = [s for s in known if recommend.age(s.version) < recommend.age(chosen.version)]
    in_force = [s for s in older if s.version == state.recommended]
    found = in_force or older
    return found[-1] if found else None


def changes(found: Difference) -> str:
    """What differs, a line each; "" when nothing does."""
    lines = [
        _("new: {names}").format(names=", ".join(found.new)) if found.new else "",
        _("no longer recommended: {names}").format(names=", ".join(found.gone)) if found.gone else "",
        _("order: {names}").format(names=" → ".join(found.order)) if found.order else "",
        _("priority: {names}").format(names=" → ".join(found.priority)) if found.priority else "",
        _("answers at once: {n}").format(n=found.limit) if found.limit else "",
        *(f"{r.model}: {r.old} → {r.new}" for r in found.presets),
        *(f"{PREFIX}{c.purpose}: {c.option} {_number(c.old)} → {_number(c.new)}" for c in found.parameters),
    ]
    return "\n".join(x for x in lines if x)


def same() -> str:
    """What is said where nothing differs that decides about answers."""
    return _("Models, their presets, order, priority, limit and parameters are the same.")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def applied(app: App, chosen: RecommendedSet | None, installed: Sequence[str]) -> Note:
    """Applies a set, or takes back what one has put in, and says what came of it. Raises UsageError."""
    if not app.settings.use_recommended:
        raise UsageError(_("Recommended sets are turned off."), "llamune settings set use_recommended true")
    lineup, limit = recommend.apply(app.state, chosen, installed)
    app.load_presets()
    told = [_("{version} is applied.").format(version=chosen.version) if chosen else _("No set is applied now.")]
    told.append(
        _("line-up: {names}").format(names=", ".join(app.state.lineup) or _("none"))
        if lineup
        else _("Your own line-up stays.")
    )
    if not limit:
        told.append(_("Your own number of answers at once stays."))
    if brought := [name for name in app.presets if name.startswith(PREFIX)]:
        told.append(_("presets: {names}").format(names=", ".join(brought)))
    wanted = [m for m in chosen.models if not m.deprecated] if chosen else []
    if missing := [m.name for m in wanted if not m.installed_as(installed)]:
        told.append(_("not installed: {names}").format(names=", ".join(missing)))
        told.append("  " + _("bring the GGUF file along, then: llamune models import FILE.gguf --name NAME"))
    return Note("\n".join(told), "good")
