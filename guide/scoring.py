"""Asks a trained model all trial questions (greedily) and counts what it does right.

Right = the first command named is the topic's; for topics without a command, the topic's own answer. Refused =
the answer is one of the off-topic answers. Invented = a command that does not exist.
"""

import difflib
import re
from dataclasses import dataclass

import torch
from corpus import OFF, Corpus
from learner import PAD, Codec
from transformers import Qwen2ForCausalLM
from trials import Trial, trials


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one trial."""

    name: str
    asked: int
    right: int
    refused: int
    invented: int
    same_language: int

    def percent(self, count: int) -> float:
        return 100 * count / self.asked


def prompt(codec: Codec, messages: list[dict[str, str]]) -> list[int]:
    """The token ids of the chat template; the last message is the question."""
    heads = {"system": codec.system, "user": codec.user, "assistant": codec.assistant}
    ids: list[int] = []
    for m in messages:
        ids += [*heads[m["role"]], *codec.bpe.encode(m["content"]).ids, codec.end, *codec.newline]
    return ids + list(heads["assistant"])


@torch.no_grad()
def ask(model: Qwen2ForCausalLM, codec: Codec, prompts: list[list[int]], longest: int = 80) -> list[str]:
    """Greedy answers; prompts of similar length are answered together."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    answers = [""] * len(prompts)
    for i in range(0, len(order), 64):
        part = order[i : i + 64]
        width = max(len(prompts[j]) for j in part)
        ids = torch.tensor([[PAD] * (width - len(prompts[j])) + prompts[j] for j in part])
        mask = torch.tensor([[0] * (width - len(prompts[j])) + [1] * len(prompts[j]) for j in part])
        out = model.generate(ids, attention_mask=mask, max_new_tokens=longest, do_sample=False,  # type: ignore[misc]
                             eos_token_id=codec.end, pad_token_id=PAD)  # fmt: skip
        for j, row in zip(part, out[:, width:].tolist(), strict=True):
            answers[j] = codec.bpe.decode(row, skip_special_tokens=True)
    return answers


class Judge:
    """Decides what an answer stands for."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.written = {a: t.name for t in corpus.topics.values() for answers in t.answers.values() for a in answers}

    def topic(self, answer: str) -> str:
        """The topic whose written answer is nearest, or ""."""
        if answer in self.written:
            return self.written[answer]
        near = difflib.get_close_matches(answer, self.written, 1, 0.3)
        return self.written[near[0]] if near else ""

    def right(self, topic: str, answer: str) -> bool:
        command = self.corpus.topics[topic].command
        named = self.corpus.named(answer)
        if command and self.corpus.named(command):
            return named[:1] == self.corpus.named(command)
        return self.topic(answer) == topic

    def count(self, trial: Trial, answers: list[str]) -> Score:
        pairs = list(zip(trial.questions, answers, strict=True))
        return Score(
            trial.name, len(pairs),
            sum(self.right(topic, a) for (topic, _, _), a in pairs),
            sum(self.topic(a) == OFF for _, a in pairs),
            sum(bool(self.corpus.unknown(a)) for _, a in pairs),
            sum(bool(re.search("[ぁ-ん]", a)) == (lang == "ja") for (_, lang, _), a in pairs),
        )  # fmt: skip


def score(model: Qwen2ForCausalLM, codec: Codec, corpus: Corpus) -> list[Score]:
    """All trials, printed as they come."""
    judge, found = Judge(corpus), []
    for trial in trials(corpus):
        answers = ask(model, codec, [prompt(codec, [{"role": "user", "content": q}]) for _, _, q in trial.questions])
        found.append(judge.count(trial, answers))
        s = found[-1]
        print(f"  {s.name:30} n {s.asked:4} right {s.percent(s.right):5.1f} % refused {s.percent(s.refused):5.1f} % "
              f"invented {s.invented} language {s.percent(s.same_language):.0f} %", flush=True)  # fmt: skip
    return found
