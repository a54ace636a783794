"""Tokens -> segments that the speech model can take one by one (indextts/utils/front.py, split_segments_by_token).

    tokens ─ cut at sentence ends, commas, hyphens, and what is still too long ─ merge neighbours ─► segments

Cutting looks at tokens, not at the length of what has been gathered: a comma always cuts, and merging puts the pieces
together again.
"""

import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)

SENTENCE_ENDS = frozenset([".", "!", "?", "▁.", "▁?", "▁..."])
COMMAS = frozenset([",", "▁,"])
HYPHENS = frozenset(["-"])
APOSTROPHES = frozenset(["'", "▁'"])


def split_segments(tokens: Sequence[str], max_tokens: int, quick_tokens: int = 0) -> list[list[str]]:
    """Cuts `tokens` into segments of about `max_tokens` at most, none of them empty.

    Neighbours are merged while they fit into `max_tokens`, but during the first `quick_tokens` tokens only while they
    fit into half of it: short segments at the beginning let a stream start early.

    As in the official code, an apostrophe right behind the end of a sentence comes twice: at the end of its segment,
    which may then be `max_tokens + 1` long, and at the beginning of what follows. Otherwise the segments joined are
    `tokens`.
    """
    return _split(tokens, SENTENCE_ENDS, max_tokens, quick_tokens)


def _split(tokens: Sequence[str], ends: frozenset[str], max_tokens: int, quick_tokens: int) -> list[list[str]]:
    """One level: cuts behind `ends`; what a comma or a hyphen closes is a level of its own, merged for itself."""
    segments: list[list[str]] = []
    gathered: list[str] = []
    for i, token in enumerate(tokens):
        gathered.append(token)
        if ends is not COMMAS and token in COMMAS:
            pieces = _split(gathered, COMMAS, max_tokens, quick_tokens)
        elif ends is not HYPHENS and token in HYPHENS:
            pieces = _split(gathered, HYPHENS, max_tokens, quick_tokens)
        elif len(gathered) > max_tokens:
            logger.info("The text is cut in the middle of a phrase: no punctuation in %d tokens.", len(gathered))
            pieces = [gathered[:max_tokens], gathered[max_tokens:]]
        elif token in ends and len(gathered) > 2:
            following = tokens[i + 1 : i + 2]
            pieces = [gathered + [token for token in following if token in APOSTROPHES]]
        else:
            continue
        segments += pieces
        gathered = []
    return _merge(segments + [gathered], max_tokens, quick_tokens)


def _merge(segments: list[list[str]], max_tokens: int, quick_tokens: int) -> list[list[str]]:
    merged: list[list[str]] = []
    total = 0
    for segment in filter(None, segments):
        total += len(segment)
        length = len(merged[-1]) + len(segment) if merged else None
        if length is not None and ((length <= max_tokens and total > quick_tokens) or length <= max_tokens / 2):
            merged[-1] = merged[-1] + segment
        else:
            merged.append(segment)
    return merged
