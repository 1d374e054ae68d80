"""Puts the guard into a Python child of Llamune; found there because `guard` puts this folder into PYTHONPATH.

Python loads one `sitecustomize` only, so the one that this hides is loaded afterwards.
"""

import os
import sys


def _run() -> None:
    from importlib import import_module
    from importlib.util import module_from_spec, spec_from_file_location

    here = os.path.dirname(os.path.abspath(__file__))
    spec = spec_from_file_location("_llamune_guard", os.path.join(os.path.dirname(here), "guard.py"))
    if spec is None or spec.loader is None:
        raise ImportError("the network guard of Llamune is missing")
    guard = module_from_spec(spec)
    spec.loader.exec_module(guard)
    guard.install_from(os.environ)
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    hidden = sys.modules.pop("sitecustomize", None)
    try:
        import_module("sitecustomize")  # the distribution's own
    except ImportError:
        if hidden is not None:
            sys.modules["sitecustomize"] = hidden


_run()
