"""The full-text index finds what LIKE finds, Japanese words of one character included, and nothing that is hidden."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llamune.store import search
from llamune.store.grams import excerpt, fold, words
from llamune.store.search import LOOKED
from llamune.store.store import SqlStore
from llamune.store.values import EPOCH

TEXTS = (
    "棚卸の手順を教えてください。",
    "契約書の承認は部長です",
    "Python で ｶﾞｲﾄﾞ を作る。STRASSE と Straße",
    "100% の負担、C++ と C# と a_b-c",
    "改行\nをまたぐ\t文\0字",
    "卸",
    "𠮷野家で😀👍🏽を食べる",
    "か\u3099 と が",
    "\ue020私用領域 ①②㍻",
)
WANTED = (
    *("棚卸", "棚", "卸", "手順", "契約書の承認", "契約 部長", "部長 契約", "です"),
    *("python", "PYTHON", "ガイド", "ｶﾞｲﾄﾞ", "ガ", "strasse", "ß", "%", "100%", "c++", "C#", "a_b-c", "_", "+"),
    *(
        "改行\nを",
        "文\0字",
        "\0",
        "𠮷",
        "野家",
        "😀",
        "👍🏽",
        "が",
        "が と",
        '"が と"',
        "平成",
        "1",
        "12",
        "\ue020",
        "\ue020私",
    ),
    *("ない言葉", "卸棚", '"', "'", "*", "NEAR", "AND", "NOT a", '"契約書"', "-", "^棚", "grams:棚", "(", "{", "\\"),
)


def like(texts: tuple[str, ...], query: str) -> set[str]:
    return {t for t in texts if words(query) and all(word in fold(t) for word in words(query))}


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    session = store.create_session(model="m", preset="p")
    for text in TEXTS:
        store.add_turn(session.id, text)
    return store


@pytest.mark.parametrize("order", ["newest", "rank"])
def test_finds_what_like_finds(filled: SqlStore, order: Any) -> None:
    for query in WANTED:
        found = {TEXTS[hit.turn_number - 1] for hit in filled.search(query, order=order)}
        assert found == like(TEXTS, query), query


ALPHABET = st.sampled_from("あいう漢字ｶﾞガaAbß \n%*\"'-😀\0\u3099")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(ALPHABET, min_size=1, max_size=12), max_size=6), query=st.text(ALPHABET, max_size=4))
def test_finds_what_like_finds_in_any_text(store: SqlStore, texts: list[str], query: str) -> None:
    session = store.create_session(model="m", preset="p")
    for text in texts:
        store.add_turn(session.id, text)
    for order in ("newest", "rank"):
        hits = [h for h in store.search(query, limit=10_000, order=order) if h.session.id == session.id]
        assert sorted(texts[h.turn_number - 1] for h in hits) == sorted(t for t in texts if t in like((t,), query))


def test_nothing_finds_nothing(filled: SqlStore) -> None:
    for query in ("", "  ", "\u3000", '""', '" "'):
        assert filled.search(query) == []


def test_very_long_queries_are_searched_not_refused(filled: SqlStore) -> None:
    assert filled.search("棚" * 100_000) == []
    assert filled.search(" ".join(f"語{n}" for n in range(5000)), order="rank") == []
    assert len(filled.search("棚卸 " * 1000)) == 1


def test_a_common_character_and_a_seldom_one(store: SqlStore) -> None:
    """Single characters are first looked for in the newest texts, then in the index: both give the newest first."""
    session = store.create_session(model="m", preset="p")
    for number in range(LOOKED + 50):
        store.add_turn(session.id, "の" + ("稀" if number < 25 else ""))
    for query, newest in (("の", LOOKED + 50), ("稀", 25)):
        assert [h.turn_number for h in store.search(query, limit=20)] == list(range(newest, newest - 20, -1))
        assert [h.turn_number for h in store.search(query, limit=3, offset=4)] == [newest - 4, newest - 5, newest - 6]
        assert len(store.search(query, limit=1000)) == newest


def test_pages_follow_one_another(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    for _ in range(150):
        store.add_turn(session.id, "棚卸")
    pages = [store.search("棚卸", limit=40, offset=o) for o in (0, 40, 80, 120, 160)]
    assert [h.turn_number for page in pages for h in page] == list(range(150, 0, -1))
    assert store.search("棚卸", limit=0) == []


def test_rank_puts_the_densest_text_first(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    store.add_turn(session.id, "監査 監査 監査")
    store.add_turn(session.id, "監査" + "と別のこと" * 50)
    assert [h.turn_number for h in store.search("監査", order="rank")] == [1, 2]
    assert [h.turn_number for h in store.search("監査")] == [2, 1]


def test_what_is_too_common_is_ranked_among_the_newest(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "RANKED", 50)
    start = EPOCH + timedelta(days=1)
    texts = ["監査監査監査"] + ["監査の件"] * 50 + ["監査監査の件"]
    turns = [
        {
            "number": n,
            "after": n - 2 if n > 1 else None,
            "question": text,
            "created_at": str(start + timedelta(hours=n)),
        }
        for n, text in enumerate(texts, 1)
    ]
    head = {"format": "llamune-session", "version": 1, "uid": "u", "created_at": str(start), "updated_at": str(start)}
    store.import_([head | {"turns": turns}])
    hits = store.search("監査", order="rank", limit=2)
    assert hits[0].turn_number == 52
    assert len(store.search("監査", limit=60)) == 52


def test_answers_are_found_when_they_have_ended(store: SqlStore, say: Any) -> None:
    session = store.create_session(model="m", preset="p", title="題")
    turn = say(store, session.id, "問い", "棚卸は三月", "棚卸は九月")
    newest, older = store.search("棚卸")
    assert (newest.where, newest.letter, older.letter) == ("answer", "B", "A")
    assert (newest.session.title, newest.turn_number, newest.excerpt) == ("題", 1, "棚卸は九月")
    assert newest.session == store.session(session.id)
    assert newest.created_at == turn.answers[1].created_at
    store.finish(turn.answers[1].id, "complete", text="監査は九月")
    assert [hit.letter for hit in store.search("棚卸")] == ["A"]
    assert [hit.letter for hit in store.search("監査")] == ["B"]


def test_rewound_and_deleted_texts_are_not_found_until_they_are_back(store: SqlStore, say: Any) -> None:
    kept, gone = (store.create_session(model="m", preset="p") for _ in range(2))
    say(store, kept.id, "監査一", "監査二")
    say(store, kept.id, "監査三", "監査四")
    say(store, gone.id, "監査五", "監査六")
    store.rewind(kept.id, 1)
    store.delete_session(gone.id)
    for query in ("監査", "監"):
        assert [h.excerpt for h in store.search(query)] == ["監査二", "監査一"]
        assert sorted(h.excerpt for h in store.search(query, order="rank")) == ["監査一", "監査二"]
    store.undo()
    store.undo()
    assert len(store.search("監査")) == 6


@pytest.mark.parametrize(
    ("text", "query", "piece", "marked"),
    [
        ("契約書の承認", "契約", "契約書の承認", ["契約"]),
        ("ｶﾞｲﾄﾞとガイド", "ガイド", "ｶﾞｲﾄﾞとガイド", ["ｶﾞｲﾄﾞ", "ガイド"]),
        ("㌔と①", "キロ", "㌔と①", ["㌔"]),
        ("Straße", "strass", "Straße", ["Straß"]),
        ("一行\n二行\x1b[0m", "行", "一行 二行 [0m", ["行", "行"]),
        ("か\u3099く", "がく", "か\u3099く", ["か\u3099く"]),
        ("あ" * 50 + "棚卸" + "い" * 200, "棚卸", "…" + "あ" * 30 + "棚卸" + "い" * 68 + "…", ["棚卸"]),
        ("棚棚棚", "棚棚", "棚棚棚", ["棚棚"]),
        ("契約と契約書と書", "契約書 契約", "契約と契約書と書", ["契約", "契約書"]),
    ],
)
def test_an_excerpt_marks_what_was_found(text: str, query: str, piece: str, marked: list[str]) -> None:
    shown, marks = excerpt(text, words(query))
    assert shown == piece
    assert [shown[start:end] for start, end in marks] == marked


@pytest.mark.parametrize("before", [0, 1999, 2001, 9000, 100_000])
@pytest.mark.parametrize("filler", ["あ", "ｶﾞ", "㍻", "か\u3099"])
def test_an_excerpt_of_a_long_text(filler: str, before: int) -> None:
    text = filler * before + "ﾀﾅ卸" + filler * 9000
    shown, marks = excerpt(text, ["タナ卸"])
    assert [shown[start:end] for start, end in marks] == ["ﾀﾅ卸"]


@given(text=st.text(max_size=300), query=st.text(min_size=1, max_size=3))
def test_marks_lie_inside_the_excerpt_and_in_order(text: str, query: str) -> None:
    shown, marks = excerpt(text, words(query))
    assert len(shown) <= 102
    flat = [place for mark in marks for place in mark]
    assert flat == sorted(set(flat)) or not flat
    assert all(0 <= place <= len(shown) for place in flat)
