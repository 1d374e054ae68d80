"""Makes a follow-up question complete, so that it can be searched for: by rule, from the questions before it.

"部長は？" after "出張の日当はいくら？" has to look for the allowance too. A question that stands on its own is left as
it is: adding the one before would only blur it.
"""

import re
from collections.abc import Sequence

SHORT = 12  # characters; a question that is shorter than this and asks on leans on the one before
_POINTS = re.compile(
    r"^(では|じゃあ|それ|これ|その|この|あの|そこ|ここ|同じ|また|なら|だと|and\b|what about|how about|then\b)"
    r"|(それ|これ|その場合|この場合|そのとき|そちら|同様に|上記|前者|後者)|\b(it|that|those|they|them|there)\b",
    re.IGNORECASE,
)
_ASKS_ON = re.compile(r"(は|だと|なら|では|の場合|のときは|も|にも)[?？。]?$")

_WHOLE = re.compile(r"[一-鿿々ァ-ヺー]{2}の(?!場合)[一-鿿々ァ-ヺー]{2,}は[?？。]?$")  # names a thing and what of it


def complete(question: str, history: Sequence[str]) -> str:
    """What to search for.

    Args:
        history: the questions before, oldest first.
    """
    bare = question.strip()
    if not history or not _leans(bare):
        return question
    before = next((q for q in reversed(history) if not _leans(q.strip())), history[-1])
    return f"{before.strip()} {bare}"


def _leans(question: str) -> bool:
    if _POINTS.search(question):
        return True
    return len(question) <= SHORT and bool(_ASKS_ON.search(question)) and not _WHOLE.search(question)
