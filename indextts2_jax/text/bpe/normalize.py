"""Text as written -> text as spoken, before it is cut into tokens (indextts/utils/front.py, TextNormalizer).

    text ─ hide <x|y> tags ─ Chinese?
      ├ yes ─ 's → is ─ glossary ─ hide terms, pinyin, names ─ zh rules ─ restore ─┐
      └ no  ─ 's → is ─ glossary ─ hide terms ──────────────── en rules ─ restore ─┤
    spoken text ◄─ restore tags ◄─ map to the characters that the tokenizer knows ─┘

Everything but the WeText rules takes linear time in the length of the text: no pattern rescans what it has read, which
is why some look odd. The result is the official one for every text whose official result is defined; where it hangs on
the order of a hash set (one pinyin or name inside another, or more than 26 of them) the longest match is taken.
"""

import copy
import logging
import re
from collections.abc import Callable

from indextts2_jax.text import wetext
from indextts2_jax.text.characters import READING
from indextts2_jax.text.english import markup, reader
from indextts2_jax.text.glossary import Glossary, GlossaryRewriter, Language

logger = logging.getLogger(__name__)

FOREIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0002ffff]")
HAN = r"[\u4e00-\u9fff]"
LETTER = re.compile(rf"[a-zA-Z]|{HAN}")

CONTRACTION = re.compile(r"(what|where|who|which|how|t?here|it|s?he|that|this)'s", re.IGNORECASE)

# An e-mail address and nothing else
EMAIL = re.compile(r"^[a-zA-Z0-9]+@[a-zA-Z0-9]+\.[a-zA-Z]+$")

# A syllable with its tone, 5 the neutral one: xuan4, jve2, shang5, but neither beta1 nor voice2
PINYIN = re.compile(
    r"(?<![a-z])(?:"
    r"(?:[bpmfdtnlgkhjqxzcsryw]|[zcs]h)?"
    r"(?:[aeiouüv]|[ae]i|u[aio]|ao|ou|i[aue]|[uüv]e|[uvü]ang?|uai|[aeiuv]n|[aeio]ng|ia[no]|i[ao]ng)"
    r"|ng|er)[1-5]",
    re.IGNORECASE,
)
# What can hold a syllable: the characters before a tone, as many as the longest syllable has
TONE_CONTEXT = re.compile(r"[^0-9]{1,6}[1-5]")

# 克里斯托弗·诺兰, 约瑟夫·高登-莱维特
NAME = re.compile(rf"(?<!{HAN}){HAN}++(?:[-·—]{HAN}++){{1,2}}")

# GPT-5-nano, F5-TTS; never a telephone number. The second half swallows the runs that are no such term.
TERM = re.compile(r"[0-9]*+[A-Za-z][A-Za-z0-9]*+(?:-[A-Za-z0-9]++)++|[A-Za-z0-9]++")

# <word|pronunciation>. The second half swallows a tag's beginning that turned out to be none.
TAG = re.compile(r"<[^|>]++\|[^>]++>|<[^|>]*+")
TAG_HIDDEN = "PRONPLACEHOLDER{}PRONPLACEHOLDER"

CHARACTERS = {
    **dict.fromkeys("：；;，、:", ","),
    "。": ".",
    "！": "!",
    "？": "?",
    "\n": " ",
    **dict.fromkeys("·—～~", "-"),
    **dict.fromkeys('“”"‘’（）()《》【】[]「」', "'"),
    **dict.fromkeys(("...", ",,,", "……"), "…"),
}
ZH_CHARACTERS = {"$": "."} | CHARACTERS


def _replacer(table: dict[str, str]) -> Callable[[str], str]:
    pattern = re.compile("|".join(map(re.escape, table)))
    return lambda text: pattern.sub(lambda match: table[match[0]], text)


_map_characters = {"zh": _replacer(ZH_CHARACTERS), "en": _replacer(CHARACTERS)}


def map_characters(text: str) -> str:
    """The text in the characters of `CHARACTERS`."""
    return _map_characters["en"](text)


class TextNormalizer:
    """`normalize(text)` for texts in Chinese, English or both. Holds the glossary, how English is read, nothing else.

    Read carefully, a text without ideographs is English, and our reader puts it into words instead of the official
    rules, which would find numbers in words ("No." and "per second"). That is no longer the official result.

    Raises `ConfigError` for a glossary that is none.
    """

    def __init__(self, glossary: Glossary | None = None):
        self._glossary = GlossaryRewriter(glossary or {})
        self._careful = False

    def reading(self, english: str) -> "TextNormalizer":
        """The same, reading English as in the "reference" or "careful"."""
        other = copy.copy(self)
        other._careful = english == "careful"
        return other

    def prepare(self, text: str) -> str:
        """Where English is read carefully, the text without its markup, and with pauses for SSML's breaks."""
        if not self._careful or FOREIGN.search(text):
            return text
        tags = Hidden(TAG_HIDDEN)
        return tags.restore(markup.plain(READING.sub(lambda tag: tags.hide(tag[0]), text)))

    def language(self, text: str) -> Language:
        """What a text is read as: read carefully, English where it has no character of another language."""
        return "en" if self._careful and not FOREIGN.search(text) else language_of(text)

    def normalize(self, text: str, language: Language | None = None) -> str:
        """The text as spoken, of the characters the tokenizer knows.

        Where it has neither an ideograph nor a Latin letter it is read as `language`, by default Chinese.

        Text that the rules reject is left as it is in English and vanishes in Chinese, as in the official code, with
        a warning in the log. Raises only where the rules cannot be loaded (`IndexTTSError`).
        """
        text, tags = _hide_tags(text)
        if not language or LETTER.search(text):
            language = self.language(text)
        if self._careful and language == "en" and not FOREIGN.search(text):
            spoken = reader.read(self._glossary(CONTRACTION.sub(r"\1 is", text), "en"))
            return tags.restore(_map_characters["en"](spoken))
        rules = wetext.load_rules(language)
        text = self._glossary(CONTRACTION.sub(r"\1 is", text), language)
        spoken = _speak_chinese(text, rules) if language == "zh" else _speak_english(text, rules)
        return tags.restore(_map_characters[language](spoken))


def language_of(text: str) -> Language:
    """Whose rules apply to a text: see `is_chinese`."""
    return "zh" if is_chinese(text) else "en"


def is_chinese(text: str) -> bool:
    """Whether the Chinese rules apply: to ideographs, pinyin, an e-mail address, or where there is no Latin letter."""
    if re.search(HAN, text) or not re.search("[a-zA-Z]", text) or EMAIL.match(text):
        return True
    return PINYIN.search(text) is not None


def _speak_chinese(text: str, rules: wetext.Rules) -> str:
    text, has_terms = _hide_terms(text.rstrip())
    text, syllables = _hide_pinyin(text)
    text, names = _hide_names(text)
    try:
        text = rules(text)
    except ValueError as error:
        logger.warning("The Chinese text rules reject %.60r (%r): it is left out.", text, error)
        text = ""
    text = syllables.restore(names.restore(text))
    return _restore_terms(text) if has_terms else text


def _speak_english(text: str, rules: wetext.Rules) -> str:
    hidden, has_terms = _hide_terms(text)
    try:
        spoken = rules(hidden)
    except ValueError as error:
        logger.warning("The English text rules reject %.60r (%r): it is not spelled out.", text, error)
        return text
    return _restore_terms(spoken) if has_terms else spoken


# --- what the rules must not touch ----------------------------------------------------------------------------


class Hidden:
    """Strings taken out of a text, each under a placeholder: `template` with the letters a, b, ..., z, aa, ab, ..."""

    def __init__(self, template: str, spoken: Callable[[str], str] = str):
        self._template = template
        self._spoken = spoken
        self._letters: dict[str, str] = {}
        before, after = template.split("{}")
        self._pattern = re.compile(f"{before}([a-z]++){after}")

    def hide(self, original: str) -> str:
        """The placeholder of `original`, the same each time."""
        letters = self._letters.setdefault(original, _letters(len(self._letters)))
        return self._template.format(letters)

    def restore(self, text: str) -> str:
        originals = {letters: self._spoken(original) for original, letters in self._letters.items()}
        return self._pattern.sub(lambda match: originals.get(match[1], match[0]), text)


def _letters(number: int) -> str:
    letters = ""
    while number >= 0:
        letters = chr(ord("a") + number % 26) + letters
        number = number // 26 - 1
    return letters


def _hide_tags(text: str) -> tuple[str, Hidden]:
    hidden = Hidden(TAG_HIDDEN)

    def hide(match: re.Match[str]) -> str:
        return hidden.hide(match[0]) if match[0].endswith(">") else match[0]

    lines = []
    for line in text.split("\n"):
        head, end, tail = line.rpartition(">")  # no tag spans lines or ends later than this
        lines.append(TAG.sub(hide, head + end) + tail)
    return "\n".join(lines), hidden


def _hide_terms(text: str) -> tuple[str, bool]:
    """Hyphens of technical terms become <H>, lest they be read as minus; the digits beside them are still read."""
    hidden = TERM.sub(lambda match: match[0].replace("-", "<H>"), text)
    return hidden, hidden != text


def _restore_terms(text: str) -> str:
    """<H> back to a hyphen, without the spaces that the rules put around it."""
    first, *others = text.split("<H>")
    if not others:
        return text
    *inner, last = others
    return "-".join([first.rstrip(), *(part.strip() for part in inner), last.lstrip()])


def _hide_pinyin(text: str) -> tuple[str, Hidden]:
    """A syllable that stands alone somewhere is hidden everywhere, even in the middle of a word: ta2 and beta2."""
    hidden = Hidden("<pinyin_{}>", correct_pinyin)
    syllables = {match[0] for match in PINYIN.finditer(text)}

    def hide(match: re.Match[str]) -> str:
        context = match[0]
        for start in range(len(context) - 1):
            if context[start:] in syllables:
                return context[:start] + hidden.hide(context[start:])
        return context

    return (TONE_CONTEXT.sub(hide, text) if syllables else text), hidden


def correct_pinyin(syllable: str) -> str:
    """After j, q and x the u is a ü, which the vocabulary spells v: ju4 -> JV4, xün2 -> XVN2. Others stay as is."""
    if syllable[0] not in "jqxJQX":
        return syllable
    return re.sub(r"([jqx])[uü](n|e|an)*(\d)", r"\1v\2\3", syllable, flags=re.IGNORECASE).upper()


def _hide_names(text: str) -> tuple[str, Hidden]:
    hidden = Hidden("<n_{}>")
    return NAME.sub(lambda match: hidden.hide(match[0]), text), hidden
