"""Trains one guide model: tokenizer, word-vector start, noisy conversations, one Qwen2 of a few million numbers.

What matters, in this order: token vectors from a bag-of-tokens topic classifier, heavy weight on the tokens
of the command, an auxiliary topic head, noise on the questions. It writes no files and scores nothing.
"""

import math
import random
import time
from dataclasses import dataclass

import torch
from corpus import LANGUAGES, Corpus
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional
from transformers import Qwen2Config, Qwen2ForCausalLM
from wording import Wording

VOCABULARY, CONTEXT, PAD = 3072, 2048, 0
COMMAND_WEIGHT, NOISE, DROPOUT = 8.0, 0.15, 0.1
WIDTHS = ((0, 0.65), (224, 0.2), (512, 0.12), (CONTEXT, 0.03))  # tokens a row (0: one question), share of batches
Token = tuple[int, float, int]  # id, weight in the loss, topic decided here or -1


@dataclass(frozen=True, slots=True)
class Size:
    """The shape of a model and how it is trained (tokens a step); `answers` weighs the written answers of a topic."""

    hidden: int
    layers: int
    feed_forward: int
    heads: int
    kv_heads: int
    rate: float
    steps: int
    tokens: int
    answers: tuple[int, int, int]


SIZES = {
    "1m": Size(128, 3, 320, 4, 2, 3e-3, 4000, 2048, (1, 0, 0)),
    "5m": Size(256, 6, 704, 4, 2, 1e-3, 1700, 1024, (4, 1, 1)),
}


@dataclass(frozen=True, slots=True)
class Codec:
    """The byte-level BPE with the token rows of the chat template."""

    bpe: Tokenizer
    end: int
    newline: tuple[int, ...]
    user: tuple[int, ...]
    system: tuple[int, ...]
    assistant: tuple[int, ...]

    @property
    def answer(self) -> tuple[int, ...]:
        """The end of a question and the head of its answer."""
        return (self.end, *self.newline, *self.assistant)


def make_codec(corpus: Corpus) -> Codec:
    """Trained on the generator's questions and all answers; 12 bytes a token at most, or phrases become tokens."""
    wording = Wording(corpus, 5)
    answers = [a for t in corpus.topics.values() for lang in LANGUAGES for a in t.answers[lang]]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, max_token_length=12, show_progress=False,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    texts = answers * 20 + corpus.words["system_texts"] * 5 + [wording.question()[2] for _ in range(16000)]
    bpe.train_from_iterator(texts, trainer)
    return codec_of(bpe)


def codec_of(bpe: Tokenizer) -> Codec:
    """The token rows of ChatML in a vocabulary."""
    start, end = (bpe.encode(t).ids[0] for t in ("<|im_start|>", "<|im_end|>"))
    newline = tuple(bpe.encode("\n").ids)
    user, system, assistant = ((start, *bpe.encode(f"{r}\n").ids) for r in ("user", "system", "assistant"))
    return Codec(bpe, end, newline, user, system, assistant)


class Batches:
    """Endless conversations about the corpus: question tokens are noisy, the tokens of the command weigh more."""

    def __init__(self, corpus: Corpus, codec: Codec, size: Size, seed: int) -> None:
        self.corpus, self.codec, self.size = corpus, codec, size
        self.wording, self.rng = Wording(corpus, seed), random.Random(seed)
        self.topics = sorted(corpus.topics)
        self.answers: dict[str, list[tuple[int, float]]] = {}
        self.stock: list[list[list[Token]]] = []

    def encode(self, question: str) -> list[int]:
        """Token ids with BPE dropout."""
        self.codec.bpe.model.dropout = self.rng.choice([None, 0.1])
        ids: list[int] = self.codec.bpe.encode(question).ids
        self.codec.bpe.model.dropout = None
        return ids

    def _answer(self, text: str) -> list[tuple[int, float]]:
        """Ids and weights of an answer: its first command counts most, without one its first four tokens."""
        if text not in self.answers:
            encoded, named = self.codec.bpe.encode(text), self.corpus.named(text)
            start = text.index(named[0]) if named else 0
            stop = start + len(named[0]) if named else 0
            weights = [COMMAND_WEIGHT if (x < stop and y > start) or (not named and i < 4) else 1.0
                       for i, (x, y) in enumerate(encoded.offsets)]  # fmt: skip
            weights[0] = max(weights[0], COMMAND_WEIGHT / 2)
            self.answers[text] = [*zip(encoded.ids, weights, strict=True), (self.codec.end, 1.0)]
        return self.answers[text]

    def turn(self) -> list[Token]:
        """One question with its answer."""
        name, lang, question = self.wording.question()
        rng, ids = self.rng, self.encode(question)
        p = rng.random() * NOISE if rng.random() < 0.5 else 0.0
        draws = [rng.random() for _ in ids]  # half of the noisy tokens are dropped, half replaced
        kept = ((i, x) for i, x in zip(ids, draws, strict=True) if not p / 2 <= x < p)
        ids = [rng.randrange(3, VOCABULARY) if x < p / 2 else i for i, x in kept]
        answer = rng.choices(self.corpus.topics[name].answers[lang], self.size.answers)[0]
        head: list[Token] = [(i, 0.0, -1) for i in (*self.codec.user, *ids, *self.codec.answer)]
        head[-1] = (head[-1][0], 0.0, self.topics.index(name))
        body: list[Token] = [(i, w, -1) for i, w in self._answer(answer)]
        return [*head, *body, *((i, 0.0, -1) for i in self.codec.newline)]

    def row(self, width: int) -> list[Token]:
        """A conversation of up to `width` tokens (0: one question), one in eight with a system text."""
        found: list[Token] = []
        if self.rng.random() < 0.12:
            text = self.codec.bpe.encode(self.rng.choice(self.corpus.words["system_texts"])).ids
            found = [(i, 0.0, -1) for i in (*self.codec.system, *text, self.codec.end, *self.codec.newline)]
        found += self.turn()
        while len(found) < width - 40:
            found += self.turn()
        return found[: width or None]

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Ids, loss weights and topic labels of rows of one width, about `size.tokens` in all."""
        tokens = self.size.tokens
        width = self.rng.choices([w for w, _ in WIDTHS], [p for _, p in WIDTHS])[0]
        rows = self._short_rows(tokens) if width == 0 else [self.row(width) for _ in range(max(1, tokens // width))]
        longest = max(map(len, rows))
        padded = [r + [(PAD, 0.0, -1)] * (longest - len(r)) for r in rows]
        ids, weights, topics = (torch.tensor([[x[i] for x in r] for r in padded]) for i in range(3))
        return ids, weights, topics

    def _short_rows(self, tokens: int) -> list[list[Token]]:
        """Single questions of similar length, so that little is padding; made for many batches at once."""
        if not self.stock:
            rows = sorted((self.row(0) for _ in range(900)), key=len)
            while rows:
                count = max(1, tokens // len(rows[-1]))
                self.stock.append(rows[-count:])
                del rows[-count:]
            self.rng.shuffle(self.stock)
        return self.stock.pop()


def word_vectors(batches: Batches, width: int, steps: int = 400) -> Tensor:
    """Token vectors of a bag-of-tokens topic classifier; without this start 300 steps give 4 % instead of 50 %."""
    bag = torch.nn.EmbeddingBag(VOCABULARY, width, mode="mean")
    torch.nn.init.normal_(bag.weight, std=0.1)
    head = torch.nn.Linear(width, len(batches.topics))
    optimizer = torch.optim.Adam([*bag.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(steps):
        some = [batches.wording.question() for _ in range(256)]
        rows = [batches.encode(q) or [5] for _, _, q in some]
        starts = torch.tensor([0] + [len(r) for r in rows[:-1]]).cumsum(0)
        logits = head(bag(torch.tensor([i for r in rows for i in r]), starts))
        functional.cross_entropy(logits, torch.tensor([batches.topics.index(t) for t, _, _ in some])).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    return bag.weight.data / bag.weight.data.std() * 0.04


def new_model(size: Size, end: int) -> Qwen2ForCausalLM:
    """An untrained Qwen2 with dropout behind attention and feed-forward (Qwen2 has none of its own)."""
    config = Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=size.hidden, intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers, num_attention_heads=size.heads, num_key_value_heads=size.kv_heads,
        max_position_embeddings=CONTEXT, tie_word_embeddings=True,
        eos_token_id=end, bos_token_id=None, pad_token_id=PAD,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)

    def drop(module: torch.nn.Module, _: object, output: Tensor) -> Tensor:
        return functional.dropout(output, DROPOUT, model.training)

    for layer in model.model.layers:
        layer.self_attn.o_proj.register_forward_hook(drop)
        layer.mlp.down_proj.register_forward_hook(drop)
    return model


class Objective(torch.nn.Module):
    """The loss: weighted answer tokens plus an auxiliary topic classification two thirds up the layers."""

    def __init__(self, model: Qwen2ForCausalLM, topics: int) -> None:
        super().__init__()
        self.model = model
        self.seen: Tensor = torch.empty(0)
        self.head = torch.nn.Linear(model.config.hidden_size, topics)
        self.norm = torch.nn.RMSNorm(model.config.hidden_size)
        layers = model.model.layers
        layers[math.ceil(len(layers) * 2 / 3) - 1].register_forward_hook(self._keep)

    def _keep(self, module: torch.nn.Module, _: object, output: Tensor | tuple[Tensor, ...]) -> None:
        self.seen = output if isinstance(output, Tensor) else output[0]

    def forward(self, ids: Tensor, weights: Tensor, topics: Tensor) -> tuple[Tensor, float, float]:
        """The loss, the loss of the command tokens alone, the share of topics the head gets right."""
        target, weight = ids[:, 1:], weights[:, 1:]
        hidden = self.model.model(input_ids=ids).last_hidden_state[:, :-1][weight > 0]  # logits only at labels
        logits = functional.linear(hidden, self.model.model.embed_tokens.weight).float()
        losses, weight = functional.cross_entropy(logits, target[weight > 0], reduction="none"), weight[weight > 0]
        guesses, labels = self.head(self.norm(self.seen[topics >= 0])).float(), topics[topics >= 0]
        loss = (losses * weight).sum() / weight.sum() + functional.cross_entropy(guesses, labels)
        right = (guesses.argmax(1) == labels).float().mean().item()
        return loss, losses[weight > 1].mean().item(), right


def train(
    corpus: Corpus, codec: Codec, size: Size, seed: int, limit: float, start: Qwen2ForCausalLM | None = None
) -> tuple[Qwen2ForCausalLM, int]:
    """The trained model in evaluation mode and its steps: fewer than planned after `limit` minutes."""
    torch.manual_seed(seed)
    model, batches = start or new_model(size, codec.end), Batches(corpus, codec, size, seed)
    if not start:
        model.get_input_embeddings().weight.data.copy_(word_vectors(batches, size.hidden))  # type: ignore[operator]
    model.train()
    objective = Objective(model, len(batches.topics))
    big, small = ([p for p in objective.parameters() if (p.dim() > 1) == b] for b in (True, False))
    groups = [{"params": big, "weight_decay": 0.1}, {"params": small, "weight_decay": 0.0}]
    optimizer, began = torch.optim.AdamW(groups, lr=size.rate, betas=(0.9, 0.98), fused=True), time.monotonic()
    fast = size.hidden > 128 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    step, done = 0, 0.0
    while done < 1:  # the learning rate falls with the share of steps or of time, whichever is further
        for group in optimizer.param_groups:
            group["lr"] = size.rate * min((step + 1) / 60, 0.03 + 0.485 * (1 + math.cos(math.pi * done)))
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            loss, command, right = objective(*batches.batch())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(objective.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step, minutes = step + 1, (time.monotonic() - began) / 60
        done = max(step / size.steps, minutes / limit)
        if step % 50 == 0 or done >= 1:
            line = f"  {step:5} loss {loss.item():.3f} command {command:.3f} topic {right:.0%} {minutes:.1f} min"
            print(line, flush=True)
    model.eval()  # type: ignore[no-untyped-call]
    return model, step
