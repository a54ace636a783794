"""WeText rules: finite-state grammars that spell out numbers, dates, units and money, one for Chinese, one for English.

    text ── tagger ─► money { integer_part: "12" ... } ── reorder ─► ... ── verbalizer ─► twelve dollars

The official implementation uses WeTextProcessing 1.0.4.1; other versions and the `wetext` package read some texts
differently. Its four grammars come with this package (grammars/README.md) and are run by kaldifst. They are built in
memory: no file is written and kept, and no path is handed to a library that reads it in another encoding.

Time and memory grow linearly, but steeply: about 0.5 ms and 50 kB a Chinese character, 2 ms and 200 kB an English one.
"""

import functools
import io
import logging
import lzma
import pathlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.text.glossary import Language

GRAMMARS = pathlib.Path(__file__).resolve().parent / "grammars"
LONG_TEXT = 10_000  # characters: half a gigabyte in Chinese, two in English
Rules: TypeAlias = Callable[[str], str]
"""Text -> the same text as it is spoken. Raises ValueError where the grammar rejects the text."""
Order: TypeAlias = Mapping[str, Sequence[str]]
"""Kind of token -> its fields as they are spoken; those of other kinds stay as they are."""

ORDERS: dict[Language, Order] = {
    "zh": {
        "date": ("year", "month", "day"),
        "fraction": ("denominator", "numerator"),
        "measure": ("denominator", "numerator", "value"),
        "money": ("value", "currency"),
        "time": ("noon", "hour", "minute", "second"),
    },
    "en": {
        "date": ("preserve_order", "text", "day", "month", "year"),
        "money": ("integer_part", "fractional_part", "quantity", "currency_maj"),
    },
}

# Punctuation that a quote in the text has upset is taken as it comes, as by the official parser
KIND = re.compile(r" *+(?![\t\n\v\f\r])([A-Za-z_]*+) ?+\{?+ ?+")
FIELD = re.compile(r' *+(?![\t\n\v\f\r])([A-Za-z_]*+):?+ ?+"?+((?:[^"\\]|\\.)*+)"', re.DOTALL)
END = re.compile(r" *+\}")

LOADING = threading.Lock()

logger = logging.getLogger(__name__)


def load_rules(language: Language) -> Rules:
    """The rules of one language, loaded on first use (a quarter of a second, English half a second).

    Threads that begin together wait for the one that loads: Python before 3.11.8 may raise `SystemError` where two of
    them read the headers of NumPy's files at a time (cpython#106905).

    Raises `IndexTTSError` where a grammar is missing or damaged, or kaldifst cannot be imported.
    """
    with LOADING:
        return _load(language)


@functools.cache
def _load(language: Language) -> Rules:
    tagger, verbalizer = (_grammar(f"{language}_{part}") for part in ("tagger", "verbalizer"))

    def apply(text: str) -> str:
        if len(text) > LONG_TEXT:
            logger.warning(
                "Spelling out %d characters at once takes long and gigabytes of memory: cut the text.", len(text)
            )
        tagged = tagger(text) if text else ""
        return verbalizer(reorder(tagged, ORDERS[language])) if tagged else ""

    return apply


def reorder(tagged: str, order: Order) -> str:
    """Puts the fields of each token into spoken order; fields that the order lacks are left out.

    `date { month: "may" day: "one" preserve_order: "true" }` stays as it is. Raises ValueError where a quote in the
    text upset the tags.
    """
    spoken = []
    for kind, fields in _tokens(tagged):
        values = dict(fields)
        keys = [key for key, _ in fields]
        if kind in order and values.get("preserve_order") != "true":
            keys = [key for key in order[kind] if key in values]
        spoken.append(" ".join([kind, "{", *(f'{key}: "{values[key]}"' for key in keys), "}"]))
    return " ".join(spoken).strip()


def _tokens(tagged: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The kind of each token, and its fields by key; a value is as it is escaped."""
    tagged = tagged.rstrip(" ")
    position = 0
    while position < len(tagged):
        kind = _match(KIND, tagged, position)
        position = kind.end()
        fields = []
        while position < len(tagged) and not END.match(tagged, position):
            field = _match(FIELD, tagged, position)
            position = field.end()
            fields.append((field[1], field[2]))
        if end := END.match(tagged, position):
            position = end.end()
        yield kind[1], fields


def _match(pattern: re.Pattern[str], tagged: str, position: int) -> re.Match[str]:
    match = pattern.match(tagged, position)
    if not match:
        raise ValueError(f"the tags cannot be read: {tagged[position : position + 40]!r}")
    return match


def _grammar(name: str) -> Rules:
    """One of the four, as a function of text."""
    try:
        import kaldifst
    except ImportError as error:
        raise IndexTTSError(
            f"The rules for numbers need kaldifst, which cannot be imported ({error}): run `pip install kaldifst`."
        ) from error

    grammar = _built(_read(GRAMMARS / f"{name}.npz.xz"))

    def best(text: str) -> str:
        written = kaldifst.make_linear_acceptor(list(text.encode()))
        reading = kaldifst.shortest_path(kaldifst.compose(written, grammar))
        if reading.start < 0:
            raise ValueError("no rule reads it")
        _, _, spoken, _ = kaldifst.get_linear_symbol_sequence(reading)
        return bytes(spoken).decode()

    return best


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The columns of a grammar, described in tests/text/make_grammars.py."""
    try:
        with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as columns:
            return {name: columns[name] for name in columns.files}
    except (OSError, ValueError, EOFError, lzma.LZMAError) as error:
        raise IndexTTSError(f"The text rules {path} cannot be read ({error}): install indextts2_jax again.") from error


def _built(columns: dict[str, np.ndarray]) -> Any:
    """The grammar in kaldifst's memory. Its functions that read text formats crash in a process that has pynini too."""
    import kaldifst

    states = np.repeat(np.arange(len(columns["arcs"])), columns["arcs"])
    weights = {weight: kaldifst.TropicalWeight(weight) for weight in np.unique(columns["weight"]).tolist()}
    arcs = map(
        kaldifst.StdArc,
        columns["read"].tolist(),
        columns["written"].tolist(),
        map(weights.__getitem__, columns["weight"].tolist()),
        (states + columns["step"]).tolist(),
    )
    grammar = kaldifst.StdVectorFst()
    for _ in columns["arcs"]:
        grammar.add_state()
    grammar.start = 0
    for state, arc in zip(states.tolist(), arcs, strict=True):
        grammar.add_arc(state, arc)
    for state in columns["final"].tolist():
        grammar.set_final(state, 0.0)
    return kaldifst.StdConstFst(grammar)
