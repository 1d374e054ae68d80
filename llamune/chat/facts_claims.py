"""Yes and no: what a clause says must, may or does happen, or not.

Only the sign is read, from fixed forms (必要 / 不要, できます / できません, must / need not, "is" / "is not"), and
only contradictions of one form are found: 禁止 against できます, or "does not cover" against "covers".
〜なければなりません is a duty, not a negation; だけでなく, かもしれません, "not only", "no later than" deny nothing.
Irony, conditions and double negations are not understood.
"""

import re
from dataclasses import dataclass

from llamune.chat.facts_text import stem
from llamune.chat.facts_words import STOP

_NO = r"(?:ません|ない|ありません|なく|ず)"
_MODAL = re.compile(
    r"(?P<nothing>だけで(?:は)?(?:なく|ありません)|のみなら?ず|かもしれ(?:ません|ない)|すみません|ません[かで]"
    r"|ではない?でしょう|ないと[きこ]|ない場合|ないよう"
    r"|なければ(?!な|いけ)|少ない|危ない|とは限(?:ら|り)(?:ない|ません)|ないで(?=、)|not only|no longer than"
    r"|(?:no|not) (?:more|less|later|fewer|just|exceed\w*)"
    r"|whether or not|if not|no doubt|why not|not necessarily)"
    r"|(?P<need_yes>なければ(?:なりません|ならない|いけません|いけない)|ねばな|なくては(?:なりません|ならない"
    r"|いけない|いけません)|ないといけ(?:ません|ない))"
    rf"|(?P<need_no>不要|[い要]ら(?:ない|ず)|[い要]りません"
    rf"|(?:必要|義務)(?:性)?(?:は|が|も)?(?:あり|ござい)?{_NO}|必要(?:は|が)?なし"
    rf"|なくて(?:も)?(?:よい|良い|いい|かまい|構い)(?:ません)?"
    r"|(?:do(?:es)?n't|do(?:es)? not) (?:have|need)(?: to)?|need not|needn't|no need|optional|unnecessary"
    r"|not (?:\w+ly )?(?:required|necessary|mandatory|obligatory|needed|compulsory)"
    r"|\bno (?:\w+ ){1,3}(?:is|are) (?:\w+ly )?(?:required|necessary|needed))"
    rf"|(?P<able_no>(?:でき|出来){_NO}|(?<=が|は|も)不可(?!欠)|不可(?:能|です|とさ)|禁止|禁じ|ては(?:いけ"
    rf"|なり)(?:ません|ない)|てはならない|認められて?い?{_NO}|認めて?い?{_NO}|許可されて?い?{_NO}"
    r"|ないでください|お断り|お控え|控えて|cannot|can't|can not|never (?:can|may|must)"
    r"|can never|(?:may|must|shall|should) not|mustn't|shouldn't"
    r"|not (?:\w+ly )?(?:allowed|permitted|possible|able)|prohibited|forbidden|banned|impossible|unable to"
    r"|\bno (?:\w+ ){1,3}(?:is|are) (?:allowed|permitted)"
    r"|\A[\s\"]*(?:do not|don't|never)\b)"
    r"|(?P<able_yes>でき(?:ます|る|た|ま)|出来(?:ます|る)|可能|認められ(?:ます|る|て)|認めて|許可され"
    r"|て(?:も)?(?:よい|良い|いい|かまい|構い)(?:ません)?|差し支え(?:あり)?(?:ません|ない)"
    r"|\bcan\b|\bmay\b|\ballowed\b|\bpermitted\b|\bpossible\b|\bable to\b)"
    r"|(?P<need_yes2>必要|必須|義務|\bmust\b|\bha(?:ve|s) to\b|\bneeds?\b|\brequired?s?\b|\bmandatory\b"
    r"|\bnecessary\b|\bobligatory\b|\bcompulsory\b)",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"(?P<run>[一-鿿々]{1,8}|[ァ-ヴー]{2,12})(?P<kana>[ぁ-ん]{0,8}?)(?:ません|(?<![少危切無])ない(?!と|場合)"
    r"|なかった|ずに|せず)"
    r"|(?:\b(?:not|never)|n't)\s+(?:\w+ly\s+|be\s+|been\s+|an?\s+|the\s+|any\s+)?(?P<word>[a-z]{2,20})"
    r"(?:\s+(?:the\s+|any\s+|an?\s+)?(?P<what>[a-z]{3,20}))?"
    r"|\b(?:is|are|was|were|has|have|had|there's)\s+no\s+(?P<noun>[a-z]{2,20})",
    re.IGNORECASE,
)
_DENIES = re.compile(r"ません|ない|なかった|ずに|せず|n't|\b(?:not|never|no)\b", re.IGNORECASE)
_PARTICLE = re.compile(r"(?:では|には|とは|からは|は|が|も|を|に|と|で)")
_LIGHT = re.compile(r"(?:され|さ|し|して|してい|されてい|なり|なら|なってい|い|て|てい|)\Z")
_DENIED = re.compile(
    r"ません|ない|なし|なく|ず[、に。]|無料|無効|不要|不可|対象外|\b(?:not|no|never|without|none|free)\b|n't|cannot",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"[\s\"「*]*(?:(?P<yes>はい|ええ|そうです|Yes\b|Yeah\b|Correct\b)"
    r"|(?P<no>いいえ|いえ[、,]|No(?=\s*[,.:;!-]|\s*\Z)))"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sign in a clause: `about` is "need", "able" or "plain"; a plain denial needs `words` for its contrary."""

    about: str
    sign: bool
    words: tuple[str, ...] = ()


def claims(folded: str) -> tuple[str, list[tuple[int, Claim]]]:
    """The claims of a folded sentence with their positions, and the sentence with the words of duty and permission
    blanked: what it is about."""
    modals = list(_MODAL.finditer(folded))
    rest = folded
    for m in modals:
        rest = f"{rest[: m.start()]}{' ' * len(m.group())}{rest[m.end() :]}"
    found = [(m.start(), claim) for m in modals if (claim := _modal(m))]
    if _DENIES.search(rest):
        found += [(m.start(), Claim("plain", False, words)) for m in _PLAIN.finditer(rest) if (words := _words(m))]
    return rest, found


def contrary(claim: Claim, clause: str, others: list[Claim]) -> bool:
    """Whether a clause with the claims `others` says the opposite of `claim`, and does not say the same as well."""
    if claim.about == "plain":
        return not _DENIED.search(clause) and all(_holds(clause, word) for word in claim.words)
    signs = {other.sign for other in others if other.about == claim.about}
    return signs == {not claim.sign}


def lead(folded: str) -> bool | None:
    """Whether an answer that begins with this sentence begins with yes or no."""
    match = _LEAD.match(folded)
    return None if match is None else match.group("yes") is not None


def _modal(match: re.Match[str]) -> Claim | None:
    group = match.lastgroup or "nothing"
    if group == "nothing":
        return None
    about, sign = group.removesuffix("2").split("_")
    return Claim(about, sign == "yes")


def _words(match: re.Match[str]) -> tuple[str, ...]:
    """What the contrary of a denial must hold: the noun and the verb denied."""
    if english := match.group("word") or match.group("noun"):
        what = (match.group("what") or "").lower()
        return tuple(stem(word) for word in (english.lower(), what) if word and word not in STOP)
    run, kana = match.group("run"), match.group("kana")
    particle = _PARTICLE.match(kana)
    if not particle:
        return (run,) if _LIGHT.match(kana) else (run + kana[:1],)
    verb = kana[particle.end() :]
    if verb in ("あり", "あ", ""):
        return (run, "あ")
    return (run,) if _LIGHT.match(verb) else (run, verb[:2])


def _holds(clause: str, word: str) -> bool:
    if word[0].isascii():
        return any(stem(w.lower()) == word for w in re.findall(r"[A-Za-z']+", clause))
    return word in clause
