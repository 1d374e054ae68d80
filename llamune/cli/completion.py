"""`llamune completion bash|zsh|fish`: a static script, written from the declarations of the command line.

It completes commands, verbs and options, and files where nothing else fits; it never starts the program.
"""

import argparse
from collections.abc import Iterator
from shlex import quote

from llamune.cli.parser import Parser, build, one_of
from llamune.i18n import _

BASH = """\
# bash: llamune completion bash > ~/.local/share/bash-completion/completions/llamune
_llamune() {{
    local word at=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$at $word" in {paths}) at="${{at:+$at }}$word" ;; esac
    done
    local words=""
    case "$at" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _llamune llamune
"""
ZSH = """\
#compdef llamune
# zsh: llamune completion zsh > _llamune, in a folder of your $fpath
_llamune() {{
    local word at="" list=""
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$at $word" in ({paths}) at="${{at:+$at }}$word" ;; esac
    done
    case "$at" in
{cases}
    esac
    compadd -- ${{=list}} || _files
}}
if [ "$funcstack[1]" = "_llamune" ]; then _llamune "$@"; else compdef _llamune llamune; fi
"""


def declare(parser: Parser) -> None:
    """Adds the argument."""
    parser.add_argument("shell", metavar="bash|zsh|fish", type=one_of("bash", "zsh", "fish"), help=_("which shell"))


def run(args: argparse.Namespace) -> int:
    """Prints the script."""
    top = build().fill()
    print(fish(top) if args.shell == "fish" else posix(top, args.shell), end="")
    return 0


def tree(parser: Parser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Every command with the words that lead to it."""
    yield path, parser
    for name, sub in parser.subparsers.items():
        yield from tree(sub.fill(), (*path, name))


def posix(top: Parser, shell: str) -> str:
    """The script for bash or zsh."""
    template, variable, bracket = (BASH, "words", "") if shell == "bash" else (ZSH, "list", "(")
    found = list(tree(top))
    paths = "|".join(quote(" ".join(p) if len(p) > 1 else f" {p[0]}") for p, _parser in found if p)
    cases = (f'{bracket}{quote(" ".join(p))}) {variable}="{" ".join(_words(sub))}" ;;' for p, sub in found)
    return template.format(paths=paths, cases="\n".join(f"        {case}" for case in cases))


def _words(parser: Parser) -> list[str]:
    return [*parser.subparsers, *(o for a in parser.options for o in a.option_strings if o.startswith("--"))]


def fish(top: Parser) -> str:
    """The script for fish."""
    lines = ["# fish: llamune completion fish > ~/.config/fish/completions/llamune.fish"]
    for path, parser in tree(top):
        seen = [f"__fish_seen_subcommand_from {word}" for word in path]
        names = " ".join(parser.subparsers)
        open_ = [f"not __fish_seen_subcommand_from {names}"] if names else []
        for name, sub in parser.subparsers.items():
            where = quote("; and ".join([*seen, *open_]))
            lines.append(f"complete -c llamune -f -n {where} -a {name} -d {quote(sub.description or '')}")
        for action in parser.options:
            where = f" -n {quote('; and '.join(seen))}" if seen else ""
            names = " ".join(f"-l {o[2:]}" if o.startswith("--") else f"-s {o[1:]}" for o in action.option_strings)
            lines.append(f"complete -c llamune{where} {names} -d {quote(action.help or '')}")
    return "\n".join(lines) + "\n"
