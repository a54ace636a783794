"""`python -m indextts2_jax read --tokenizer=FILE [--frontend=phonemes]`: a text as the model gets to see it.

Reads texts from standard input, one a line, and prints one JSON object for each: text, normalized, tokens, ids,
segments (lists of tokens) and, where there are any, the pauses in the text and the tokens that are unknown.
"""

import functools
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence

from absl import flags

from indextts2_jax.errors import TextError
from indextts2_jax.runtime import command_line
from indextts2_jax.text.frontend import TextFrontend, build_frontend
from indextts2_jax.text.glossary import load_glossary
from indextts2_jax.text.script import Stretch, has_pauses, stretches


def _define(own: command_line.Flags, command: list[str]) -> None:
    text, integer = (functools.partial(d, flag_values=own) for d in (flags.DEFINE_string, flags.DEFINE_integer))
    text("tokenizer", None, "SentencePiece model (bpe.model of the checkpoint) or phoneme lexicon.", required=True)
    flags.DEFINE_enum("frontend", "bpe", ["bpe", "phonemes"], "What the tokenizer is for.", flag_values=own)
    integer("max_tokens", 120, "Tokens a segment may have.", lower_bound=2, upper_bound=600)
    integer("quick_tokens", 0, "Keep the segments short during the first so many tokens.", lower_bound=0)
    text("glossary", None, "JSON or YAML file that says how terms are read.")


def describe(frontend: TextFrontend, text: str, max_tokens: int, quick_tokens: int) -> dict[str, object]:
    """Every stage of one text, as JSON values. Raises `TextError` for a bad pause or text that is not valid Unicode."""
    parts = stretches(text, paragraphs=False) if has_pauses(text) else [Stretch(text, None, False)]
    read = [frontend.tokenize(part.text) for part in parts]
    tokens = [token for part in read for token in part]
    result: dict[str, object] = {
        "text": text,
        "normalized": " ".join(frontend.normalize(part.text) for part in parts if part.text or len(parts) == 1),
        "tokens": tokens,
        "ids": frontend.encode(tokens),
        "segments": [segment for part in read for segment in frontend.segments(part, max_tokens, quick_tokens)],
    }
    pauses = [part.pause_ms for part in parts if part.pause_ms is not None]
    result |= {"pauses_ms": pauses} if pauses else {}
    unknown = frontend.unknown(tokens)
    return result | {"unknown": unknown} if unknown else result


def _lines() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise TextError(f"Line {number} of the input is not UTF-8 (byte {error.start + 1}).") from error


def work(own: command_line.Flags) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    glossary = load_glossary(own.glossary) if own.glossary is not None else None
    frontend = build_frontend(own.frontend, own.tokenizer, glossary)
    try:
        for text in _lines():
            result = describe(frontend, text, own.max_tokens, own.quick_tokens)
            sys.stdout.buffer.write(json.dumps(result, ensure_ascii=False).encode() + b"\n")
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        # the reader has seen enough; without this Python complains once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return command_line.run(work, _define, __doc__, arguments)
