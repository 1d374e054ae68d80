"""`llamune knowledge preview`: what a person and a program see of how files are read and cut."""

import json
from pathlib import Path

from llamune.cli.knowledge_preview import preview

FILES = Path(__file__).parent.parent / "sources" / "files"


def test_every_passage_is_shown_whole_with_its_place_and_what_is_refused(capsys):
    assert preview([FILES / "rules.pdf", FILES / "scan.pdf"], 180, len, list, as_json=False) == 0
    screen = capsys.readouterr().out
    assert "5 passages, the longest 120 of 180 tokens" in screen
    assert "3 · 119 tokens · page 2 · 第2章 国内出張 › 第4条（日当）" in screen
    assert "会議費で食事をした日は五百円を差し引くものとする。" in screen
    assert "scan.pdf: it holds pictures of pages only, no text" in screen


def test_json_is_complete(capsys):
    assert preview([FILES / "rates.xls", FILES / "rules.doc"], 60, len, list, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [omitted["path"] for omitted in told["omitted"]] == ["rules.doc"]
    passages = told["documents"][0]["passages"]
    assert all(passage["tokens"] <= 60 for passage in passages)
    assert passages[0]["text"].startswith("区分 | 職位 | 日当 | 適用日\n")


def test_nothing_readable_is_an_exit_code(capsys):
    assert preview([FILES / "scan.pdf"], 180, len, list, as_json=False) == 5
    assert "no text" in capsys.readouterr().out
