"""Which language a text is in, by its script."""

import re

from indextts2_jax.text.pace import is_english
from indextts2_jax.text.tiktoken.languages import Language

_KANA = re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_ARABIC = re.compile(r"[\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_SPANISH = re.compile("[¿¡ñÑ]")
_TAG = re.compile(r"<([^|>\n]+)\|[^>\n]+>|<\|[^|]+\|>")


def language_of(text: str, whole: Language | None = None) -> Language | None:
    """The language of a text: Japanese where there is kana, else Arabic, Chinese, Spanish or English, whichever it has
    more of; None where it has no letter of any.

    Latin letters are English unless there is an ¿, an ¡ or an ñ, and ideographs Chinese unless there is kana, or where
    `whole`, the language of what the text is a piece of, says so.
    """
    text = _TAG.sub(lambda tag: tag[1] or " ", text)
    if _KANA.search(text):
        return "ja"
    arabic, han, latin = (len(letters.findall(text)) for letters in (_ARABIC, _HAN, _LATIN))
    if not arabic and not han and not latin:
        return None
    if arabic > han + latin:
        return "ar"
    if han and not is_english(text):
        return "ja" if whole == "ja" else "zh"
    if not latin:
        return "ar"
    return "es" if whole == "es" or _SPANISH.search(text) else "en"
