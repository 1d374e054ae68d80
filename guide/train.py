"""Trains the guide models from scratch on one CPU, scores them, writes GGUF files and the figures of the card.

usage: python guide/train.py --out llamune/guide [--sizes 1m,5m] [--seed 0] [--steps N] [--minutes M]
About an hour for both on one core of a machine with AVX-512; baseline.py judges the data before that.
"""

import argparse
import dataclasses
import math
import os
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import card
import torch
from corpus import Corpus, load
from gguf_file import read, write
from learner import SIZES, Codec, make_codec, train
from scoring import score


def one(name: str, corpus: Corpus, codec: Codec, options: argparse.Namespace) -> card.Figures:
    """Trains, scores and writes one model."""
    size = dataclasses.replace(SIZES[name], steps=options.steps or SIZES[name].steps)
    print(f"guide:{name}  {size}", flush=True)
    began = time.monotonic()
    start = None
    if options.start:
        start, codec = read(options.start / f"guide-{name}.gguf")
    model, steps = train(corpus, codec, size, options.seed, options.minutes or math.inf, start)
    minutes = (time.monotonic() - began) / 60
    path = options.out / f"guide-{name}.gguf"
    write(model, codec, path, f"guide:{name}")
    scores = score(model, codec, corpus)
    parameters = sum(p.numel() for p in model.parameters())
    return card.Figures(name, parameters, path.stat().st_size, steps, minutes, options.seed, scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("llamune/guide"))
    parser.add_argument("--sizes", default="1m,5m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="instead of the steps of the size; for a quick try")
    parser.add_argument("--minutes", type=float, help="at most so long a model; on a busy machine fewer steps")
    parser.add_argument("--start", type=Path, help="a folder of guide files to go on from, instead of from nothing")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    corpus = load()
    codec = make_codec(corpus)
    for name in options.sizes.split(","):
        figures = one(name, corpus, codec, options)
        card.update(options.out / "CARD.md", corpus, figures)


if __name__ == "__main__":
    main()
