"""Documents that answer: which collections are searched, and what the last answer saw of them.

Adding and changing collections is `llamune knowledge`; here they are switched on and looked at, and get a new index
where what made theirs is gone or another one now.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from llamune.chat.grounding import title
from llamune.chat.passage import Found, Passage, Retriever
from llamune.chat.seen import Checked, Seen
from llamune.chat.session import Answer
from llamune.commands import reindexing, wording
from llamune.commands.answers import last_turn, letters
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Listing, Marked, Note, Verbatim
from llamune.errors import UsageError, near
from llamune.i18n import N_, _
from llamune.knowledge.terms import fold

TITLE = N_("Knowledge")
HITS = 50  # rows of the log
RETRIEVERS: Mapping[Retriever, str] = {
    "vector": N_("meaning"),
    "keyword": N_("words"),
    "question": N_("likely question"),
}
EXCERPT = 300  # characters of a passage in /sources
WAYS = {
    "on": N_("search collections for each question"),
    "off": N_("no longer; alone: none of them"),
    "say": N_("say so when the documents hold nothing on a question"),
    "general": N_("let the model answer generally what the documents do not hold"),
    "reindex": N_("make a new index in the background; behind the name, with what: builtin, ollama:MODEL"),
}


def ways(shell: Shell) -> Iterable[Choice]:
    """Completion: what /knowledge can do."""
    return ((name, _(about)) for name, about in WAYS.items())


def names(shell: Shell) -> Iterable[Choice]:
    """Completion: the collections."""
    for name in dict.fromkeys((*shell.conversation.session.corpora, *shell.app.library.names())):
        yield name, _("on") if name in shell.conversation.session.corpora else ""
    yield "all", _("every collection")


@command(
    "knowledge",
    N_("let documents answer: search collections for each question"),
    Parameter("WAY", N_("on, off, say, general or reindex; alone: the collections there are"), choices=ways),
    Parameter("NAME", N_("collections"), rest=True, choices=names),
    now=True,
    example="/knowledge on rules",
)
async def knowledge(shell: Shell, args: Arguments) -> None:
    on, there = shell.conversation.session.corpora, await shell.app.library.corpora()
    match wording.typed(args.get(0)):
        case "":
            _list(shell, there)
            return await reindexing.offer(shell, on)
        case "on":
            chosen = _chosen(args.words[1:], there) or _only(there)
            on = tuple(dict.fromkeys((*on, *chosen)))
        case "off":
            gone = _chosen(args.words[1:], tuple(dict.fromkeys((*on, *there)))) or on
            on = tuple(name for name in on if name not in gone)
        case "say" | "general" as how:
            shell.app.change(not_found=how)
            told = _("When nothing is found: {how}. /settings not_found {name} keeps it for next time.")
            return shell.show(told.format(how=_(WAYS[how]), name=how))
        case "reindex":
            return await reindexing.named(shell, args.words[1:], lambda words: _chosen(words, there) or _only(there))
        case word:
            raise UsageError(
                _("/knowledge does not know “{word}”.").format(word=word), _("/knowledge on NAME · /knowledge off")
            )
    shell.conversation.change(corpora=on)
    told = _("Searched for each question from now on: {names}. /knowledge off ends it.")
    shell.show(Note(told.format(names=", ".join(on)), "good") if on else _("No documents are searched from now on."))
    if wording.typed(args.get(0)) == "on":
        await reindexing.offer(shell, on)


def _list(shell: Shell, there: Sequence[str]) -> None:
    shell.show(
        Listing(
            [Column(_("collection"), least=12), Column("")],
            [(name, " · ".join(_state(shell, name))) for name in there],
            after=_("/knowledge on NAME searches one for each question · /knowledge off"),
            empty=_("There are no collections yet: llamune knowledge add NAME FOLDER"),
        )
    )


def _state(shell: Shell, name: str) -> Iterable[str]:
    if name in shell.conversation.session.corpora:
        yield _("on")
    if renewal := shell.renewals.open.get(name):
        yield _("new index: {percent} %").format(percent=renewal.percent)


def _chosen(typed: Iterable[str], known: Sequence[str]) -> list[str]:
    """The collections named. Raises UsageError with near matches."""
    chosen: list[str] = []
    for word in typed:
        if word == "all" and word not in known:
            chosen += known
            continue
        starts = [name for name in known if name.casefold().startswith(word.casefold())]
        if word not in known and len(starts) != 1:
            raise UsageError(
                _("There is no collection called {name}.").format(name=word),
                _("Did you mean {names}?").format(names=", ".join(starts or near(word, known) or known))
                if known
                else _("There are no collections yet: llamune knowledge add NAME FOLDER"),
            )
        chosen.append(word if word in known else starts[0])
    return chosen


def _only(there: Sequence[str]) -> list[str]:
    """The one collection there is, which need not be named."""
    if len(there) == 1:
        return list(there)
    raise UsageError(
        _("Which collection?") if there else _("There are no collections yet."),
        f"/knowledge on {'|'.join(there)}" if there else "llamune knowledge add NAME FOLDER",
    )


def what(shell: Shell) -> Iterable[Choice]:
    """Completion: what /sources can show."""
    yield "hits", _("all that was looked at, with scores")
    for number, passage in enumerate(_seen(last_turn(shell).answers), 1):
        yield str(number), title(passage)
    yield from letters(shell)


def _seen(answers: Iterable[Answer]) -> tuple[Passage, ...]:
    return next((a.seen.passages for a in answers if a.seen and a.seen.passages), ())


@command(
    "sources",
    N_("the passages behind the last answer; or one of them whole, or every hit"),
    Parameter("WHAT", N_("a passage's number, an answer's letter, or: hits"), choices=what),
    Parameter("WHAT", N_("behind a letter: a number or hits"), choices=what),
    now=True,
    example="/sources hits",
)
async def sources(shell: Shell, args: Arguments) -> None:
    words = [wording.typed(word) for word in args.words]
    answer = _answer(shell, words.pop(0) if words and words[0] != "hits" and not words[0].isdecimal() else "")
    seen, found = answer.seen, answer.seen.found if answer.seen else None
    if seen is None or found is None:
        raise UsageError(
            _("{answer} came without documents.").format(answer=wording.who(answer)), _("/knowledge on NAME")
        )
    if words and words[0] == "hits":
        return _log(shell, seen, found)
    if words:
        return _open(shell, seen, int(words[0]))
    for number, passage in enumerate(seen.passages, 1):
        shell.show(_excerpt(number, passage, answer.checked or Checked()))
        shell.show("")
    if not seen.passages:
        shell.show(_("No passage was shown to the model."))
    shell.show(Note(_("/sources N opens one · /sources hits has the scores"), "dim"))


def _answer(shell: Shell, letter: str) -> Answer:
    """The answer of the last turn with that letter; without one that which stands, or the first with documents."""
    turn = last_turn(shell)
    if letter:
        return shell.conversation.find_answer(letter.upper(), turn)
    first = [a for a in (turn.adopted, *turn.answers) if a]
    if not first:
        raise UsageError(_("The last question has no answer."), _("/retry asks it again."))
    return next((a for a in first if a.seen and a.seen.found), first[0])


def _excerpt(number: int, passage: Passage, checked: Checked) -> Marked:
    """A passage with the words that matched."""
    cited = " · " + _("cited") if number in checked.cited else ""
    head = f"[{number}] {title(passage)}   {passage.corpus} {passage.score:.2f}{cited}"
    text = passage.text.strip()
    cut = text if len(text) <= EXCERPT else text[:EXCERPT].rstrip() + " …"
    return Marked(cut, spans(cut, passage.matched), head)


def spans(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Where the words stand in a text, whatever their width, case and kana; overlapping places are one."""
    folded = "".join(f if len(f := fold(c)) == 1 else c for c in text)
    wanted = [re.escape(fold(word)) for word in words if word.strip()]
    inside: list[tuple[int, int]] = []
    for start, end in sorted(m.span() for word in wanted for m in re.finditer(word, folded)):
        if inside and start <= inside[-1][1]:
            inside[-1] = (inside[-1][0], max(end, inside[-1][1]))
        else:
            inside.append((start, end))
    return inside


def _open(shell: Shell, seen: Seen, number: int) -> None:
    """One passage, whole, as it was found."""
    assert seen.found is not None
    if not 1 <= number <= len(seen.passages):
        raise UsageError(
            _("There is no passage {n}.").format(n=number),
            _("The answer saw 1 to {n}.").format(n=len(seen.passages)) if seen.passages else "/sources hits",
        )
    sent = seen.passages[number - 1]
    whole = next((p for p in seen.found.passages if p.chunk == sent.chunk and p.corpus == sent.corpus), sent)
    shell.show(Verbatim(f"[{number}] {title(whole)}", whole.text))


def _log(shell: Shell, seen: Seen, found: Found) -> None:
    """Everything that was looked at."""
    sent = {(p.corpus, p.chunk): str(n) for n, p in enumerate(seen.passages, 1)}
    rows = [
        (
            sent.get((hit.corpus, hit.chunk), ""),
            f"{hit.score:.3f}",
            title(hit),
            " · ".join(f"{_(RETRIEVERS[name])} {place}" for name, place in hit.ranks.items()),
            " ".join(dict.fromkeys(hit.text[a:b] for a, b in spans(hit.text, hit.matched))),
            hit.corpus,
        )
        for hit in found.hits[:HITS]
    ]
    low, high = found.thresholds
    columns = [
        Column("", right=True),
        Column(_("score"), right=True),
        Column(_("passage"), least=12),
        Column(_("found by"), spare=2),
        Column(_("matched"), least=6, spare=1),
        Column(_("collection"), spare=3),
    ]
    after = _("not found below {low} · sure from {high}").format(low=f"{low:.3f}", high=f"{high:.3f}")
    shell.show(_("searched for: {question}").format(question=found.question))
    shell.show(Listing(columns, rows, after, empty=after))
    for note in found.notes:
        shell.show(Note(note, "warn"))
