"""Our training against transformers' Trainer with PEFT: the same random model of the shape of Qwen2 0.5B, the same
rows, the same LoRA, batch, type and threads, each in a process of its own. Tokens per second (padding not
counted) over the steps after the first, and the most memory that the process ever held, loading included.

Two minutes and 3 GB of disk on two quiet cores. Needs the extra finetune. `--small`: a shape for trying the script.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # runs from a checkout as well as installed
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin are slow where others work

SHAPE = {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
         "num_key_value_heads": 2, "vocab_size": 151_936}  # fmt: skip
SMALL = {**SHAPE, "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
         "vocab_size": 8000}  # fmt: skip
ROWS, BATCH, RANK, ALPHA, RATE = 32, 4, 16, 32, 2e-4
STEPS = 3  # the first warms up
LENGTHS = (48, 144)
ADAPTED = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def make(folder: Path, shape: dict[str, int]) -> None:
    """The model, as a Hugging Face folder and as a GGUF file; and the rows."""
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    config = Qwen2Config(**shape, tie_word_embeddings=True, max_position_embeddings=4096, rms_norm_eps=1e-6)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder / "hf")
    writer = gguf.GGUFWriter(folder / "base.gguf", "qwen2")
    heads, kv = shape["num_attention_heads"], shape["num_key_value_heads"]
    for add, value in (
        (writer.add_context_length, 4096), (writer.add_embedding_length, shape["hidden_size"]),
        (writer.add_block_count, shape["num_hidden_layers"]), (writer.add_head_count, heads),
        (writer.add_feed_forward_length, shape["intermediate_size"]), (writer.add_head_count_kv, kv),
        (writer.add_layer_norm_rms_eps, 1e-6), (writer.add_rope_freq_base, 10000.0),
        (writer.add_token_list, [f"t{n}" for n in range(shape["vocab_size"])]),
    ):  # fmt: skip
        add(value)
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, shape["num_hidden_layers"])
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":
            place = str(table.get_name(name, try_suffixes=(".weight", ".bias")))
            writer.add_tensor(place, (tensor.half() if tensor.dim() > 1 else tensor.float()).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    chance = random.Random(0)
    with (folder / "tokens.jsonl").open("w") as file:
        for _n in range(ROWS):
            ids = [chance.randrange(shape["vocab_size"]) for _k in range(chance.randrange(*LENGTHS))]
            file.write(json.dumps({"ids": ids, "answer": len(ids) // 2, "split": "train"}) + "\n")
    recipe = {"rank": RANK, "alpha": ALPHA, "rate": RATE, "batch": BATCH, "dtype": "bfloat16", "steps": STEPS}
    job = {"base": str(folder / "base.gguf"), "recipe": recipe, "memory": 2**50}
    (folder / "job.json").write_text(json.dumps(job))


def trainer(folder: Path) -> None:
    """The peer, with its own defaults where the task does not say otherwise."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    rows = [json.loads(line) for line in (folder / "tokens.jsonl").read_text().splitlines()]
    data = [{"input_ids": r["ids"], "labels": [-100] * r["answer"] + r["ids"][r["answer"] :]} for r in rows]
    counted: list[int] = []

    def batch(some: list[dict[str, list[int]]]) -> dict[str, Any]:
        width = max(len(r["input_ids"]) for r in some)
        counted.append(sum(len(r["input_ids"]) for r in some))
        fill = {"input_ids": 0, "labels": -100}
        found = {k: torch.tensor([r[k] + [v] * (width - len(r[k])) for r in some]) for k, v in fill.items()}
        mask = torch.tensor([[1] * len(r["input_ids"]) + [0] * (width - len(r["input_ids"])) for r in some])
        return {**found, "attention_mask": mask}

    class Clock(TrainerCallback):
        ends: list[float] = []

        def on_step_end(self, *_a: object, **_k: object) -> None:
            self.ends.append(time.monotonic())

    model = AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.bfloat16)
    model = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=ADAPTED, lora_dropout=0.0))
    wanted = TrainingArguments(
        str(folder / "out"), per_device_train_batch_size=BATCH, max_steps=STEPS, learning_rate=RATE, weight_decay=0.0,
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True, seed=0,
    )  # fmt: skip
    clock = Clock()
    Trainer(model=model, args=wanted, train_dataset=data, data_collator=batch, callbacks=[clock]).train()
    took = clock.ends[-1] - clock.ends[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"event": "probed", "tokens_per_second": sum(counted[1:STEPS]) / took, "peak": peak}))


def measured(words: list[str]) -> dict[str, Any]:
    """What a process said of its speed and memory."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        [sys.executable, *words], text=True, **pipes
    ) as process:  # stdin open: the child ends with it
        assert process.stdout is not None
        found: dict[str, Any] = json.loads(next(line for line in process.stdout if '"probed"' in line))
    print(f"  {found['tokens_per_second']:.1f} tokens/s, {found['peak'] / 1e6:,.0f} MB", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=1, help="of each, in turn")
    parser.add_argument("--trainer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.trainer:
        return trainer(args.trainer)
    small = ["--small"] if args.small else []
    if args.make:
        return make(args.make, SMALL if args.small else SHAPE)
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([sys.executable, __file__, "--make", place, *small], check=True)
        runs: dict[str, list[dict[str, Any]]] = {"Trainer + PEFT": [], "llamune": []}
        for _n in range(args.rounds):
            runs["Trainer + PEFT"].append(measured([__file__, "--trainer", place]))
            runs["llamune"].append(measured(["-m", "llamune.training.child", place, "bfloat16"]))
    speeds = {k: statistics.median(r["tokens_per_second"] for r in v) for k, v in runs.items()}
    peaks = {k: max(r["peak"] for r in v) for k, v in runs.items()}
    for name in runs:
        print(f"{name:16} {speeds[name]:8.1f} tokens/s   peak {peaks[name] / 1e6:8,.0f} MB")
    theirs, ours = runs
    print(f"speed {speeds[ours] / speeds[theirs]:.2f} x, peak memory {peaks[ours] / peaks[theirs]:.2f} x")


if __name__ == "__main__":
    main()
