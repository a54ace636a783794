"""Which text token is spoken in each frame: aligned phones matched to the phonemes that the front-end reads.

A dictionary and a synthesiser do not quite agree ("the" is DH AH0 in one and dh iy in the other), so the two sequences
are aligned by the cheapest edit path. Phones may be written as CMUdict does (AH0) or as flite does (ax).
"""

from collections.abc import Sequence

import numpy as np

from indextts2_jax.array_typing import Int
from indextts2_jax.training.phones import Phones, frame_labels

PAUSE = "pau"
PUNCTUATION = frozenset(",.?!")
SKIP, SKIP_PAUSE = 0.9, 0.3


def plain(token: str) -> str:
    """ "▁DH" -> "dh", "AH0" -> "ax", "AE1" -> "ae", punctuation -> the pause."""
    if token in PUNCTUATION:
        return PAUSE
    phone = token.lstrip("▁").lower()
    return "ax" if phone == "ah0" else phone.rstrip("012")


def _cost(token: str, phone: str) -> float:
    if token == phone or {token, phone} == {"ax", "ah"}:
        return 0.0
    if PAUSE in (token, phone):
        return 2.0
    vowels = (token[0] in "aeiou", phone[0] in "aeiou")
    return 0.6 if all(vowels) else 0.8 if not any(vowels) else 1.5


def align(tokens: Sequence[str], phones: Sequence[str]) -> Int[np.ndarray, " {len(phones)}"]:
    """The token of every phone, not decreasing. A phone of no token belongs to the one before."""
    wanted, phones = [plain(token) for token in tokens], [plain(phone) for phone in phones]
    rows, columns = len(wanted) + 1, len(phones) + 1
    drop_token = [SKIP_PAUSE if token == PAUSE else SKIP for token in wanted]
    drop_phone = [SKIP_PAUSE if phone == PAUSE else SKIP for phone in phones]
    best = [[0.0] * columns for _ in range(rows)]
    for j in range(1, columns):
        best[0][j] = best[0][j - 1] + drop_phone[j - 1]
    for i in range(1, rows):
        above, row, token = best[i - 1], best[i], wanted[i - 1]
        row[0] = above[0] + drop_token[i - 1]
        for j in range(1, columns):
            row[j] = min(
                above[j - 1] + _cost(token, phones[j - 1]), above[j] + drop_token[i - 1], row[j - 1] + drop_phone[j - 1]
            )
    matched = np.full(len(phones), -1)
    i, j = rows - 1, columns - 1
    while i and j:
        if best[i][j] == best[i - 1][j - 1] + _cost(wanted[i - 1], phones[j - 1]):
            i, j = i - 1, j - 1
            matched[j] = i
        elif best[i][j] == best[i - 1][j] + drop_token[i - 1]:
            i -= 1
        else:
            j -= 1
    return np.maximum(np.maximum.accumulate(matched), 0)


def word_spans(
    tokens: Sequence[str], owners: Sequence[int] | Int[np.ndarray, " L"], phones: Phones
) -> dict[int, tuple[float, float]]:
    """Start and end, in seconds, of every word that has phones, pauses apart; `owners` is the word of each token."""
    ends = [end for _, end in phones]
    begins = [0.0, *ends]
    found: dict[int, tuple[float, float]] = {}
    for number, token in enumerate(align(tokens, [phone for phone, _ in phones])):
        if PAUSE not in (phones[number][0], plain(tokens[token])):
            word = int(owners[token])
            found[word] = found.get(word, (begins[number], 0.0))[0], ends[number]
    return found


def token_frames(tokens: Sequence[str], phones: Phones, frames: int) -> Int[np.ndarray, " {frames}"]:
    """The token spoken in each semantic frame."""
    token = align(tokens, [phone for phone, _ in phones])
    numbered = [(number, end) for number, (_, end) in enumerate(phones)]
    return token[frame_labels(numbered, frames, range(len(phones)))]
