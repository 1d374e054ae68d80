"""How many planted copies of functions are found as near-duplicates, and how fast.

Material: functions of the running Python's own library. Planted: 200 of them once more with every name changed and a
line of comment put in. Then the same with a statement added, and how many of the originals, which are different
functions, are taken for copies. Needs the extra finetune.
"""

import random
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # runs from a checkout as well as installed

from llamune.training.dataset import duplicates, syntax

FUNCTIONS, PLANTED = 1800, 200
SHORTEST, LONGEST = 200, 3000  # characters
KEPT = {"self", "cls", "None", "True", "False", "super", "len", "range", "print"}


def material() -> Iterator[str]:
    """Functions of the standard library, file by file."""
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = file.read_text(encoding="utf-8", errors="ignore")
        data = text.encode()
        for function in syntax.functions(syntax.parsed(text, file.name), text):
            if SHORTEST < function.end - function.start < LONGEST:
                yield data[function.start : function.end].decode()


def names(node: Any) -> Iterator[Any]:
    if node.type == "identifier":
        yield node
    for child in node.children:
        yield from names(child)


def renamed(source: str, chance: random.Random, added: str) -> str:
    """The function with other names and one more line."""
    data, made, last, parts = source.encode(), dict[str, str](), 0, []
    for node in names(syntax.parsed(source, "a.py").root_node):
        name = data[node.start_byte : node.end_byte].decode()
        new = name if name in KEPT else made.setdefault(name, f"v{len(made)}")
        parts += [data[last : node.start_byte].decode(), new]
        last = node.end_byte
    lines = "".join([*parts, data[last:].decode()]).split("\n")
    at = chance.randrange(1, len(lines)) if len(lines) > 1 else 1
    return "\n".join([*lines[:at], added, *lines[at:]])


def main() -> None:
    chance = random.Random(1)
    found = list(dict.fromkeys(material()))
    chance.shuffle(found)
    originals = found[:FUNCTIONS]
    copied = chance.sample(range(len(originals)), PLANTED)
    duplicates.clusters([duplicates.tokens("x = 1", "a.py")])  # libraries are loaded
    for what, added in (("names changed, a comment put in", "    # changed"), ("and a statement", "    count += 1")):
        texts = [*originals, *(renamed(originals[n], chance, added) for n in copied)]
        began = time.process_time()
        groups = duplicates.clusters([duplicates.tokens(text, "a.py") for text in texts])
        took = time.process_time() - began
        hit = sum(groups[len(originals) + k] == groups[n] for k, n in enumerate(copied))
        print(f"{what}: {hit / PLANTED:.1%} of {PLANTED} found, {len(texts) / took:,.0f} functions/s")
    print(f"originals taken for copies: {sum(groups[n] != n for n in range(len(originals)))} of {len(originals)}")


if __name__ == "__main__":
    main()
