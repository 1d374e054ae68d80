"""Runs a program without any network, not even a relay: `python -P sealed_child.py WAY PROGRAM …`.

The program takes the place of this one: same pid, streams, user and files. It is not run where the seal that was
promised cannot be made (exit code 125); without a program, that is all there is to find out. Made by `sealed.child`;
imports next to nothing.
"""

import os
import sys

FAILED = 125
VARIABLE = "LLAMUNE_SEALED"  # tells the program how it is sealed


def main(words: list[str]) -> int:
    """Seals this process as the first word says ("namespace" or "seccomp"), then becomes the program."""
    way, *argv = words
    try:
        _seal(way)
        if argv:
            os.environ[VARIABLE] = way
            os.execvp(argv[0], argv)
    except OSError as error:
        print(f"not started, because it could not be sealed ({way}): {error}", file=sys.stderr)
        return FAILED
    return 0


def _seal(way: str) -> None:
    if way == "namespace":
        from llamune.network.namespace import enter

        enter()
    else:
        from llamune.network.seccomp import only_unix

        only_unix()


if __name__ == "__main__":
    sys.path.append(os.path.abspath(f"{__file__}/../../.."))  # run as a file: a folder of our name is not ours
    sys.exit(main(sys.argv[1:]))
