"""A text as the model gets to see it, in JSON values: for `indextts2 read` and for the page of the server."""

from indextts2_jax.config import TextConfig
from indextts2_jax.text.frontend import MultilingualFrontend, TextFrontend, configured
from indextts2_jax.text.pace import is_english
from indextts2_jax.text.script import Stretch, has_pauses, normalize, stretches, tokenize, without_pauses


def describe(frontend: TextFrontend, text: str, limits: TextConfig) -> dict[str, object]:
    """Every stage of one text, as JSON values. Raises `TextError` for a bad pause or text that is not valid Unicode."""

    def segments(part: Stretch, tokens: list[str]) -> list[list[str]]:
        english = limits.max_english_tokens_per_segment
        limit = english if english and is_english(part.text) else limits.max_text_tokens_per_segment
        return frontend.segments(tokens, limit, limits.quick_streaming_tokens)

    frontend = configured(frontend, limits)
    prepared = frontend.prepare(text)
    parts = stretches(prepared, paragraphs=False) if has_pauses(prepared) else [Stretch(prepared, None, False)]
    pieces = frontend.within(without_pauses(prepared))
    read = [tokenize(pieces, part.text) for part in parts]
    tokens = [token for part in read for token in part]
    split = [segment for part, own in zip(parts, read, strict=True) for segment in segments(part, own)]
    result: dict[str, object] = {
        "text": text,
        "normalized": " ".join(normalize(pieces, part.text) for part in parts if part.text or len(parts) == 1),
        "tokens": tokens,
        "ids": frontend.encode(tokens),
        "segments": split,
    }
    if isinstance(pieces, MultilingualFrontend):
        result["language"] = pieces.language(prepared)
        result["segment_ids"] = [frontend.encode(segment) for segment in split]
    pauses = [part.pause_ms for part in parts if part.pause_ms is not None]
    result |= {"pauses_ms": pauses} if pauses else {}
    unknown = frontend.unknown(tokens)
    return result | {"unknown": unknown} if unknown else result
