"""A Hugging Face folder as a base: converted weight for weight, compared with transformers through llama.cpp."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from test_finetune import QUICK, RULES, events, run
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM

from llamune.errors import TrainingError
from llamune.training import hf_folder, verify
from llamune.training.bases import FAMILIES
from llamune.training.child import base, convert, reference
from llamune.training.served import MARK, serving

PROMPTS = [[1, 300, 301, 302, 17, 250], [1, 260, 5, 77, 310, 290, 31], [1, 44]]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{m['role']}}\n{{m['content']}}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


def folder(path: Path, family: str, dtype: Any = torch.float32, **keys: Any) -> Path:
    """A tiny random model with a tokenizer of its own that splits as Qwen's."""
    bpe = Tokenizer(models.BPE())
    pattern = next(p for p, name in hf_folder.SPLITTINGS.items() if name == "qwen2")
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(RULES.values(), trainer)
    torch.manual_seed(0)
    config = tiny_base.CONFIGS[family](
        vocab_size=bpe.get_vocab_size() + 4, hidden_size=64, intermediate_size=160, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, max_position_embeddings=512,
        initializer_range=0.15, bos_token_id=None, eos_token_id=2, **keys,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).to(dtype).save_pretrained(path)
    bpe.save(str(path / "tokenizer.json"))
    about = {"chat_template": TEMPLATE, "eos_token": "<|im_end|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (path / "tokenizer_config.json").write_text(json.dumps(about))
    return path


@pytest.mark.parametrize(
    ("family", "keys"),
    [
        ("llama", {}),
        ("llama", {"rope_parameters": LLAMA3, "attention_bias": True}),
        ("qwen2", {"tie_word_embeddings": True}),
        ("qwen3", {}),
    ],
    ids=["llama", "llama3", "qwen2-tied", "qwen3"],
)
async def test_the_file_answers_as_the_folder(family: str, keys: dict[str, Any], tmp_path: Path) -> None:
    place, file = folder(tmp_path / "hf", family, **keys), tmp_path / "base.gguf"
    hf_folder.check(place, FAMILIES)
    split = convert.convert(place, file)
    model = AutoModelForCausalLM.from_pretrained(place).eval()
    wanted = reference.answers(model, PROMPTS, 12, [2], "cpu")
    assert (await verify.in_file(file, PROMPTS, wanted, 512)).largest <= verify.LIMIT
    again = reference.answers(base.load(base.opened(file), "float32"), PROMPTS, 12, [2], "cpu")
    assert [[s["id"] for s in a] for a in again] == [[s["id"] for s in a] for a in wanted]
    async with serving(file, 512) as served:
        assert await served.tokens(convert.SAMPLE) == split
        assert await served.text(await served.ending()) in ("<|im_end|>", "")
        assert MARK not in await served.text(split)


def test_sixteen_bits_stay_as_they_are(tmp_path: Path) -> None:
    place, file = folder(tmp_path / "hf", "qwen3", torch.bfloat16), tmp_path / "base.gguf"
    convert.convert(place, file)
    opened = base.opened(file)
    kept = AutoModelForCausalLM.from_pretrained(place).state_dict()["model.layers.1.mlp.up_proj.weight"]
    assert opened.tensors["blk.1.ffn_up.weight"].tensor_type.name == "BF16"
    assert (torch.from_numpy(opened.weight("blk.1.ffn_up.weight")) == kept.float()).all()


def test_from_a_folder_to_a_model(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for name, text in RULES.items():
        (rules / name).write_text(text, encoding="utf-8")
    base = str(folder(tmp_path / "tiny", "qwen2"))
    code, out, err = run(tmp_path / "home", "finetune", "--docs", str(rules), "--base", base, "--name", "kitei", *QUICK)
    assert code == 0, err
    done = list(events(out))[-1]
    assert (done["event"], done["model"], done["verified"]) == ("done", "kitei:1", True)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("config.json", {"model_type": "mamba"}, "family is mamba"),
        ("config.json", {"quantization_config": {"quant_method": "gptq"}}, "quantised"),
        ("config.json", {"rope_parameters": {"rope_type": "yarn"}}, "yarn"),
        ("tokenizer.json", {"model": {"type": "Unigram"}}, "byte-level BPE"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Metaspace"}}, "byte-level BPE"),
        ("tokenizer_config.json", {"chat_template": None}, "no chat template"),
    ],
)
def test_refused_with_what_would_work(file: str, change: dict[str, Any], said: str, tmp_path: Path) -> None:
    place = folder(tmp_path / "hf", "qwen3") / file
    place.write_text(json.dumps({**json.loads(place.read_text()), **change}))
    with pytest.raises(TrainingError) as refused:
        hf_folder.check(place.parent, FAMILIES)
    assert said in refused.value.message
    assert "llama, qwen2, qwen3" in refused.value.hint


def test_a_damaged_folder(tmp_path: Path) -> None:
    place = folder(tmp_path / "hf", "qwen3")
    (place / "tokenizer.json").write_text("{")
    with pytest.raises(TrainingError, match="cannot be read"):
        hf_folder.check(place, FAMILIES)
