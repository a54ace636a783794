"""A text -> segments that the speech model can take one by one (indextts/infer_v2_5.py, split_text_by_tokens).

text ─ behind punctuation, readings whole ─ clauses, too long ones by character or by word ─ packed ─► segments
"""

import re
from collections.abc import Callable, Iterator

_MARKED = re.compile(r"<\|SPECIAL_TOKEN_\d+\|>.*?<\|SPECIAL_TOKEN_\d+\|>")
_BEHIND = re.compile(r"(?<=[，。！？、；：,.!?;:\n])")
_ARABIC_MARKS = "،؛؟۔"
_IDEOGRAPH = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002ffff"
_BETWEEN_WORDS = re.compile(
    rf"(?<=[，。！？、；：，,.!?;:\n{_ARABIC_MARKS}])(?!(?<=[^\W{_IDEOGRAPH}].)[^\W{_IDEOGRAPH}])"
)
"""Not in 3.5 and 14:30, which the reference cuts."""
_WORD = re.compile(rf"\s*(?:[{_IDEOGRAPH}][^\w\s]*|[^\s{_IDEOGRAPH}]+)|\s+")


def split_text(
    text: str, budget: int, count: Callable[[str], int], *, whole_words: bool = False, quick_tokens: int = 0
) -> list[str]:
    """Segments of at most `budget` tokens; joined they are the text.

    A marked reading is never cut, even if it is longer. A clause that is too long is cut by character, in the middle of
    a word, or with `whole_words` between words, where no word is too long by itself.

    Args:
      count: tokens of a text.
      quick_tokens: while fewer tokens have been gathered, segments take half the budget.
    """
    budget = max(1, budget)
    if count(text) <= budget and not quick_tokens:
        return [text]
    segments, current, before = [], "", 0
    for chunk in _chunks(text, budget, count, whole_words):
        limit = budget if before + count(current) >= quick_tokens else budget // 2
        if current and count(current + chunk) > limit:
            segments.append(current)
            before += count(current)
            current = chunk
        else:
            current += chunk
    if current:
        segments.append(current)
    return segments or [text]


def _chunks(text: str, budget: int, count: Callable[[str], int], whole_words: bool) -> Iterator[str]:
    for piece, marked in _pieces(text):
        if marked:
            yield piece
            continue
        for clause in filter(None, (_BETWEEN_WORDS if whole_words else _BEHIND).split(piece)):
            if count(clause) <= budget:
                yield clause
            elif whole_words:
                for part in _gathered(_WORD.findall(clause), budget, count):
                    yield from [part] if count(part) <= budget else _gathered(part, budget, count)
            else:
                yield from _gathered(clause, budget, count)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """(text, whether it is a marked reading)."""
    end = 0
    for match in _MARKED.finditer(text):
        yield text[end : match.start()], False
        yield match[0], True
        end = match.end()
    yield text[end:], False


def _gathered(units: list[str] | str, budget: int, count: Callable[[str], int]) -> Iterator[str]:
    """Units joined while they fit; one that is too long comes by itself."""
    current = ""
    for unit in units:
        if current and count(current + unit) > budget:
            yield current
            current = unit
        else:
            current += unit
    if current:
        yield current
