"""`llamune knowledge evaluate`."""

import argparse
from typing import Any


async def run(args: argparse.Namespace, shelf: Any) -> int:
    return 0
