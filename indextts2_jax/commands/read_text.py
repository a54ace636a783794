"""A text as the model gets to see it:

    echo "Call me at 10:30." | indextts2 read --checkpoint=DIR        with its front-end and settings; demo: the bundled
    echo "Call me at 10:30." | indextts2 read --tokenizer=FILE        with a tokenizer alone; --frontend=phonemes

Reads texts from standard input, one a line, and prints one JSON object for each: text, normalized, tokens, ids,
segments (lists of tokens) and, where there are any, the pauses in the text and the tokens that are unknown. A model of
several languages has language and segment_ids too: the ids of each segment, its language's token first.
"""

import dataclasses
import functools
import json
import logging
import sys
from collections.abc import Iterator, Sequence

from absl import flags

from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import settings
from indextts2_jax.config import Config, TextConfig
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.runtime import command_line, streams, text_files
from indextts2_jax.text.description import describe
from indextts2_jax.text.frontend import TextFrontend, build_frontend
from indextts2_jax.text.glossary import load_glossary

FRONTENDS = ("bpe", "phonemes", "tiktoken")


def _define(own: command_line.Flags, command: list[str]) -> None:
    text, integer = (functools.partial(d, flag_values=own) for d in (flags.DEFINE_string, flags.DEFINE_integer))
    settings.define(own, command)
    text(
        "tokenizer",
        None,
        "Instead: SentencePiece model (bpe.model of the checkpoint), phoneme lexicon or .tiktoken file.",
    )
    flags.DEFINE_enum("frontend", None, FRONTENDS, "What --tokenizer is for; by default bpe.", flag_values=own)
    integer("max_tokens", None, "Tokens a segment may have; by default as in the settings.", 2, 600)
    integer("quick_tokens", None, "Keep the segments short during the first so many tokens.", lower_bound=0)
    text("language", None, "auto, zh, en, ja, es or ar, for a model of several languages.")
    text("glossary", None, "JSON or YAML file that says how terms are read.")


def _lines() -> Iterator[str]:
    with streams.open_input(streams.STANDARD) as file:
        for number, line in enumerate(file, 1):
            try:
                yield text_files.decode(line).removesuffix("\n").removesuffix("\r")
            except text_files.TextFileError as error:
                raise TextError(f"Line {number} of {streams.SHOWN} cannot be read: {error}.") from None


def _reader(own: command_line.Flags) -> tuple[TextFrontend, TextConfig]:
    """The front-end, and how long its segments are: by the flags, else the settings."""
    glossary = load_glossary(own.glossary) if own.glossary is not None else None
    if own.tokenizer is not None:
        if own.checkpoint is not None:
            raise ConfigError("Give either --tokenizer=FILE or --checkpoint=DIR (demo: the bundled model).")
        text = settings.changed(own, Config()).text
        frontend = build_frontend(own.frontend or "bpe", own.tokenizer, glossary)
    else:
        if own.frontend is not None:
            raise ConfigError("--frontend goes with --tokenizer; a checkpoint says itself which front-end it has.")
        chosen = settings.choose(own)
        if not chosen.checkpoint:
            raise ConfigError("read needs --checkpoint or --tokenizer: random weights have no tokenizer.")
        from indextts2_jax.checkpoint.artefact import TOKENIZER  # JAX takes a second, which --tokenizer need not wait

        text = chosen.config.text
        tokenizer = bundled.resolve(chosen.checkpoint) / TOKENIZER
        frontend = build_frontend(chosen.model.text_frontend, tokenizer, glossary)
    if own.max_tokens is not None:
        text = dataclasses.replace(text, max_text_tokens_per_segment=own.max_tokens, max_english_tokens_per_segment=0)
    if own.quick_tokens is not None:
        text = dataclasses.replace(text, quick_streaming_tokens=own.quick_tokens)
    return frontend, text


def work(own: command_line.Flags, names: Sequence[str]) -> None:
    if names:
        raise TextError(f"Unexpected argument {names[0]!r}: texts are read from standard input.")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    frontend, limits = _reader(own)
    out = streams.binary_output()
    with streams.until_closed():
        for text in _lines():
            result = describe(frontend, text, limits)
            streams.write_all(out, json.dumps(result, ensure_ascii=False).encode() + b"\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    names: list[str] = []
    return command_line.run(lambda own: work(own, names), _define, __doc__, arguments, names)
