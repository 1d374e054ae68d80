"""Checks that a guide GGUF is really served: llama.cpp must give the greedy text of transformers.

Both read the same quantized file, so any difference is one of tokenizer, template or arithmetic. A conversation
of more than 600 tokens and a system text are among the questions. It does not say whether answers are right.
usage: python guide/served.py llamune/guide/guide-1m.gguf [--count 40]   (needs xllamacpp)
"""

import argparse
import json
import random
import urllib.request
from pathlib import Path
from typing import Any

import torch
import xllamacpp  # type: ignore[import-untyped]
from corpus import LANGUAGES, load
from gguf_file import read
from scoring import ask, prompt
from trials import unseen_phrases


def serve(path: Path) -> Any:
    """A llama.cpp server on a free port."""
    params = xllamacpp.CommonParams()
    params.model.path, params.port, params.n_parallel, params.n_ctx = str(path), 0, 1, 2048
    params.verbosity, params.cpuparams.n_threads = 1, 1
    return xllamacpp.Server(params)


def served(url: str, messages: list[dict[str, str]]) -> str:
    """The greedy answer of the server."""
    body = {"messages": messages, "temperature": 0, "max_tokens": 80}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})  # fmt: skip
    with urllib.request.urlopen(request) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])


def conversations(count: int) -> list[list[dict[str, str]]]:
    """Single questions, the same with a system text, and long talks of more than 600 tokens."""
    corpus = load()
    texts = [q for lang in LANGUAGES for _, _, q in unseen_phrases(corpus, lang)]
    picked = random.Random(3).sample(texts, count)
    single = [[{"role": "user", "content": q}] for q in picked]
    guided = [[{"role": "system", "content": corpus.words["system_texts"][0]}, *m] for m in single[: count // 4]]
    reply = {"role": "assistant", "content": corpus.topics["help"].answers["ja"][0]}
    talk = [m for q in picked[:25] for m in ({"role": "user", "content": q}, reply)]
    return single + guided + [talk + m for m in single[: count // 8]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--count", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, codec = read(options.path)
    server, asked = serve(options.path), conversations(options.count)
    here = ask(model, codec, [prompt(codec, m) for m in asked])
    there = [served(server.listening_address, m) for m in asked]
    different = [(m[-1]["content"], a, b) for m, a, b in zip(asked, here, there, strict=True) if a.strip() != b.strip()]
    longest = max(len(prompt(codec, m)) for m in asked)
    print(f"{options.path.name}: {len(asked) - len(different)} of {len(asked)} texts equal, longest {longest} tokens")
    for question, a, b in different:
        print(f"  {question}\n    transformers {a!r}\n    llama.cpp    {b!r}")


if __name__ == "__main__":
    main()
