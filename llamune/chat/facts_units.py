"""The units that facts are measured in: names in Japanese and English, dimension, and exact size.

Two quantities are comparable when their dimension is the same. Months and days are different dimensions, because no
month has a fixed number of days; a pound is money, a lb is weight.
"""

import re
from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit: the kind of fact it makes, the dimension it measures, and how many base units it is."""

    kind: str
    dimension: str
    size: Fraction


_TABLE: tuple[tuple[str, str, str, Fraction | int], ...] = (  # names ("_" is a space), kind, dimension, size
    ("秒間 秒 seconds second secs sec", "duration", "s", 1),
    ("分間 分 minutes minute mins min", "duration", "s", 60),
    ("時間 hours hour hrs hr", "duration", "s", 3600),
    ("日間 日 days day", "duration", "s", 86400),
    ("週間 週 weeks week", "duration", "s", 604800),
    ("fortnights fortnight", "duration", "s", 1209600),
    ("か月間 カ月間 ヶ月間 ケ月間 ヵ月間 箇月間 か月 カ月 ヶ月 ケ月 ヵ月 箇月 months month", "duration", "months", 1),
    ("年間 年 years year yrs yr", "duration", "months", 12),
    ("decades decade", "duration", "months", 120),
    ("営業日 business_days business_day working_days working_day", "duration", "business days", 1),
    ("円 yen JPY", "amount", "JPY", 1),
    ("ドル dollars dollar USD bucks", "amount", "USD", 1),
    ("セント cents cent", "amount", "USD", Fraction(1, 100)),
    ("ユーロ euros euro EUR", "amount", "EUR", 1),
    ("ポンド pounds pound GBP", "amount", "GBP", 1),
    ("元 yuan RMB CNY", "amount", "CNY", 1),
    ("ウォン won KRW", "amount", "KRW", 1),
    ("% パーセント percent per_cent", "percentage", "%", 1),
    ("‰ パーミル", "percentage", "%", Fraction(1, 10)),
    ("割", "percentage", "%", 10),
    ("ミリグラム mg milligrams milligram", "unit", "g", Fraction(1, 1000)),
    ("キログラム kg ㎏ kilograms kilogram kilos", "unit", "g", 1000),
    ("グラム g grams gram", "unit", "g", 1),
    ("トン t tonnes tonne tons ton", "unit", "g", 10**6),
    ("lbs lb", "unit", "lb", 1),
    ("ounces ounce oz", "unit", "oz", 1),
    ("キロメートル km ㎞ kilometers kilometres kilometer kilometre", "unit", "m", 1000),
    ("センチメートル センチ cm ㎝ centimeters centimetres centimeter centimetre", "unit", "m", Fraction(1, 100)),
    ("ミリメートル ミリ mm ㎜ millimeters millimetres millimeter millimetre", "unit", "m", Fraction(1, 1000)),
    ("メートル m ｍ meters metres meter metre", "unit", "m", 1),
    ("マイクロメートル µm μm nm", "unit", "small m", 1),
    ("マイル miles mile", "unit", "mile", 1),
    ("フィート feet foot ft", "unit", "ft", 1),
    ("インチ inches inch", "unit", "inch", 1),
    ("平方キロメートル km² km2 ㎢", "unit", "m²", 10**6),
    ("平方メートル m² m2 ㎡", "unit", "m²", 1),
    ("ヘクタール ha hectares hectare", "unit", "m²", 10**4),
    ("立方メートル m³ m3 ㎥", "unit", "l", 1000),
    ("ミリリットル ml mL ミリリッター cc milliliters millilitres", "unit", "l", Fraction(1, 1000)),
    ("リットル l L liters litres liter litre", "unit", "l", 1),
    ("坪", "unit", "tsubo", 1),
    ("合", "unit", "go", 1),
    ("km/h キロメートル毎時 kph", "unit", "km/h", 1),
    ("km/s", "unit", "km/s", 1),
    ("m/s", "unit", "m/s", 1),
    ("mph", "unit", "mph", 1),
    ("°F ℉ degrees_Fahrenheit", "unit", "°F", 1),
    ("度 ° °C ℃ °c degrees_Celsius degrees degree", "unit", "°", 1),  # 90度 is 90 °C, or an angle in both answers
    ("KB kB キロバイト", "unit", "byte", 10**3),
    ("MB メガバイト megabytes megabyte", "unit", "byte", 10**6),
    ("GB ギガバイト gigabytes gigabyte ギガ", "unit", "byte", 10**9),
    ("TB テラバイト terabytes terabyte", "unit", "byte", 10**12),
    ("GiB", "unit", "byte", 2**30),
    ("MiB", "unit", "byte", 2**20),
    ("Mbps", "unit", "bit/s", 10**6),
    ("Gbps", "unit", "bit/s", 10**9),
    ("Hz ヘルツ", "unit", "Hz", 1),
    ("kHz キロヘルツ", "unit", "Hz", 10**3),
    ("MHz メガヘルツ", "unit", "Hz", 10**6),
    ("GHz ギガヘルツ", "unit", "Hz", 10**9),
    ("ワット W watts watt", "unit", "W", 1),
    ("キロワット kW kilowatts kilowatt", "unit", "W", 1000),
    ("kWh キロワット時", "unit", "kWh", 1),
    ("ボルト V volts volt", "unit", "V", 1),
    ("カロリー cal", "unit", "cal", 1),
    ("キロカロリー kcal", "unit", "cal", 1000),
    ("hPa ヘクトパスカル", "unit", "hPa", 1),
    ("人分 名様 人 名 people persons person employees workers", "number", "人", 1),
    ("回 times time", "number", "回", 1),
    ("件 個 台 本 枚 冊 社 校 店 頭 匹 羽 軒 棟 室 階 倍 票 席 級 種 章 巻 泊 杯 食", "number", "", 1),
    ("錠 粒 滴 包 袋 缶 皿 隻 機 株 曲 通", "number", "", 1),
    ("号車 文字 ページ 単位 世帯 科目 議席", "number", "", 1),
    ("か所 カ所 ヶ所 箇所", "number", "か所", 1),
    ("か国 カ国 ヶ国 箇国 countries", "number", "か国", 1),
    ("歳 才 years_old", "number", "歳", 1),
    ("位", "number", "位", 1),
    ("つ 点 種類 通り 段階 項目", "number", "つ", 1),
)  # fmt: skip
UNITS = {
    name.replace("_", " "): Unit(kind, dimension or name, Fraction(size))
    for names, kind, dimension, size in _TABLE
    for name in names.split()
}


def _pattern() -> str:
    """All unit names, longest first; a Latin one must not go on as another word."""
    names = sorted(UNITS, key=len, reverse=True)
    return "|".join(re.escape(n) + (r"(?![A-Za-z²³])" if n[-1].isascii() and n[-1].isalpha() else "") for n in names)


UNIT = re.compile(rf"[\s\-]?(?P<unit>{_pattern()})(?!分の|合い|合(?!格)|り(?=[にでとの]))")
