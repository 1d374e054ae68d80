"""The rules by which secrets and personal data are found: patterns over one normalised line, and checks of what matched."""

# ruff: noqa: E501 - a pattern on two lines is harder to read than a long one
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding.

    Args:
        pattern: group `v` is the secret itself, where there is one.
        valid: says of the secret whether it is one.
    """

    kind: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool] = lambda _text: True


def _luhn(text: str) -> bool:
    """Payment cards: the check digit of ISO/IEC 7812-1, a known issuer's beginning and length."""
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2 or not re.match(_ISSUERS, "".join(map(str, digits))):
        return False
    doubled = [d if n % 2 else (d * 2 - 9 if d > 4 else d * 2) for n, d in enumerate(digits[-2::-1])]
    return (sum(doubled) + digits[-1]) % 10 == 0


_ISSUERS = re.compile(
    r"4(?:\d{15}|\d{18})$|5[1-5]\d{14}$|2(?:2[2-9]|[3-6]\d|7[01]|720)\d{12,13}$|3[47]\d{13}$|3[0689]\d{12}$"
    r"|35(?:2[89]|[3-8]\d)\d{12}$|6(?:011|5\d\d|4[4-9]\d)\d{12}$|62\d{14,17}$"
)


def my_number(text: str) -> bool:
    """マイナンバー: 12 digits whose last is the check digit (総務省令第85号 第5条); no date and time of 12 digits."""
    digits = [int(c) for c in text if c.isdigit()]
    if len(digits) != 12 or len(set(digits)) < 3:
        return False
    weights = [n + 1 if n <= 6 else n - 5 for n in range(1, 12)]
    rest = sum(p * q for p, q in zip(reversed(digits[:11]), weights, strict=True)) % 11
    moment = re.match(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d|(?:(?:19|20)\d\d[ -]){2}", text)
    return digits[11] == (0 if rest <= 1 else 11 - rest) and not moment


def _mail(text: str) -> bool:
    """An address of somebody: no example (RFC 2606, JPRS), no file such as icon@2x.png, no git@ of a server."""
    name, _at, host = text.lower().rpartition("@")
    ending = host.rpartition(".")[2]
    reserved = re.search(r"(?:^|\.)example\.|(?:^|\.)(?:test|invalid|localhost|example|local)$", host)
    return not reserved and name not in ("git", "noreply", "no-reply") and ending not in _FILES


_FILES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "py", "md", "txt", "html", "json", "toml"})


def _phone(text: str) -> bool:
    """A Japanese subscriber's number: 10 digits, or 11 beginning with 050, 060, 070, 080, 090; freephones are nobody's."""
    digits = re.sub(r"\D", "", re.sub(r"^\+81[-\s(]*0?\)?", "0", text))
    if digits.startswith(("0120", "0800", "0570", "0990")) or len(set(digits)) < 3:
        return False
    return len(digits) == (11 if re.match(r"0[56789]0", digits) else 10)


def _password(text: str) -> bool:
    """A value that somebody chose: no placeholder, variable, call, type or plain word of prose."""
    bare = text.strip("\"'`「」")
    code = (_FILLED_IN if text[:1] in "\"'" else _BRACKET).search(bare)
    return len(bare) >= 4 and len(set(bare)) >= 3 and not (code or _PLACEHOLDER.search(bare) or _TYPE.fullmatch(bare))


_TYPE = re.compile(r"(?:[A-Z][a-z]+){2,}")
_BRACKET = re.compile(r"[(){}\[\]]")
_FILLED_IN = re.compile(r"[$#%]\{|\{\{|%\(|^\{.*\}$|\w\([\w.]*\)")  # by a template or a shell, inside quotation marks
_PLACEHOLDER = re.compile(
    r"^[<$%{\[(*]|^[~.]*/|^!(?:vault|secret|ref|env|sub|getatt)\b|^x+$|^[\^~<>=]*\d+(?:\.\d+)+$|^\*+$|^\.+$|^-+$|^(?:your|my|the|some|change|enter|replace|insert|new|old|user)[-_ ]?"
    r"|^(?:none|null|nil|true|false|str|string|int|bool|bytes|text|optional|secret|password|passwd|token|key|required"
    r"|example|sample|dummy|placeholder|changeme|redacted|undefined|todo|tbd|await|self|args|config|settings|os|env|input)\b"
    r"|^[a-z_]+\.[a-z_.]+$|^(?:[A-Z]+_)+[A-Z]+$|[ぁ-んァ-ヶ一-龠]{3,}",
    re.IGNORECASE,
)
_NAMES = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd?|secret(?:[_-]?key)?|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token"
    r"|client[_-]?secret|(?:private|encryption|signing|master|account)[_-]?key|psk|pepper|token|credentials?)(?:_base)?"
)
_JAPANESE = r"(?:パスワード|パスコード|パスフレーズ|暗証番号|暗証|秘密鍵|(?:API|暗号化|セキュリティ|接続|共有|認証|連携|署名|本番|アクセス|ライセンス|マスター)[一-龠ァ-ヶ]{0,4}(?:キー|鍵)|シークレット(?:キー)?|アクセストークン|トークン|合言葉|合い言葉)"
_CHOSEN = r"[A-Za-z0-9!#-'*+./:;=?@^_~-]"  # of a password among words
_SAID = r"(?=\s*(?:です|でした|に変|に設定|に[差戻し]|とす|とし|で入|でログ|でお願い|[(,、]|[。)」』】]|$))"
_NOT_BEFORE, _NOT_AFTER = r"(?<![\d.])(?<!\d-)", r"(?![\d])(?!-\d)"


_DATE = (
    r"(?:(?:昭和|平成|令和|大正)(?:\d{1,2}|元)年\s?\d{1,2}月\s?\d{1,2}日|(?:19|20)\d\d年\s?\d{1,2}月\s?\d{1,2}日"
    r"|(?:[SHRT]\s?)?\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"
    r"|\d{1,2}(?:st|nd|rd|th)? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?,? \d{4}"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})"
)
_STREET = r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Terrace|Crescent|Gardens|Grove|Mews|Circle|Court|Ct|Boulevard|Blvd|Way|Place|Pl|Close|Square)"


def _rule(kind: str, pattern: str, valid: Callable[[str], bool] = lambda _text: True, flags: int = 0) -> Rule:
    return Rule(kind, re.compile(pattern, flags), valid)


def _issued(text: str) -> bool:
    """A key that somebody was given, not one of a manual (AKIA…EXAMPLE, ghp_xxxx…)."""
    return "EXAMPLE" not in text.upper() and len(set(text)) > 7


def _drawn(text: str) -> bool:
    """A path with a part that was drawn by lot: the address of a webhook is its password."""
    return sum(map(str.isdigit, text)) > 5 and bool(re.search(r"[\w-]{20}", text))


def _wrapped(text: str) -> bool:
    """A private key in Base64 once more, as Kubernetes keeps it."""
    return b"PRIVATE KEY" in b64decode(text[: len(text) // 4 * 4])


def _spelled(text: str) -> bool:
    """An address written as name(at)host, against collectors."""
    return _mail(re.sub(r"\s?[(\[].*?[)\]]\s?", "@", text, count=1))


def iban(text: str) -> bool:
    """Whether the check digits of an IBAN (ISO 13616) hold."""
    bare = text.replace(" ", "")
    moved = bare[4:] + bare[:4]
    return 15 <= len(bare) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


ASKED_FOR = re.compile(rf"{_JAPANESE}|パス(?=[をはがの教])|password|passphrase|credentials", re.I)
ALONE = _rule(
    "password",
    rf"^(?:.{{0,40}}[:>]\s+)?(?P<v>(?=\S{{0,40}}[A-Za-z])(?=\S{{0,40}}\d){_CHOSEN}{{6,40}}){_SAID}",
    _password,
)

RULES = (
    _rule("private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:.*?-----END [A-Z0-9 ]+-----|.*)|PuTTY-User-Key-File-\d"),
    _rule("private key", r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}={0,2}", _wrapped),
    _rule("AWS key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b", _issued),
    _rule("AWS secret", r"(?i:aws|secret)[\w.\- ]{0,30}[\"']?\s*[:=]\s*[\"']?(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", _issued),
    _rule("GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{22,}", _issued),
    _rule("GitLab token", r"\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}", _issued),
    _rule("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+|\bxapp-\d-\w+-\d+-\w+", _issued),
    _rule("API key", r"\bsk-(?:ant-|proj-|or-v1-|svcacct-)?[A-Za-z0-9_-]{20,}|\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}", _issued),
    _rule("API key", r"\bAIza[0-9A-Za-z_-]{35}|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[A-Za-z0-9_-]{50,}", _issued),
    _rule("API key", r"\bSG\.[\w-]{16,}\.[\w-]{16,}|\bGOCSPX-[\w-]{20,}|\bya29\.[\w-]{20,}|\bdop_v1_[a-f0-9]{64}", _issued),
    _rule("API key", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|\bkey-[a-f0-9]{32}\b", _issued),
    _rule("API key", r"\bAccountKey=(?P<v>[A-Za-z0-9+/]{40,}={0,2})|\bSharedAccessKey=(?P<w>[A-Za-z0-9+/]{40,}={0,2})", _issued),
    _rule("API key", r"https?://[^\s\"'<>]{1,80}?hooks?\w{0,3}/(?P<v>[^\s\"'<>]{24,400})", _drawn),
    _rule("API key", r"\b(?:live|prod|secret|token|key|pat|sk|rk)_(?=[A-Za-z0-9]{0,40}\d)[A-Za-z0-9]{24,}\b", _issued),
    _rule("JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    _rule("bearer token", r"(?i:bearer|basic)\s+(?P<v>[A-Za-z0-9+/_.~-]{20,}=*)", _issued),
    _rule("password in an address", r"\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@'\"<>]{0,100}:(?P<v>[^\s/@'\"<>]+)@", _password, re.I),
    _rule("password", rf"{_NAMES}[\"'\]]*\s*(?::=|=>|=(?!=)|:(?!:))\s*b?(?P<v>\"[^\"]+\"|'[^']+'|(?:(?!\(?\d*[ぁ-んァ-ヶ一-龠])[^\s\"',;」』、。])+)",
          _password, re.I),
    _rule("password", rf"\b{_NAMES}\s+(?:(?:is|was)(?:\s+(?:now|set to|changed to))?|to)\s+(?P<v>(?=\S{{0,40}}[\d!@#$%^&*])[^\s,;]+)", _password, re.I),
    _rule("password", rf"{_JAPANESE}[」』]?\s*(?:\([^)]*\)\s*)?(?:[:=]|は|が|→)?\s*(?P<v>[「『\"'][!-~]{{4,}})", _password),
    _rule("password", rf"{_JAPANESE}[」』]?\s*(?:\([^)]*\)\s*)?(?:(?:[:=]|→)\s*(?P<v>[!-~]{{4,}})|[はが]\s*(?P<w>{_CHOSEN}{{4,}}){_SAID})", _password),
    _rule("password", rf"{_JAPANESE}[^。\n]{{0,16}}?(?P<v>(?=\S{{0,40}}[A-Za-z])(?=\S{{0,40}}\d){_CHOSEN}{{6,}}){_SAID}", _password),
    _rule("password", r"(?<![A-Za-z])(?:PW|PASS)\s?[「『](?P<v>[!-~]{4,})", _password),
    _rule("password", r"\b(?:user|login|as)\b.{0,24}\bpassword\s+(?P<v>(?=\S{0,40}\d)[!-+.-~-]{5,})", _password, re.I),
    _rule("password", r"\b(?:IDENTIFIED\s+(?:WITH\s+\S+\s+)?BY|PASSWORD)\s+(?P<v>'[^']+'|\"[^\"]+\")", _password, re.I),
    _rule("password", r"\b(?:root|admin\w*|user\w*)\s*[|,\t]\s*(?P<v>(?=\S{0,40}\d)(?=\S{0,40}[A-Za-z])[^\s|,]{6,})\s*(?:[|,\t]|$)", _password, re.I),
    _rule("API key", r"(?:key|secret|token)\s*[:=]\s*[\w.]+\(b?[\"'](?P<v>[\w+/=-]{20,})[\"']", _drawn, re.I),
    _rule("password hash", r"\$(?:apr1|2[aby]|5|6|y|argon2\w*)\$[^\s:\"']{8,}"),
    _rule("API key", r"(?:token|secret|key)\s+(?P<v>(?=\S{0,40}\d)(?=\S{0,40}[a-z])[\w-]{24,})", _issued, re.I),
    _rule("password", r"暗証番号\D{0,6}(?P<v>\d(?: ?\d){3,7})(?!\d)"),
    _rule("password", r"\bopenssl\s.{0,200}\s(?:-k\s+|pass:)(?P<v>\S{4,})", _password),
    _rule("API key", r"[?&](?:sig|signature|x-amz-signature)=(?P<v>[\w%+/.-]{20,})", flags=re.I),
    _rule("password", r"[\"'][\w.-]+:(?P<v>[^\s@:/\"']{4,})@(?:tcp|unix)?\(?[\w./]+", _password),
    _rule("password", r"(?:パスフレーズ|合い?言葉|passphrase)\W{0,3}(?:は|が|is)?\s*(?P<v>(?=[a-z -]{0,40}\d)(?:[a-z\d]{2,}[ -]){3,}[a-z\d]{2,})", flags=re.I),
    _rule("password", r"(?<!\S)(?P<v>(?=\S{0,40}[A-Za-z])(?=\S{0,40}\d)(?=\S{0,40}[!@#$%^&*_-])[!-~]{8,40})\s?で(?:入れ|入り|入る|入っ|ログイン)", _password),
    _rule("session", r"\b(?:session(?:[_-]?id)?|sid|connect\.sid)=(?P<v>[\w%.-]{16,})", _password, re.I),
    _rule("password", r"(?:認証情報|ログイン情報|credentials)\s*[:=は]\s*\S+\s*[/,]\s*(?P<v>(?=\S{0,40}\d)[!-~]{4,})", _password, re.I),
    _rule("password", rf"<(?:\w+:)?{_NAMES}>(?P<v>[^<\s]+)</|{_NAMES}[\"']\s+value=(?P<w>\"[^\"]+\"|'[^']+')", _password, re.I),
    _rule("password", rf"^\s*(?:(?:ENV|ARG|set|setenv|export)\s+\w*{_NAMES}|requirepass|masterauth)\s+(?P<v>\S+)", _password, re.I),
    _rule("password", r"\blogin\s+[^\s:]+\s+password\s+(?P<v>\S+)|\s/user:\S+\s+(?P<w>[^\s/]\S*)", _password, re.I),
    _rule("password", r"\bSecureString\s+(?:-String\s+)?(?P<v>\"[^\"]+\"|'[^']+')", _password, re.I),
    _rule("password", r"\b(?:mysql|mariadb)\w*\s(?:.{0,200}\s)?-p(?P<v>\S{4,})|\bsshpass\s+-p\s*(?P<w>\S{4,})", _password),
    _rule("password", r"\b(?:curl|wget|http)\s(?:.{0,200}\s)?(?:-u|--user|-a)[ =]?[\"']?[^\s:\"']+:(?P<v>[^\s\"']{4,})", _password),
    _rule("password", r"\bPIN(?: code)?(?: is|:|=)\s*(?P<v>\d{4,8})\b", flags=re.I),
    _rule("password", r"\s(?:-p|--password)[ =](?P<v>(?=\S{0,40}\d)(?=\S{0,40}[A-Za-z])[^\s:/]{6,})", _password),
    _rule("mail address", r"(?<![\w.+-])[A-Za-z0-9][\w.+-]*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![\w-])", _mail),
    _rule("mail address", r"(?<![\w.+-])[\w.+-]{1,64}\s?[(\[](?:at|アット|@)[)\]]\s?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", _spelled, re.I | re.A),
    _rule("phone number", rf"{_NOT_BEFORE}(?:\+81[-\s]?(?:\(0\))?\d{{1,4}}|\(0\d{{1,4}}\)|0\d{{1,4}})(?:[-\s)]\s?\d{{1,4}}){{2}}{_NOT_AFTER}", _phone),
    _rule("phone number", rf"{_NOT_BEFORE}0\d{{1,4}}\(\d{{1,4}}\)\d{{4}}{_NOT_AFTER}", _phone),
    _rule("phone number", r"(?:電話|携帯|TEL|FAX|内線|連絡先|ケータイ|☎|phone|mobile)[^\d+]{0,8}(?P<v>\+?[\d][\d() -]{8,17}\d)", lambda t: len(set(t)) > 4, re.I),
    _rule("phone number", rf"{_NOT_BEFORE}0[789]0\d{{8}}{_NOT_AFTER}", _phone),
    _rule("phone number", rf"{_NOT_BEFORE}(?:\+1[-. ]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-.]\d{{4}}{_NOT_AFTER}"),
    _rule("phone number", rf"{_NOT_BEFORE}\+(?!81|1\b)[1-9]\d{{0,2}}(?:[ -]?\(?\d{{1,5}}\)?){{2,5}}{_NOT_AFTER}", lambda t: 9 <= len(re.sub(r"\D", "", t)) <= 15),
    _rule("my number", rf"{_NOT_BEFORE}\d{{4}}([ -]?)\d{{4}}\1\d{{4}}{_NOT_AFTER}", my_number),
    _rule("my number", r"(?:マイナンバー|個人番号|My ?Number)[^\d]{0,8}(?P<v>\d{4}[ -]?\d{4}[ -]?\d{4})(?!\d)", flags=re.I),
    _rule("payment card", rf"{_NOT_BEFORE}\d(?:[ -]?\d){{12,18}}{_NOT_AFTER}", _luhn),
    _rule("social security number", rf"{_NOT_BEFORE}(?!000|666|9\d\d)\d{{3}}-(?!00)\d\d-(?!0000)\d{{4}}{_NOT_AFTER}"),
    _rule("social security number", r"(?:social security|\bSSN)\D{0,20}(?P<v>\d{3}[ -]?\d{2}[ -]?\d{4})(?!\d)", flags=re.I),
    _rule("bank account", r"記号\D{0,4}(?P<v>\d{5}\D{0,6}番号\D{0,4}\d{6,8})(?!\d)"),
    _rule("bank account", r"(?:口座(?:番号)?|(?:普通(?!郵便)|当座)(?:預金)?|\((?:普|当)\))[^\d]{0,8}(?P<v>\d{7})(?!\d)"),
    _rule("bank account", r"\b(?:checking|savings?|current|bank)\s+(?:account|acct)\D{0,12}(?P<v>\d{6,17})(?!\d)", flags=re.I),
    _rule("bank account", r"[ァ-ヶー],[124],(?P<v>\d{7}),[ァ-ヶー ]"),  # a line of a bank transfer file (全銀)
    _rule("bank account", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", iban),
    _rule("passport", r"(?:旅券|パスポート|passport)\D{0,12}?(?P<v>[A-Z]{1,2}\d{6,8}|\d{2}[A-Z]{2}\d{5}|\d{9})\b", flags=re.I),
    _rule("driving licence", r"(?:運転免許|免許証)[^\d]{0,12}(?P<v>\d{12})(?!\d)"),
    _rule("pension number", r"基礎年金番号[^\d]{0,8}(?P<v>\d{4}-?\d{6})(?!\d)"),
    _rule("insurance number", r"(?:被保険者|保険証)[^\d]{0,12}(?P<v>\d[\d-]{6,14}\d)"),
    _rule("insurance number", r"(?:健康保険|保険証|被保険者)\D{0,12}\d{0,10}\D{0,6}番号\D{0,4}(?P<v>\d[\d-]{2,14}\d)"),
    _rule("birthday", rf"(?:生年月日|誕生日|date[ _]of[ _]birth|birth[ _-]?(?:day|date)|\bDOB|\bborn)(?:は|が|\s|:|=|on|in|is|\W){{0,6}}(?P<v>{_DATE})", flags=re.I),
    _rule("birthday", rf"(?P<v>{_DATE})\s?生(?=まれ|[\s)、。,」]|$)"),
    _rule("home address", r"(?:住所|自宅)[^ぁ-んァ-ヶ一-龠〒\d]{0,4}(?P<v>(?:〒?\s?\d{3}-\d{4}\s*)?[一-龠ぁ-んァ-ヶ]{2,4}[都道府県市区町村郡][^、。\s]{2,30}\d)"),
    _rule("home address", r"(?P<v>[一-龠ヶケ]{1,4}[市区町村郡][一-龠ぁ-んァ-ヶー]{1,16}\d{1,4}(?:丁目\d{1,3}[\d番号-]{0,10}|番地?\d{0,4}|(?:-\d{1,4}){1,3}))(?!\d)"),
    _rule("home address", rf"\b(?P<v>\d{{1,5}}\w? (?:[A-Z][\w'.]+ ){{1,3}}{_STREET}\b[\w ,.#-]{{0,60}}?\b(?:[A-Z]{{1,2}}\d[A-Z\d]? \d[A-Z]{{2}}|[A-Z]{{2}} \d{{5}}))\b"),
    _rule("home address", r"〒\s?(?P<v>\d{3}-\d{4}\s*[一-龠]{2,3}[都道府県][^、。\s]{2,30}\d)"),
    _rule("home address", rf"\b(?:address|liv(?:es?|ing) at|resid(?:es?|ing) at|home is)\W{{1,4}}(?P<v>\d{{1,5}}\w? (?:[A-Z][\w'.]+ ){{1,4}}{_STREET}\b[\w ,.#-]*)", flags=re.I),
)  # fmt: skip
