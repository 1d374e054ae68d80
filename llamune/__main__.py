"""`python -m llamune` is `llamune`."""

import sys

from llamune.cli import main

sys.exit(main())
