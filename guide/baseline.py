"""A linear classifier on character n-grams: judges the data in about 20 seconds, before anything is trained.

Where it is weak, the data are weak, and a transformer will not be better. It answers nothing.
usage: python guide/baseline.py [--seed 0] [--confused]
"""

import argparse
import collections
import zlib

import torch
from corpus import OFF, Corpus, load
from torch.nn import functional
from trials import Trial, trials
from wording import WIDE_QUESTION, Wording

BUCKETS = 1 << 18


def grams(text: str) -> list[int]:
    """The hashed character 1- to 4-grams of a question."""
    text = f"^{text.lower().replace(WIDE_QUESTION, '?')}$"
    return [zlib.crc32(text[i : i + n].encode()) % BUCKETS for n in (1, 2, 3, 4) for i in range(len(text) - n + 1)]


def bags(texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """All n-grams of the texts in one row, and where each text starts."""
    rows = [grams(t) for t in texts]
    starts = torch.tensor([0] + [len(r) for r in rows[:-1]]).cumsum(0)
    return torch.tensor([i for r in rows for i in r]), starts


def fit(corpus: Corpus, seed: int, steps: int = 300, batch: int = 256) -> tuple[torch.nn.EmbeddingBag, list[str]]:
    """The classifier and the names of its classes."""
    torch.manual_seed(seed)
    names, wording = sorted(corpus.topics), Wording(corpus, seed)
    bag = torch.nn.EmbeddingBag(BUCKETS, len(names), mode="mean", sparse=True)
    torch.nn.init.zeros_(bag.weight)
    optimizer = torch.optim.SparseAdam(list(bag.parameters()), lr=0.5)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.5 * (1 - step / steps)
        some = [wording.question() for _ in range(batch)]
        logits = bag(*bags([q for _, _, q in some]))
        functional.cross_entropy(logits, torch.tensor([names.index(t) for t, _, _ in some])).backward()  # type: ignore[no-untyped-call]
        optimizer.step()  # type: ignore[no-untyped-call]
        optimizer.zero_grad()
    return bag, names


def report(corpus: Corpus, test: Trial, guesses: list[str], confused: bool) -> None:
    """Prints one test: right, refused, and if asked the pairs mixed up most."""
    pairs = [(topic, guess) for (topic, _, _), guess in zip(test.questions, guesses, strict=True)]
    same = [a == b or (corpus.topics[a].command == corpus.topics[b].command != "") for a, b in pairs]
    refused = sum(b == OFF for _, b in pairs)
    print(f"{test.name:28} n {len(pairs):4}  right {sum(same) / len(pairs):6.1%}  refused {refused / len(pairs):6.1%}")
    wrong = collections.Counter(p for p, ok in zip(pairs, same, strict=True) if not ok)
    if confused and "free" not in test.name:  # the free questions stay unseen
        print("   ", ", ".join(f"{a}>{b} {n}" for (a, b), n in wrong.most_common(25)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--confused", action="store_true", help="show the topics mixed up most")
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = load()
    bag, names = fit(corpus, options.seed)
    for test in trials(corpus):
        with torch.no_grad():
            best = bag(*bags([q for _, _, q in test.questions])).argmax(1)
        report(corpus, test, [names[i] for i in best], options.confused)


if __name__ == "__main__":
    main()
