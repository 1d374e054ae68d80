"""A collection on a sentence-transformers model from a folder (extra `embed`): made, searched, the model replaced.

The model is of noise and as small as can be; that it is loaded without any network, is silent, and is told from another
one is the point.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llamune.cli import main

DOCUMENT = "# 旅費規程\n\n## 第4条 日当\n\n日当は一日につき二千五百円とする。\n\n## 第5条 宿泊\n\n宿泊は実費とする。\n"
MAKE = """
import sys
from pathlib import Path
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast
folder = Path(sys.argv[1])
letters = [chr(code) for code in range(0x3041, 0x3097)] + list("日当宿泊旅費規程一二三四五千百円第条")
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters)]
sizes = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **sizes)).save_pretrained(folder)
(folder / "vocab.txt").write_text("\\n".join(words), encoding="utf-8")
BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
"""

pytestmark = [
    pytest.mark.skipif(not find_spec("sentence_transformers"), reason="the extra embed is not installed"),
    pytest.mark.filterwarnings("default"),  # of torch and transformers
]


def test_a_model_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLAMUNE_HOME", str(tmp_path / "home"))

    def run(*words: str | Path) -> Any:
        capfd.readouterr()
        assert main(["knowledge", *map(str, words), "--json"]) == 0
        said = capfd.readouterr()
        return json.loads(said.out), said.err

    def retrievers() -> tuple[set[str], str]:
        found, said = run("search", "rules", "日当はいくら")
        assert found["passages"][0]["section"] == "旅費規程 › 第4条 日当"
        return set(found["passages"][0]["retrievers"]), said

    (tmp_path / "旅費.md").write_text(DOCUMENT, encoding="utf-8")
    model = tmp_path / "model"
    model.mkdir()
    subprocess.run([sys.executable, "-c", MAKE, model], check=True, capture_output=True)
    _added, said = run("add", "rules", tmp_path / "旅費.md", "--embedder", f"folder:{model}")
    assert said == "", "a library that talks would spoil the screen"
    assert retrievers() == ({"keyword", "vector"}, "")
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4000] + bytes(4000))  # another training of the same model
    found, said = retrievers()
    assert found == {"keyword"}
    assert "is another model now" in said
