"""What values look like on this terminal: every value of `commands/values.py`, errors, and the line of figures.

Makes text (ANSI), prints nothing. Everything that came from outside passes `text.clean` here.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from llamune import text
from llamune.chat.session import Answer, Usage
from llamune.commands.values import Disagreement, Fields, Listing, Marked, Note, Said, Shown, Verbatim
from llamune.errors import LlamuneError
from llamune.i18n import _
from llamune.shell import columns as beside
from llamune.shell import listing
from llamune.shell.style import Style

if TYPE_CHECKING:
    from llamune.shell.stream import AnswerStream

ALL, LEAST = 60_000, 1_000  # characters of several answers that are shown together, and at least of each


@dataclass(frozen=True, slots=True)
class View:
    """How things are shown: colours, signs, whether Markdown is rendered, and whether commands can be typed here."""

    style: Style
    glyphs: text.Glyphs
    markdown: bool = True
    commands: bool = True

    def show(self, value: Shown | str, columns: int) -> str:
        """A value as text for a terminal of that width."""
        match value:
            case str():
                return text.folded(value, columns)
            case Note():
                return self.style(text.folded(value.text, columns), value.tone)
            case Listing():
                return listing.listing(value, columns, self.style, self.glyphs)
            case Fields():
                return listing.fields(value, columns, self.style)
            case Said():
                return self.said(value, columns)
            case Verbatim():
                return self.verbatim(value, columns)
            case Disagreement():
                from llamune.shell import differing

                return differing.told(value, columns, self.style, self.glyphs)
            case Marked():
                return self.marked(value)
            case Answer():
                return self.answer(value, columns)

    def error(self, error: LlamuneError, columns: int = 80) -> str:
        """Two lines: what happened, and what to do."""
        lines = [self.style(text.folded(f"{self.glyphs.failed} {error.message}", columns), "bad")]
        if error.hint:
            lines.append(self.style(text.folded(f"  {error.hint}", columns), "dim"))
        return "\n".join(lines)

    def question(self, asked: str, mark: str, limit: int = 30) -> str:
        """What the user typed, as it stays on the screen; a very long paste shows its beginning and its size."""
        lines = text.clean(asked).split("\n")
        shown = [line if len(line) <= 2000 else f"{line[:2000]} …" for line in lines[:limit]]
        body = "\n".join([mark + shown[0], *(" " * text.width(mark) + line for line in shown[1:])])
        if len(lines) > limit or len(asked) > 60_000:
            rest = _("… {lines} lines, {characters} characters in all")
            body += "\n" + self.style(rest.format(lines=f"{len(lines):,}", characters=f"{len(asked):,}"), "dim")
        return self.style(body, "bold")

    def label(self, model: str, preset: str, letter: str = "", mark: str = "") -> str:
        """Who answers: letter where there are several, model, preset; `mark`: from which documents."""
        name = self.style(text.one_line(model), "model") + (f" {self.style(mark, 'dim')}" if mark else "")
        return f"{self.style(letter, 'bold')} {name} {self.style(preset, 'dim')}" if letter else name

    def room(self, answers: int) -> int:
        """Characters of each that are shown where so many answers are shown together."""
        return max(LEAST, ALL // answers) if answers > 1 else sys.maxsize

    def beginning(self, markdown: str, letter: str, columns: int, room: int) -> str:
        """An answer's text as far as there is room, and where the rest is."""
        body = self.body(markdown[:room], columns).rstrip("\n")
        if (left := len(markdown) - room) <= 0:
            return body
        told = _("… {n} more characters: /answer {letter}").format(n=f"{left:,}", letter=letter)
        return f"{body}\n{self.style(text.folded(told, columns), 'dim')}"

    def answer(self, answer: Answer, columns: int, room: int = sys.maxsize) -> str:
        """A stored answer: label, text as far as there is room, how it ended."""
        star = f"{self.glyphs.star} " if answer.adopted else "  "
        label = self.label(answer.model, answer.how, answer.letter, self.mark(answer))
        parts = [star + label, self.above(answer, columns)]
        if answer.text:
            parts.append(self.beginning(answer.text, answer.letter, columns, room))
        parts.append(self.ending(answer, columns))
        return "\n".join(p for p in parts if p)

    def side_by_side(self, answers: Sequence[Answer], columns: int) -> str:
        """Answers beside one another, as many as the width bears."""
        wide = beside.width(columns, min(beside.count(columns), len(answers)))
        cells = []
        for answer in answers:
            star = f"{self.glyphs.star} " if answer.adopted else ""
            head = f"{star}{answer.letter} {text.one_line(answer.model)} {answer.how}"
            body = self.beginning(answer.text, answer.letter, wide, self.room(len(answers))) if answer.text else ""
            parts = (self.above(answer, wide), body, self.ending(answer, wide))
            cells.append((head, [line for part in parts if part for line in part.split("\n")]))
        return beside.arrange(cells, columns, self.glyphs, text.clean)

    def body(self, markdown: str, columns: int) -> str:
        """An answer's text, rendered."""
        if not self.markdown:
            return text.clean(markdown)
        from llamune.shell.stream import render  # loads the Markdown parser, which the first prompt does without

        return render(markdown, columns, color=self.style.color, glyphs=self.glyphs)

    def stream(self, columns: int) -> "AnswerStream":
        """A renderer for an answer that is still being written."""
        from llamune.shell.stream import AnswerStream

        return AnswerStream(columns, color=self.style.color, markdown=self.markdown, glyphs=self.glyphs)

    def mark(self, answer: Answer) -> str:
        """The documents behind an answer, for its label."""
        return sources().mark(answer) if answer.seen else ""

    def above(self, answer: Answer, columns: int) -> str:
        """What is said before an answer's text: that no document stands behind it, though some were searched."""
        return sources().above(answer, columns, self.style) if answer.seen else ""

    def cited(self, answer: Answer, columns: int) -> str:
        """What is said of the documents behind an answer, below its text."""
        return sources().below(answer, columns, self.style, self.commands) if answer.seen else ""

    def ending(self, answer: Answer, columns: int) -> str:
        """The last lines of an answer: its sources, then figures, or why there is no more."""
        match answer.status:
            case "complete":
                parts = (self.cited(answer, columns), self.figures(answer.usage, answer.reason, columns))
                return "\n".join(part for part in parts if part)
            case "cancelled" if answer.reason == "program_gone":
                told = _("(cut here: the program ended; what had come is kept)")
                return self.style(text.folded(told, columns), "warn")
            case "cancelled":
                return self.style(text.folded(_("(stopped; what came is kept)"), columns), "warn")
            case "failed":
                return self.error(LlamuneError(answer.error, answer.hint), columns)
            case _:
                return self.style(_("(still being written)"), "dim")

    def figures(self, usage: Usage, reason: str, columns: int, after: str = "") -> str:
        """First token, speed, tokens, and the loading time apart; `after` is one more part."""
        parts = []
        if usage.first_token_ms is not None:
            waited = max(0.0, usage.first_token_ms - (usage.load_ms or 0))
            parts.append(_("first token {time}").format(time=text.seconds(waited)))
        if usage.tokens_per_second:
            parts.append(_("{n} tokens/s").format(n=f"{usage.tokens_per_second:,.0f}"))
        if usage.completion_tokens:
            parts.append(_("{n} tokens").format(n=f"{usage.completion_tokens:,}"))
        if usage.load_ms and usage.load_ms >= 100:
            parts.append(_("loading {time}").format(time=text.seconds(usage.load_ms)))
        parts += [after] if after else []
        line = self.style(text.folded(" · ".join(parts), columns), "dim")
        told = _("The answer stops here because its length limit was reached.") if reason == "length" else ""
        if reason == "prompt_cut":
            told = _("This server cut the conversation to fit before answering. /context size N gives more room.")
        return f"{line}\n{self.style(text.folded(told, columns), 'warn')}" if told else line

    def said(self, value: Said, columns: int) -> str:
        """A turn read again."""
        turn, answers = value.turn, value.answers or ((value.turn.adopted,) if value.turn.adopted else ())
        parts = [self.question(turn.question, f"{turn.number} {self.glyphs.prompt} ")]
        parts += [self.style(f"  @{text.one_line(a.name)} ({len(a.text):,})", "dim") for a in turn.attachments]
        parts += [self.answer(a, columns, self.room(len(answers))) for a in answers if a]
        return "\n".join(parts)

    def verbatim(self, value: Verbatim, columns: int) -> str:
        """A text between two dim lines."""
        line = self.glyphs.rule
        title = text.cut(text.one_line(value.title), columns - 8)
        head = f"{line * 2} {title} "
        head += line * max(0, min(columns, 72) - text.width(head))
        return "\n".join([self.style(head, "dim"), text.clean(value.text), self.style(line * min(columns, 72), "dim")])

    def marked(self, value: Marked) -> str:
        """A text with marked places; brackets where there is no colour."""
        out, at = [], 0
        for start, end in value.marks:
            found = text.clean(value.text[start:end])
            out.append(text.clean(value.text[at:start]))
            out.append(self.style(found, "mark") if self.style.color or not found.strip() else f"[{found}]")
            at = end
        body = "".join(out) + text.clean(value.text[at:])
        return f"{self.style(text.clean(value.head), 'dim')}\n{body}" if value.head else body


def sources() -> ModuleType:
    """What is said of documents; loaded where an answer has some."""
    from llamune.shell import sources

    return sources
