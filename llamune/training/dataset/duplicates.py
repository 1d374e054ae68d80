"""Near-duplicates: which texts are copies of one another but for names, numbers and small changes.

MinHash (Broder 1997) over shingles of five tokens, in bands (LSH), so that the time grows with the number of texts.
Code is compared by its shape, with all names the same; prose by its characters after NFKC.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from zlib import crc32

from llamune.training.dataset import syntax

SHINGLE = 5
ALIKE = 0.7  # Jaccard similarity of shingles; benchmarks/duplicates.py
PERMUTATIONS = 64


def clusters(texts: Sequence[Sequence[str]]) -> list[int]:
    """For each text the number of the first one that it is a near-copy of, itself where there is none.

    Args:
        texts: as tokens (see `tokens`).
    """
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS)
    first: list[int] = []
    empty = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=crc32)  # a third of SHA-1's time; no adversary
    for number, text in enumerate(texts):
        found = empty.copy()
        found.update_batch({s.encode() for s in shingles(text)})
        near = [int(k) for k in index.query(found)]
        first.append(min((first[n] for n in near), default=number))
        index.insert(str(number), found)
    return first


def shingles(text: Sequence[str]) -> Iterable[str]:
    """Every run of five tokens; a short text is one shingle."""
    return (" ".join(text[n : n + SHINGLE]) for n in range(max(1, len(text) - SHINGLE + 1)))


def tokens(text: str, path: str) -> list[str]:
    """A text as tokens: code by its shape where there is a grammar, prose by characters."""
    tree = syntax.parsed(text, path)
    if tree is not None:
        return syntax.shape(tree.root_node, text.encode())
    plain = unicodedata.normalize("NFKC", text).casefold()
    return [c for c in plain if c.isalnum()]
