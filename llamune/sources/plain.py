"""Plain text in any encoding that Japanese files have.

Bytes are decoded strictly, in the order in which a wrong guess cannot succeed; between cp932 and EUC-JP, which can
both succeed, the more Japanese-looking text wins. What no encoding explains is not text.
"""

import codecs
import re
from collections.abc import Iterator

from llamune.sources.outline import Outline
from llamune.sources.part import Part, Unreadable

MARKS = (  # the longer first: UTF-32's mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_EUC = re.compile(rb"(?:[\x00-\x7f]++|(?:[\xa1-\xfe]{2})++|\x8e[\xa1-\xdf])*+")
_PAIRS = re.compile(rb"\x8e([\xa1-\xdf])|(?:[\xa1-\xfe]{2})+")  # one half-width kana, or full-width characters
_JIS = re.compile(rb"\x1b(?:\$[@B]|\$\([DOPQ]|\([BJIH])")


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part; clauses of rules become headings."""
    outline = Outline()
    outline.at(line=1)
    outline.text(decode(content))
    yield Part(outline.sections())


def decode(content: bytes, stated: str = "") -> str:
    """The text of a file.

    Args:
        stated: the encoding that it claims; believed where it fits.

    Raises: Unreadable("format") for what is not text.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    text = _stated(content, stated) or _guessed(content)
    if len(_CONTROLS.findall(text[:100_000])) > 2 + len(text[:100_000]) // 200:
        raise Unreadable("format")
    return text


def _stated(content: bytes, encoding: str) -> str:
    alias = {"shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932"}
    encoding = encoding.strip().lower()
    try:
        if encoding.startswith("iso-2022-jp"):
            return _from_jis(content)
        text = content.decode(alias.get(encoding, encoding)) if encoding else ""
        return text if isinstance(text, str) else ""
    except (LookupError, ValueError):
        return ""


def _guessed(content: bytes) -> str:
    if content.isascii() and _JIS.search(content):
        return _from_jis(content)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        if error.start >= len(content) - 3 and error.start:  # cut off within the last character
            return content[: error.start].decode()
    if wide := _without_mark(content):
        return content.decode(wide, "replace")
    found = [text for text in (_strict(content, "cp932"), _from_euc(content)) if text]
    if not found and b"\0" not in content:
        found = [_nearly(content)]
    if not found or not found[0]:
        raise Unreadable("format")
    return max(found, key=_japanese)


def _without_mark(content: bytes) -> str:
    """UTF-16 without a mark: every second byte of its line ends, blanks and digits is zero."""
    sample = content[: 4096 & ~1]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(content) % 2 or max(even, odd) < len(sample) // 50 + 1 or min(even, odd) * 3 > max(even, odd):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _strict(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        return content[: error.start].decode(encoding) if error.start >= max(1, len(content) - 1) else ""


def _nearly(content: bytes) -> str:
    """cp932 with a few broken characters, else Latin-1 where that gives letters; "" where neither does."""
    text = content.decode("cp932", "replace")
    if text.count("\ufffd") * 100 <= len(text):
        return text
    text = content.decode("cp1252", "replace")
    letters = sum(c.isalnum() or c.isspace() for c in text)
    return text if letters * 10 >= len(text) * 7 and text.count("\ufffd") * 100 <= len(text) else ""


def _japanese(text: str) -> float:
    """How much it looks like Japanese: kana counts for it, half-width kana and rare signs against it."""
    sample = text[:20_000]
    kana = sum("\u3041" <= c <= "\u30fc" for c in sample)
    odd = sum("\uff61" <= c <= "\uff9f" or "\ue000" <= c <= "\uf8ff" or c == "\ufffd" for c in sample)
    return (kana - 2 * odd) / (len(sample) or 1)


# The codecs of Python know only what the standards had in 1990: ①, ㈱ and 髙 come through cp932.


def _from_euc(content: bytes) -> str:
    try:
        return content.decode("euc_jp")
    except UnicodeDecodeError:
        pass
    if not _EUC.fullmatch(content):
        return ""
    try:
        return _PAIRS.sub(lambda m: m[1] or _sjis(m[0]), content).decode("cp932")
    except UnicodeDecodeError:
        return ""


def _from_jis(content: bytes) -> str:
    """ISO-2022-JP with the vendors' characters; broken ones are replaced."""
    text, mode, at = [], b"\x1b(B", 0
    for match in [*_JIS.finditer(content), None]:
        piece = content[at : match.start() if match else len(content)]
        if mode.startswith(b"\x1b$("):
            text.append((mode + piece).decode("iso2022_jp_ext", "replace"))
        elif mode.startswith(b"\x1b$"):
            text.append(_sjis(piece).decode("cp932", "replace"))
        elif mode == b"\x1b(I":
            text.append(bytes(byte | 0x80 for byte in piece).decode("cp932", "replace"))
        else:
            text.append(piece.decode("ascii", "replace"))
        if match:
            mode, at = match[0], match.end()
    return "".join(text)


def _sjis(pairs: bytes) -> bytes:
    """Rows and cells of JIS X 0208, as in EUC-JP or ISO-2022-JP, in Shift_JIS; line ends within stay."""
    found = bytearray()
    at = 0
    while at < len(pairs):
        row, cell = pairs[at] & 0x7F, pairs[at + 1] & 0x7F if at + 1 < len(pairs) else 0
        if row < 0x21 or cell < 0x21:
            found.append(pairs[at])
            at += 1
            continue
        lead = (row - 0x21 >> 1) + 0x81
        found.append(lead if lead < 0xA0 else lead + 0x40)
        found.append(cell + 0x7E if row % 2 == 0 else cell + (0x1F if cell < 0x60 else 0x20))
        at += 2
    return bytes(found)
