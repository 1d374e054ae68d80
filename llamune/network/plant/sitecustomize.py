"""Plants an attempt to leave in every Python process of a program that is being proven (see cli/prove_inside.py).

It comes by PYTHONPATH, and waits until a process imports what it is there for: by then every protection has to stand.
"""

import json
import os
import sys


class _Plant:
    """Asked first for every module; finds none. `ports`: by module, where the attempt goes."""

    def __init__(self) -> None:
        self._told = json.loads(os.environ["LLAMUNE_PLANTED"])

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if port := self._told["ports"].pop(name, 0):
            sys.path.append(os.path.abspath(f"{__file__}/../../../.."))  # not every process can find the program
            from llamune.network.planted import within

            within(name, self._told["group"], port, self._told["file"])


sys.meta_path.insert(0, _Plant())
