"""Source code in colours, one line at a time.

An answer arrives line by line and a printed row never changes, so a line's colours may depend on the lines before it
only: strings, comments, numbers and keywords can be told apart that way, and more is not needed to read an answer.
A lexer library colours whole texts, sees an open string differently once it is closed, and costs its import.
"""

import re
from dataclasses import dataclass

from llamune.shell.runs import DIM, Line

COMMENT, STRING, KEYWORD, NUMBER = DIM, "32", "35", "36"
ADDED, REMOVED, HUNK = "32", "31", "36"

_C = """
abstract as async await bool boolean break byte case catch char class const constexpr continue crate debugger default
defer delete do double dyn else enum export extends extern false final finally float fn for foreach from func function
go goto if impl implements import in instanceof int interface internal let long loop match mod move mut namespace new
nil null nullptr of operator override package private protected pub public range readonly ref return select self short
signed sizeof static str string struct super switch template this throw throws trait true try type typedef typename
typeof undefined union unsafe unsigned use using val var virtual void volatile when where while with yield
"""
_PYTHON = """
False None True and as assert async await break case class continue def del elif else except finally for from global if
import in is lambda match nonlocal not or pass raise return self try while with yield
"""
_SHELL = """
break case continue do done elif else esac exit export fi for function if in local read readonly return select set
shift source then trap unset until while FROM RUN COPY ADD CMD ENTRYPOINT ENV WORKDIR EXPOSE ARG USER VOLUME
"""
_SQL = """
add all alter and as asc avg begin between by case check column commit constraint count create cross default delete
desc distinct drop else end exists foreign from full group having if in index inner insert into is join key left like
limit max min not null offset on or order outer primary references right rollback select set sum table then trigger
union unique update using values view when where with
"""
_SCRIPT = """
alias and begin break case class def defined do else elsif elseif end ensure false for foreach function global if in
include local module my next nil not or our package print puts redo repeat require rescue retry return self sub super
then true undef unless until use when while yield
"""


Span = tuple[str, str, str]  # opening mark, closing mark, style: comments and strings that may go on over lines
BLOCK: Span = ("/*", "*/", COMMENT)
HASH = r"(?:(?<=\s)|^)\#"  # where "#" also stands inside words and addresses


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a family of languages looks like within a line. `comment`: a pattern of what begins a comment."""

    names: str
    keywords: str = ""
    comment: str = ""
    spans: tuple[Span, ...] = ()
    quotes: str = "\"'"
    folded_case: bool = False

    def pattern(self) -> re.Pattern[str]:
        """Matches the next thing that has a style; the group's name says which."""
        strings = "|".join(rf"{q}(?:\\.|[^{q}\\])*{q}" for q in self.quotes)
        parts = [
            *(f"(?P<span{n}>{re.escape(opening)})" for n, (opening, _, _) in enumerate(self.spans)),
            *([f"(?P<comment>(?:{self.comment}).*)"] if self.comment else []),
            *([f"(?P<string>{strings})"] if strings else []),
            r"(?P<number>(?<![\w.])(?:0[xXbBoO][0-9a-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\w*)",
            r"(?P<word>[^\W\d]\w*)",
        ]
        return re.compile("|".join(parts))


GRAMMARS = (
    Grammar(
        "py python python3 py3 gyp starlark", _PYTHON, "#", (('"""', '"""', STRING), ("'''", "'''", STRING))
    ),
    Grammar("js javascript jsx mjs ts typescript tsx go golang", _C, "//", (BLOCK, ("`", "`", STRING))),
    Grammar(
        "c h cpp c++ cc hpp cs csharp c# java kotlin kt scala swift rust rs dart php objc groovy zig proto solidity",
        _C, "//", (BLOCK,), '"',
    ),
    Grammar("css scss less", "", r"//(?=\s)", (BLOCK,)),
    Grammar("sh bash zsh shell console terminal fish dockerfile docker makefile make", _SHELL, HASH),
    Grammar("yaml yml toml ini cfg conf env nginx hcl terraform tf", "true false null", r"(?:(?<=\s)|^)[#;]"),
    Grammar("json json5 jsonc jsonl", "true false null", "//", (BLOCK,), '"'),
    Grammar("sql sqlite mysql postgresql postgres plsql tsql", _SQL, "--", (BLOCK,), "'", True),
    Grammar("html xml svg vue xhtml", spans=(("<!--", "-->", COMMENT),)),
    Grammar("ruby rb perl pl r elixir ex julia jl powershell ps1 nim crystal tcl", _SCRIPT, HASH),
    Grammar("lua haskell hs ada elm", _SCRIPT + " where let of data import", "--", (), '"'),
    Grammar("lisp clojure clj scheme elisp el racket", "def defn defun let if cond lambda", ";", (), '"'),
    Grammar("tex latex matlab octave erlang prolog", "end function if for while return", "%", (), ""),
)  # fmt: skip


def grammar(language: str) -> Grammar | None:
    """The grammar for the word behind a code fence, or None where colours would be guesses."""
    return next((rules for rules in GRAMMARS if language.lower() in rules.names.split()), None)


class Highlighter:
    """Gives the lines of one code block their styles, in order.

    Args:
        language: the first word behind the fence; unknown ones leave the code as it is.
    """

    def __init__(self, language: str) -> None:
        self._rules = grammar(language)
        self._pattern = self._rules.pattern() if self._rules else None
        self._words = frozenset(self._rules.keywords.split()) if self._rules else frozenset()
        self._diff = language.lower() in ("diff", "patch")
        self._inside: list[str] = []  # closing mark and style of a comment or string that goes on

    def peek(self, line: str) -> Line:
        """The next line as `line` would style it, without taking it in: for a line that is still growing."""
        inside, styled = self._inside, self.line(line)
        self._inside = inside
        return styled

    def line(self, line: str) -> Line:
        """The runs of the next line."""
        if self._diff:
            return [(line, _diff_style(line))]
        if self._rules is None or self._pattern is None:
            return [(line, "")]
        return self._tokens(line, self._rules, self._pattern)

    def _tokens(self, line: str, rules: Grammar, pattern: re.Pattern[str]) -> Line:
        out: Line = []
        at = self._rest_of_span(line, out)
        while at < len(line) and (match := pattern.search(line, at)):
            out.append((line[at : match.start()], ""))
            kind, at = match.lastgroup or "", match.end()
            if kind.startswith("span"):
                _, *self._inside = rules.spans[int(kind[4:])]
                out.append((match[0], self._inside[1]))
                at = self._rest_of_span(line, out, at)
            else:
                out.append((match[0], self._style(kind, match[0], rules)))
        out.append((line[at:], ""))
        return [run for run in out if run[0]]

    def _style(self, kind: str, word: str, rules: Grammar) -> str:
        if kind == "word":
            return KEYWORD if (word.lower() if rules.folded_case else word) in self._words else ""
        return {"comment": COMMENT, "string": STRING, "number": NUMBER}[kind]

    def _rest_of_span(self, line: str, out: Line, at: int = 0) -> int:
        """Takes in what belongs to an open comment or string; where the line goes on behind it."""
        if not self._inside:
            return at
        closing, style = self._inside
        found = line.find(closing, at)
        end = len(line) if found < 0 else found + len(closing)
        out.append((line[at:end], style))
        if found >= 0:
            self._inside = []
        return end


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ")):
        return "1"
    return {"+": ADDED, "-": REMOVED, "@": HUNK}.get(line[:1], "")
