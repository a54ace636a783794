"""WeText rules: finite-state grammars that spell out numbers, dates, units and money, one for Chinese, one for English.

    text ── tagger ─► money { integer_part: "12" ... } ── reorder ─► ... ── verbalizer ─► twelve dollars

The official implementation uses WeTextProcessing 1.0.4.1; other versions and the `wetext` package read some texts
differently. Its wheel brings three of the four grammars. The Chinese verbalizer must be compiled, because the one in
the wheel drops interjections and the retroflex suffix; the Chinese tagger compiled beside it would equal the wheel's
byte for byte, so it is not compiled. What is loaded is kept in the user's cache folder, already optimised.

Time and memory grow linearly, but steeply: about 0.5 ms and 50 kB a Chinese character, 2 ms and 200 kB an English one.
"""

import functools
import importlib.metadata
import importlib.util
import logging
import pathlib
from collections.abc import Callable
from typing import Any, TypeAlias

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.runtime.cache import cache_folder
from indextts2_jax.text.glossary import Language

PINNED = "1.0.4.1"
FOLDER = f"wetext-{PINNED}"
LONG_TEXT = 10_000  # characters: half a gigabyte in Chinese, two in English
Rules: TypeAlias = Callable[[str], str]
"""Text -> the same text as it is spoken. Raises whatever the grammar's library raises where it rejects the text."""

logger = logging.getLogger(__name__)


@functools.cache
def load_rules(language: Language) -> Rules:
    """The rules of one language, loaded on first use (a quarter of a second; a few seconds the very first time).

    Raises `IndexTTSError` where no library for them is installed.
    """
    if _has_pinned_version():
        return _grammar_rules(language)
    if importlib.util.find_spec("wetext"):
        return _portable_rules(language)
    raise IndexTTSError(
        f"Text normalisation needs WeTextProcessing: run `pip install WeTextProcessing=={PINNED}`"
        " (or `pip install wetext` where that has no wheel)."
    )


def _has_pinned_version() -> bool:
    try:
        return importlib.metadata.version("WeTextProcessing") == PINNED and bool(importlib.util.find_spec("pynini"))
    except importlib.metadata.PackageNotFoundError:
        return False


@functools.cache
def _warn_portable() -> None:
    logger.warning(
        "WeTextProcessing %s is not installed, so the wetext package spells out numbers. It reads some texts"
        " differently from the official implementation: digits beside letters, long or grouped numbers,"
        " abbreviations, quotation marks, spaces around English punctuation.",
        PINNED,
    )


def _portable_rules(language: Language) -> Rules:
    from wetext import Normalizer

    _warn_portable()
    # What the pinned Chinese grammar does and the English one does not
    convert = dict.fromkeys(["traditional_to_simple", "full_to_half"], language == "zh")
    normalizer = Normalizer(lang=language, operator="tn", remove_erhua=False, remove_interjections=False, **convert)
    return lambda text: normalizer.normalize(text)


def _grammar_rules(language: Language) -> Rules:
    import pynini

    tagger = _stored(f"{language}_tagger", lambda: _packaged(f"{language}_tn_tagger"))
    build = _compile_chinese_verbalizer if language == "zh" else lambda: _packaged("en_tn_verbalizer")
    verbalizer = _stored(f"{language}_verbalizer", build)
    order = "tn" if language == "zh" else "en_tn"

    def best(text: str, grammar: Any) -> str:
        readings = pynini.escape(text) @ grammar
        if readings.start() < 0:  # asked for its best path, the library would complain on stderr as well
            raise ValueError("no rule reads it")
        return pynini.shortestpath(readings, nshortest=1, unique=True).string()

    def apply(text: str) -> str:
        if len(text) > LONG_TEXT:
            logger.warning(
                "Spelling out %d characters at once takes long and gigabytes of memory: cut the text.", len(text)
            )
        tagged = best(text, tagger) if text else ""
        return best(_reorder(tagged, order), verbalizer) if tagged else ""

    return apply


def _reorder(tagged: str, order: str) -> str:
    """Puts the fields of each token into spoken order. Raises ValueError where a quote in the text upset the tags."""
    from tn import token_parser

    class Parser(token_parser.TokenParser):
        def read(self) -> bool:
            # the library's parser never ends on a value without a closing quote
            if self.char == token_parser.EOS:
                raise ValueError("a tagged value has no closing quote")
            return super().read()

    return Parser(order).reorder(tagged)


# --- the four grammars ----------------------------------------------------------------------------------------


def _packaged(name: str) -> Any:
    import pynini

    spec = importlib.util.find_spec("tn")
    assert spec and spec.origin
    return pynini.Fst.read(str(pathlib.Path(spec.origin).with_name(f"{name}.fst"))).optimize()


def _compile_chinese_verbalizer() -> Any:
    from tn.chinese.normalizer import Normalizer

    class Verbalizer(Normalizer):
        def build_fst(self, prefix: str, cache_dir: pathlib.Path, overwrite_cache: bool) -> None:
            self.build_verbalizer()  # instead of both grammars, written into a folder, with a log handler of its own

    # Optimised once when compiled and once when loaded, as the official implementation does from its second start on.
    return Verbalizer(remove_interjections=False, remove_erhua=False).verbalizer.optimize().optimize()


def _stored(name: str, build: Callable[[], Any]) -> Any:
    """Reads a grammar from the user's cache folder; builds it and keeps it there where it is missing or unreadable.

    It appears whole, so that processes that start together never read half a file.
    """
    import pynini

    try:
        path = cache_folder(FOLDER) / f"{name}.fst"
        if path.exists():
            return pynini.Fst.read(str(path))
    except (OSError, RuntimeError) as error:  # a damaged file, or no home folder
        logger.warning("The stored text rules %s cannot be read (%s) and are built anew.", name, error)
    logger.info("Preparing the text rules %s: once, this takes a few seconds.", name)
    grammar = build()
    try:
        folder = cache_folder(FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        with replaced_file(folder / f"{name}.fst") as new:
            grammar.write(str(new))
    except (OSError, RuntimeError) as error:
        logger.warning("The text rules %s cannot be kept for the next start (%s).", name, error)
    return grammar
