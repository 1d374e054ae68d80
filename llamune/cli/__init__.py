"""The command line: what was typed → settings → app → shell, one-shot or listing. The only place that leaves.

Errors of ours are shown as two lines on stderr and give their exit code; anything unexpected is one line, the traceback
goes to the log file. Standard output carries data only. Imports are late: `llamune ask` pays for nothing else.
"""

import errno
import os
import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from llamune.errors import LlamuneError

INTERRUPTED = 130  # 128 + SIGINT, as every shell counts it
PIPE_CLOSED = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words behind the program's name; None = those of this process.

    Returns: the exit code (see errors.py; 1 unexpected, 130 stopped by Ctrl-C, 141 nobody reads what we write).
    """
    try:
        if argv is None:  # this process is ours: nothing is imported before the guard stands
            os.umask(0o077)  # what is written here is the user's alone
            _protect()
            _stand_in()
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            _forgive(stream)
        code = _run(sys.argv[1:], ours=True) if argv is None else _run(list(argv), ours=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains when it flushes at its end
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF):
            return _failed(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        from llamune.errors import LlamuneError
        from llamune.i18n import _

        return _failed(LlamuneError(_("The output could not be written: {reason}").format(reason=error.strerror)))
    except SystemExit as leaving:  # argparse after --help and --version
        return leaving.code if isinstance(leaving.code, int) else 0
    except Exception as error:
        return _failed(error)
    finally:
        if argv is None:
            from llamune.cli.sealing import close

            close()


def _stand_in() -> None:
    """A stream that was closed before we began is an empty one."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - as long as the process lives
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - likewise


def _protect() -> None:
    """Refuses whatever would leave this machine, from now on and in children (see network/guard.py)."""
    from llamune.engine.letter import home
    from llamune.network.guard import install

    folder = home()
    install(os.path.join(folder, "logs", "refused.jsonl") if folder else "")


def _run(words: list[str], *, ours: bool) -> int:
    """Runs the words. `ours`: this process is nobody else's, so that it may be sealed for good."""
    from llamune.cli import sealing

    letter = None
    if words[:1] == ["ask"]:
        from llamune.engine.letter import home, post  # before all other imports: the server works while they are done

        letter = post(home(), words, sealing.early if ours else None)
    from llamune import i18n
    from llamune.cli import parser, start

    i18n.install(start.language(parser.language_of(words)))
    args = parser.build().parse_args(parser.prepared(words))
    args.typed, args.letter = words, letter
    if ours:
        sealing.seal(args)
    from importlib import import_module

    code = import_module(f"llamune.cli.{getattr(args, 'command', None) or 'chat'}").run(args)
    assert isinstance(code, int)
    return code


def _failed(error: Exception) -> int:
    from llamune.errors import LlamuneError

    if isinstance(error, LlamuneError):
        complain(error)
        return error.exit_code
    import logging

    from llamune import paths
    from llamune.app import log_to
    from llamune.i18n import _

    home = paths.find()
    log_to(home)
    logging.getLogger(__name__).error("unexpected", exc_info=error)
    complain(LlamuneError(_("Something unexpected went wrong."), _("{path} has the details.").format(path=home.log)))
    return 1


def complain(error: "LlamuneError") -> None:
    """What happened and what to do, on stderr."""
    from llamune.cli.hints import outside
    from llamune.i18n import _
    from llamune.text import clean

    lines = [_("Error: {message}").format(message=error.message), *([f"  {outside(error.hint)}"] if error.hint else [])]
    print(clean("\n".join(lines)), file=sys.stderr)


def _forgive(stream: IO[str] | None) -> None:
    """A character that the terminal's encoding lacks becomes "?"; it must not end the program."""
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
