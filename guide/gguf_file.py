"""Writes and reads a guide model as a GGUF file that llama.cpp and Ollama serve with the text of transformers.

Matrices are Q8_0, vectors F32. It knows Qwen2 with a byte-level BPE and ChatML, nothing else.
"""

import json
import os
from pathlib import Path

import gguf
import torch
from learner import CONTEXT, PAD, SIZES, Codec, codec_of, new_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import Qwen2ForCausalLM

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{m['role']}}\n{{m['content']}}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _header(writer: gguf.GGUFWriter, model: Qwen2ForCausalLM, name: str) -> None:
    config = model.config
    writer.add_name(name)
    writer.add_description("A tiny demonstration model that only knows Llamune.")
    writer.add_license("apache-2.0")
    writer.add_languages(["ja", "en"])
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads or config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def _tokens(writer: gguf.GGUFWriter, codec: Codec) -> None:
    tokens = [str(codec.bpe.id_to_token(i)) for i in range(codec.bpe.get_vocab_size())]
    kinds = [gguf.TokenType.CONTROL if t.startswith("<|") else gguf.TokenType.NORMAL for t in tokens]
    merges = json.loads(codec.bpe.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(codec.end)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def write(model: Qwen2ForCausalLM, codec: Codec, path: Path, name: str) -> None:
    """Writes the file beside its place and moves it there, so that a reader never sees half of it."""
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "qwen2")
    _header(writer, model, name)
    _tokens(writer, codec)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, model.config.num_hidden_layers)
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight":  # tied to the embedding
            continue
        kind = gguf.GGMLQuantizationType.F32 if tensor.dim() == 1 else gguf.GGMLQuantizationType.Q8_0
        array = gguf.quants.quantize(tensor.float().numpy(), kind)
        place = str(names.get_name(key, try_suffixes=(".weight", ".bias")))
        writer.add_tensor(place, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, path)


def read(path: Path) -> tuple[Qwen2ForCausalLM, Codec]:
    """The model of a file with its weights as plain numbers, and its tokenizer."""
    reader = gguf.GGUFReader(path)
    tokens, merges = (reader.fields[f"tokenizer.ggml.{k}"].contents() for k in ("tokens", "merges"))
    bpe = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    bpe.add_special_tokens(tokens[:3])
    codec = codec_of(bpe)
    width = reader.fields["qwen2.embedding_length"].contents()
    model = new_model(next(s for s in SIZES.values() if s.hidden == width), codec.end)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, model.config.num_hidden_layers)
    found = {t.name: torch.tensor(gguf.quants.dequantize(t.data, t.tensor_type)) for t in reader.tensors}
    for key, tensor in model.state_dict().items():
        if key != "lm_head.weight":
            tensor.copy_(found[str(names.get_name(key, try_suffixes=(".weight", ".bias")))])
    model.eval()  # type: ignore[no-untyped-call]
    return model, codec
