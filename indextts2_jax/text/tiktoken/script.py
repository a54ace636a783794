"""Which language a text is in, by what most of it is written in."""

import re
import unicodedata

from indextts2_jax.text.english.tables import listed
from indextts2_jax.text.tiktoken.languages import Language

_KANA = re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_ARABIC = re.compile(r"[\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
_ARABIC_DIGIT = re.compile(r"[\u0660-\u0669\u06f0-\u06f9]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]")
_LATIN_WORD = re.compile(rf"{_LATIN.pattern}+")
_SPANISH = re.compile("[¿¡ñÑ]")
_SPANISH_WORDS = frozenset(
    listed("¿ ¡ el la los las de del que y en un una es por con para se su lo mi está pero como")
)
_ENGLISH_WORDS = frozenset(
    listed("the and of is to in it that was for with you are this on my not be at from they we she his her have")
)
_TAG = re.compile(r"<([^|>\n]+)\|[^>\n]+>|<\|[^|]+\|>")

LEAST_KANA = 0.1
"""Of kana and ideographs together, in a Japanese text: Chinese names of shops have a の."""


def language_of(text: str, whole: Language | None = None) -> Language | None:
    """The language of a text: Arabic, Japanese, Chinese, Spanish or English, whichever it has most of; None where it
    has no letter of any.

    Ideographs are Chinese unless kana is a tenth of them. Latin letters are English unless there is an ¿, an ¡ or an ñ
    and no more common English words (the, and, of, …) than common Spanish ones (el, la, de, …), of which ¿ and ¡ are.

    Args:
      whole: the language of what the text is a piece of. Ideographs alone are Japanese in Japanese, a piece without ñ
        may be Spanish in Spanish, and in English it takes more than an ñ.
    """
    text = unicodedata.normalize("NFC", _TAG.sub(lambda tag: tag[1] or " ", text))
    kana, arabic, han, latin = (len(letters.findall(text)) for letters in (_KANA, _ARABIC, _HAN, _LATIN))
    words = [word.lower() for word in _LATIN_WORD.findall(text)]
    if not kana + arabic + han + latin:
        return "ar" if _ARABIC_DIGIT.search(text) else None
    if arabic > kana + han + latin:
        return "ar"
    if kana + han >= max(1, len(words)):
        return "ja" if whole == "ja" or kana >= max(1, LEAST_KANA * (kana + han)) else "zh"
    return "es" if _is_spanish(text, words, whole) else "en"


def _is_spanish(text: str, words: list[str], whole: Language | None) -> bool:
    marks = _SPANISH.findall(text)
    if not marks and whole != "es":
        return False
    spanish, english = (sum(word in known for word in words + marks) for known in (_SPANISH_WORDS, _ENGLISH_WORDS))
    return spanish > english or (spanish == english and whole != "en")
