"""What a question is for: the word by which answers are counted. The user says it (/task), else a rule reads the words.

The rule is plain on purpose, so that anybody can see why: the first line of RULES that has a word in the question. No
model is asked. It is wrong now and then; statistics of many answers bear that, and /task corrects it.
"""

import re
import unicodedata
from collections.abc import Mapping

from llamune.i18n import N_, _

TASKS: Mapping[str, str] = {
    "coding": N_("coding"),
    "translation": N_("translation"),
    "documents": N_("documents"),
    "reasoning": N_("reasoning"),
    "writing": N_("writing"),
    "chat": N_("chat"),
}
REST = "chat"  # what no line knows
READ = 2000  # characters of a question; what somebody wants stands at its beginning or its end
RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (task, re.compile(words))
    for task, words in (
        (
            "translation",
            r"翻訳|[英和邦]訳|訳して|訳せ|[日英中韓仏独]\w{0,3}語(?:に|へ)(?:訳|直|変|して)|\btranslat"
            r"|\b(?:in|into|to) (?:japanese|english|chinese|korean|french|german|spanish)\b",
        ),
        (
            "coding",
            r"```|コード|プログラ[ムミ]|スクリプト|関数|正規表現|デバッグ|バグ|コンパイル|実装"
            r"|(?<![a-z])(?:code|python|javascript|typescript|java|rust|golang|sql|bash|regex|function|script|bugs?|debug"
            r"|compile|traceback|git)(?![a-z])|c\+\+",
        ),
        (
            "documents",
            r"要約|まとめて|議事録|添付|箇条書き|この(?:文書|資料|文章|規程|規則|契約|報告)"
            r"|\bsummar|\bthis (?:document|text|report|contract)|\battached\b|\bbullet points\b",
        ),
        (
            "reasoning",
            r"計算|なぜ|どうして|理由|比較|検討|証明|推論|いくつ|いくら|何[円日人個年]"
            r"|\bwhy\b|\bcalculat|\bhow (?:many|much)\b|\bprove\b|\breason|\bcompare\b|\bstep by step\b",
        ),
        (
            "writing",
            r"メール|下書き|作文|文面|挨拶|書いて|書き直|言い換え|添削|校正|アイデア|案を"
            r"|\bdraft|\bwrite\b|\be-?mails?\b|\bletter\b|\brewrite|\bproofread|\bideas?\b|\bpoem\b|\bstory\b",
        ),
    )
)


def said(task: str) -> str:
    """The name of a task for people; one that is not of ours stays as it is."""
    return _(TASKS[task]) if task in TASKS else task or _("not known")


def guess(question: str, *, files: bool = False) -> tuple[str, str]:
    """The task of a question, and the word that told it ("" when none did).

    Args:
        files: whether files were put into the question.
    """
    ends = question if len(question) <= READ else f"{question[: READ // 2]}\n{question[-READ // 2 :]}"
    text = unicodedata.normalize("NFKC", ends).casefold()
    for task, words in RULES:
        if found := words.search(text):
            return task, found[0]
        if files and task == "coding":  # a file is a document unless it is about code
            return "documents", ""
    return REST, ""
