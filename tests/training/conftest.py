"""These tests need the extra finetune; without it they are left out, as the rest of the program works without it."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
