"""The program with only some ways to seal it, as on systems that refuse the others: `sealing.py WAY,WAY WORDS …`."""

import sys

from llamune.network import sealed

if __name__ == "__main__":
    sealed.WAYS = tuple(way for way in sys.argv.pop(1).split(",") if way)  # type: ignore[assignment]
    from llamune.cli import main

    sys.exit(main())
