"""Records official_rules.jsonl: what WeTextProcessing makes of 600 made-up texts. Not a test.

A line holds a text, and what the Chinese and the English rules make of it (null: no rule reads it). Half of the texts
are written as people write (dates, times, money, units, telephone numbers, names, either language or both), half are a
few characters of alphabets that have met trouble: digits with punctuation, quotes, brackets, full width, controls.

How it was run, on Linux x86-64, Python 3.11.7, in a minute:

    python3.11 -m venv rules-venv
    rules-venv/bin/pip install WeTextProcessing==1.0.4.1 pynini==2.1.6
    rules-venv/bin/python -m tests.text.record_rules --output=tests/text/official_rules.jsonl
"""

import argparse
import importlib.metadata
import json
import pathlib
import random
import sys
import tempfile

from pynini import FstOpError
from tn.chinese.normalizer import Normalizer as Chinese
from tn.english.normalizer import Normalizer as English

VERSIONS = {"WeTextProcessing": "1.0.4.1", "pynini": "2.1.6"}
COUNT = 600

MONTHS = ("January", "Feb.", "March", "May", "Sept.", "December")
UNITS = ("kg", " km/h", "℃", "°C", " GHz", "公里", "厘米", " lb", "%", "m²", "个", "人", "倍", "k", "M")
ODDITIES = (
    *("135-4567-8901", "+1 555 123 4567", "010-62781234", "400-800-1234", "911", "(02) 9876 5432"),
    *("GPT-5-nano", "A1", "3D", "COVID-19", "H2O", "10²", "½", "①", "Ⅳ", "XIV", "No. 5", "Dr. Li", "e.g. 7", "U.S."),
    *("someone7@example.org", "www.example.com", "https://a.b/c?d=1", "it's", "What's", "3x4", "5+5=10", "1:2", "3～5"),
    *(
        "哪儿",
        "一点儿",
        "呃",
        "啊",
        "第3章",
        "2比1",
        "百分之5",
        "ＡＢＣ１２",
        "買了",
        "😀",
        "naïve",
        "привет",
        "한국",
        "\u00a0",
    ),
    *('"quoted"', "\\n", "[x]", "{y}", "<z>", "|", "^", "“好”", "《书》", "—", "…", "、", "；", "\t"),
)
WORDS = {
    "en": "the cat sat on a mat and we went to London with friends who said that Chapter page road",
    "zh": "今天 天气 很好 我们 去 北京 买 苹果 他说 没有 问题 的 了 是 电话 时间 价格 大约 从 到",
}
ALPHABETS = (
    *(
        "0123456789",
        "0123456789.,:/-%",
        "abcdefgh ",
        "ABCXYZ",
        "aeiou12345 ",
        "今天两个的儿呃年月日元分之百千万零一二三",
    ),
    *(".,:;!?-'\"()[]{}<>|\\/@#$%^&*_+=~`", "，。！？：、“”《》—～·", "éñüß", "①½²Ⅳ℃‰±×√€£¥￥", "０１２ＡＢｃ　"),
    *("\u00a0\u200b\ufeff\u2028\t\r\n\x0b\x00\x01\x7f", "😀🇨🇳", "приΩμ", "のカ한ไع", "買體國"),
)


def number(draw: random.Random) -> str:
    """As people write them: 7, 1,234,567, 3.14, -5, 007, 3/4, 12%."""
    return draw.choice(
        [
            str(draw.randint(0, 9)),
            str(draw.randint(10, 10 ** draw.randint(2, 10))),
            f"{draw.randint(1000, 10**8):,}",
            f"{draw.uniform(0, 1000):.{draw.randint(1, 3)}f}",
            f"-{draw.randint(1, 500)}",
            f"00{draw.randint(0, 99)}",
            f"{draw.randint(1, 20)}/{draw.randint(2, 20)}",
            f"{draw.randint(0, 100)}%",
        ]
    )


def written(draw: random.Random) -> str:
    """A date, a time, money, a measure, or something odd."""
    year, month, day = draw.randint(1000, 2100), draw.randint(1, 12), draw.randint(1, 31)
    hour, minute = draw.randint(0, 24), draw.randint(0, 59)
    dates = [f"{year}年{month}月{day}日", f"{year}-{month:02}-{day:02}", f"{month}/{day}/{year}", f"{year}年"]
    dates += [f"{draw.choice(MONTHS)} {day}, {year}", f"{day} {draw.choice(MONTHS)} {year}", f"in {year}", f"{year}s"]
    times = [
        f"{hour}:{minute:02}",
        f"{hour}:{minute:02}:07",
        f"{hour % 12} p.m.",
        f"{hour}点{minute}分",
        f"{hour % 12}am",
    ]
    money = [draw.choice("$€£¥￥") + number(draw), number(draw) + draw.choice(["元", "块", " dollars", "美元", "¢"])]
    return draw.choice(
        [draw.choice(dates), draw.choice(times), draw.choice(money), number(draw) + draw.choice(UNITS), number(draw)]
        + 2 * [draw.choice(ODDITIES)]
    )


def sentence(draw: random.Random) -> str:
    """Words with something to spell out among them."""
    language = draw.choice(["zh", "en", "both"])
    parts = []
    for _ in range(draw.randint(2, 7)):
        words = WORDS[draw.choice(["zh", "en"]) if language == "both" else language]
        parts.append(written(draw) if draw.random() < 0.4 else draw.choice(words.split()))
        parts[-1] += draw.choice(",.?!;:，。") if draw.random() < 0.15 else ""
    return ("" if language == "zh" else " ").join(parts)


def characters(draw: random.Random) -> str:
    """A few characters of a few alphabets."""
    chosen = draw.sample(ALPHABETS, draw.randint(1, 4))
    return "".join(draw.choice(draw.choice(chosen)) for _ in range(draw.randint(1, 12)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="file for the lines")
    output = parser.parse_args().output
    found = {name: importlib.metadata.version(name) for name in VERSIONS}
    if found != VERSIONS:
        sys.exit(f"found {found}, needs {VERSIONS}")
    with tempfile.TemporaryDirectory() as folder:
        options = {"remove_interjections": False, "remove_erhua": False, "overwrite_cache": False}
        for _ in range(2):  # the official program's grammars are those of its second start
            rules = {"zh": Chinese(cache_dir=folder, **options), "en": English(overwrite_cache=False)}
    draw = random.Random(1)
    lines = []
    for index in range(COUNT):
        line = {"text": (sentence, characters)[index % 2](draw)}
        for language, normalizer in rules.items():
            try:
                line[language] = normalizer.normalize(line["text"])
            except (FstOpError, UnicodeDecodeError, AssertionError):
                line[language] = None
        lines.append(json.dumps(line, ensure_ascii=True) + "\n")
    output.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
