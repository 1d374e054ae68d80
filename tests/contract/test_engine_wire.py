"""The pure parts of the engines: streams fed in any pieces, addresses, GGUF headers from hostile hands."""

import json
import os
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llamune.address import Address
from llamune.engine import gguf
from llamune.engine.ndjson import LONGEST_LINE, BadLine, Lines, Objects
from llamune.engine.ollama_cut import CutWatch, cuts_silently
from llamune.engine.ollama_errors import said_in
from llamune.engine.sse import SseObjects
from tests.contract import tiny_gguf
from tests.contract.engine_contract import GUIDE

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
objects = st.lists(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), json_values), max_size=5
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@calm
@given(objects, st.lists(st.integers(0, 10_000), max_size=20), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_any_pieces_of_ndjson_give_the_same_objects(values: list[dict], cuts: list[int], end: bytes) -> None:
    data = b"".join(json.dumps(v, ensure_ascii=False).encode() + end for v in values)
    parser = Objects()
    assert [o for p in pieces(data, cuts) for o in parser.feed(p)] + list(parser.end()) == values


@calm
@given(objects, st.lists(st.integers(0, 10_000), max_size=20))
def test_any_pieces_of_sse_give_the_same_objects(values: list[dict], cuts: list[int]) -> None:
    data = b": ping\n\n" + b"".join(b"data: " + json.dumps(v, ensure_ascii=False).encode() + b"\n\n" for v in values)
    parser = SseObjects()
    found = [o for p in pieces(data + b"data: [DONE]\n\n", cuts) for o in parser.feed(p)]
    assert (found, parser.done) == (values, True)


@calm
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_no_bytes_make_a_foreign_exception(data: bytes, cuts: list[int]) -> None:
    for parser in (Objects(), SseObjects()):
        try:
            for piece in pieces(data, cuts):
                list(parser.feed(piece))
            if isinstance(parser, Objects):
                list(parser.end())
        except BadLine:
            continue


@pytest.mark.parametrize(
    "line", [b"[1]", b"3", b"nope", b"{", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"a": 1}{"b": 2}']
)
def test_a_line_that_is_no_object(line: bytes) -> None:
    with pytest.raises(BadLine):
        list(Objects().feed(line + b"\n"))


def test_half_a_line_at_the_end() -> None:
    parser = Objects()
    assert list(parser.feed(b'{"a": 1}\n{"b"')) == [{"a": 1}]
    with pytest.raises(BadLine):
        list(parser.end())


def test_a_line_without_end_is_refused() -> None:
    lines = Lines()
    for _n in range(LONGEST_LINE // 2**20):
        assert list(lines.feed(b"x" * 2**20)) == []
    with pytest.raises(BadLine):
        list(lines.feed(b"x"))


def test_an_sse_error_is_an_object_with_error() -> None:
    assert list(SseObjects().feed(b'error: {"code": 500}\n\n')) == [{"error": {"code": 500}}]
    assert list(SseObjects().feed(b'data: {"error": {"code": 500}}\n\n')) == [{"error": {"code": 500}}]


@calm
@given(st.text(max_size=40))
def test_no_text_makes_a_foreign_exception_of_an_address(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert 0 < address.port < 65536


@calm
@given(json_values)
def test_an_errors_text_is_a_text(value: object) -> None:
    assert isinstance(said_in({"error": value}), str)
    assert isinstance(said_in(value), str)


def test_which_versions_cut_silently() -> None:
    assert [cuts_silently(v) for v in ("0.0.0", "0.11.4", "0.24.9", "", "dev", "0.30.0", "0.34.4-rc1", "1.0.0")] == [
        True, True, True, True, True, False, False, False,
    ]  # fmt: skip


def test_a_cut_is_claimed_only_on_evidence() -> None:
    watch = CutWatch()
    assert not watch.was_cut("m", 5000, 3000, 4096)  # nothing is known of this model's tokens yet
    watch.learn("m", 1000, 800, 4096)
    assert not watch.was_cut("m", 5000, 4000, 4096)  # 0.8 tokens per estimated token: it fits
    assert watch.was_cut("m", 6000, 3900, 4096)
    assert watch.was_cut("other", 10, 4096, 4096)


# GGUF


def test_the_guide_model_is_read() -> None:
    info = gguf.read(GUIDE)
    assert (info.architecture, info.context_length, info.quantisation) == ("qwen2", 2048, "Q8_0")
    assert info.memory.kv_bytes_per_token > 0
    assert "<|im_start|>" in info.chat_template
    assert not info.pooling


def test_kv_heads_may_differ_by_layer(tmp_path: Path) -> None:
    keys: dict[str, tiny_gguf.Value] = {
        "general.architecture": "x", "x.block_count": 3, "x.attention.head_count": 8, "x.embedding_length": 64,
        "x.attention.head_count_kv": [1, 0, 2], "x.attention.key_length": 16, "x.attention.value_length": 32,
    }  # fmt: skip
    (tmp_path / "m").write_bytes(tiny_gguf.header(keys))
    assert gguf.read(tmp_path / "m").memory.kv_bytes_per_token == (1 + 0 + 2) * (16 + 32) * 2


def test_nothing_is_invented_where_keys_are_missing_or_nonsense() -> None:
    assert gguf.footprint({}).kv_bytes_per_token == 0
    assert (
        gguf.footprint(
            {"general.architecture": "x", "x.block_count": None, "x.attention.head_count": "a"}
        ).kv_bytes_per_token
        == 0
    )
    nan = {"general.architecture": "x", "x.block_count": float("nan"), "x.attention.head_count_kv": [float("inf")]}
    assert gguf.footprint(nan).kv_bytes_per_token == 0


HOSTILE = {
    "empty": b"",
    "magic only": b"GGUF",
    "other": b"PK\x03\x04" + bytes(100),
    "version": b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
    "big endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 1) + bytes(100),
    "countless keys": b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
    "countless tensors": b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0),
    "endless key": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**62),
    "endless text": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + tiny_gguf.text("a") + struct.pack("<IQ", 8, 2**62),
    "endless list": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + tiny_gguf.text("a") + struct.pack("<IIQ", 9, 4, 2**60),
    "endless texts": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + tiny_gguf.text("a") + struct.pack("<IIQ", 9, 8, 2**60),
    "list of lists": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + tiny_gguf.text("a") + struct.pack("<IIQ", 9, 9, 5),
    "unknown type": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + tiny_gguf.text("a") + struct.pack("<I", 77),
    "no architecture": tiny_gguf.header({"general.name": "x"}),
    "dimensions": tiny_gguf.header({"general.architecture": "x"}, 1) + tiny_gguf.text("t") + struct.pack("<I", 2**31),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(HOSTILE[name])
    with pytest.raises(gguf.BadGguf):
        gguf.read(tmp_path / "m")


@calm
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=12))
def test_damage_anywhere_is_bad_or_harmless(place: int, damage: bytes) -> None:
    good = tiny_gguf.header({"general.architecture": "llama", "llama.block_count": 2, "list": [1, 2], "t": ["a", "b"]})
    data = good[: place % len(good)] + damage + good[place % len(good) + len(damage) :]
    path = Path(os.environ["LLAMUNE_HOME"]).with_suffix(".gguf")
    path.write_bytes(data)
    try:
        gguf.read(path)
    except gguf.BadGguf:
        return


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_hang_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(gguf.BadGguf):
            gguf.read(path)


def test_every_prefix_of_a_file_is_bad(tmp_path: Path) -> None:
    data = tiny_gguf.babbler(tmp_path / "whole").read_bytes()
    for end in (*range(0, 4000, 37), len(data) // 2, len(data) - 40_000):
        (tmp_path / "part").write_bytes(data[:end])
        with pytest.raises(gguf.BadGguf):
            gguf.read(tmp_path / "part")
