"""How well words that are left out or said twice are seen in where the model looks: readings damaged on purpose.

    python -m benchmarks.visits

Every sentence and hard text is read with every seed, and each reading is damaged in two ways: the codes of a word are
cut out of it, and those of one to three words stand twice in it. Then the model reads the same text without one or two
of its words, and with one or two of them twice, and what it says is judged as a reading of the whole text. Counted is
who is suspect, by threshold; of the readings as they are some did leave out words, so theirs is an upper bound of false
alarms. Precision is that of as many damaged readings as whole ones.
"""

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from absl import flags

from benchmarks.omission import SENTENCES, Judge
from indextts2_jax import use_compilation_cache
from indextts2_jax.config import replace
from indextts2_jax.pipeline import alignment, visits
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.text.frontend import words

HARD = SENTENCES.with_name("demo_hard.txt")
KINDS = {"cut": "first", "skipped": "first", "copied": "again", "repeated": "again"}
"""Ways to damage a reading (codes cut out, words skipped, codes copied, words repeated), and the measure that tells."""
THRESHOLDS = {
    "first": (0.1, 0.15, 0.2, visits.LEAST_SHARE, 0.3, 0.4),
    "again": (0.1, 0.2, visits.LEAST_AGAIN, 0.4, 0.5),
}


class Seen(NamedTuple):
    """A reading: the least share that a word has, and the most that one has again."""

    kind: str
    first: float
    again: float

    def suspect(self, measure: str, threshold: float) -> bool:
        """Whether one measure alone would make it suspect."""
        return self.first < threshold if measure == "first" else self.again > threshold


@dataclasses.dataclass(frozen=True)
class Text:
    """What is to be read: the tokens of a segment, and with which seed."""

    tokens: list[str]
    seed: int


class Eye:
    """The bundled model, and where it looks."""

    def __init__(self) -> None:
        self.judge = Judge()
        tts = self.judge.tts
        self.heads = tts.heads(replace(tts.config, redraw={"check_alignment": True}))

    def weights(self, text: Text, codes: np.ndarray) -> np.ndarray:
        """[T L+2] of codes as a reading of a text."""
        tts, utterance = self.judge.tts, self.judge.utterance(text.tokens, text.seed)
        given = (tts.params, tts.model, utterance, codes, self.heads.places, tts.config.decode)
        return alignment.attention_maps(*given).mean(axis=0)

    def see(self, kind: str, text: Text, codes: np.ndarray) -> Seen:
        spans, tts = words(text.tokens), self.judge.tts
        seconds = [tts.frontend.seconds(text.tokens[begin:end]) for begin, end in spans]
        found = visits.count(self.weights(text, codes), spans, seconds, tts.model.codes_per_second)
        return Seen(kind, min(found.first), max(found.again))

    def place(self, text: Text, codes: np.ndarray, first: int, last: int) -> slice:
        """The codes of words `first` to `last`; none where no code is theirs."""
        spans, found = words(text.tokens), alignment.path(self.weights(text, codes)) - 1
        own = np.flatnonzero((found >= spans[first][0]) & (found < spans[last][1]))
        return slice(int(own[0]), int(own[-1]) + 1) if len(own) else slice(0, 0)


def damaged(eye: Eye, text: Text, codes: np.ndarray, rng: np.random.Generator) -> Iterator[Seen]:
    """A reading without the codes of a word, and with those of one to three words twice."""
    count = len(words(text.tokens))
    first = int(rng.integers(count))
    own = eye.place(text, codes, first, first)
    if 0 < own.stop - own.start < len(codes):
        yield eye.see("cut", text, np.delete(codes, own))
    last = min(count - 1, first + int(rng.integers(3)))
    own = eye.place(text, codes, first, last)
    if own.stop > own.start:
        yield eye.see("copied", text, np.concatenate([codes[: own.stop], codes[own.start :]]))


def otherwise(text: Text, kind: str, rng: np.random.Generator) -> Text:
    """The text without one or two of its words, or with them twice."""
    spans = words(text.tokens)
    size = min(int(rng.integers(1, 3)), len(spans) - 1)
    first = int(rng.integers(len(spans) - size + 1))
    begin, end = spans[first][0], spans[first + size - 1][1]
    rest = text.tokens[end:] if kind == "skipped" else text.tokens[begin:]
    return Text(text.tokens[: begin if kind == "skipped" else end] + rest, text.seed)


def measure(eye: Eye, texts: Sequence[Text]) -> Iterator[Seen]:
    """Sees every reading, as it is and damaged."""
    rng = np.random.default_rng(0)
    read = [eye.judge.utterance(text.tokens, text.seed) for text in texts]
    for text, chosen in zip(texts, eye.judge.read(read), strict=True):
        yield eye.see("whole", text, chosen.codes)
        yield from damaged(eye, text, chosen.codes, rng)
    longer = [text for text in texts if len(words(text.tokens)) > 1]
    for kind in ("skipped", "repeated"):
        others = [otherwise(text, kind, rng) for text in longer]
        made = eye.judge.read([eye.judge.utterance(text.tokens, text.seed) for text in others])
        for text, chosen in zip(longer, made, strict=True):
            yield eye.see(kind, text, chosen.codes)


def table(seen: Sequence[Seen]) -> list[dict[str, object]]:
    """A row for each way of damage and threshold."""
    kinds = {kind: [one for one in seen if one.kind == kind] for kind in ("whole", *KINDS)}
    rows: list[dict[str, object]] = []
    for kind, by in KINDS.items():
        for threshold in THRESHOLDS[by]:
            false, recall = (
                float(np.mean([one.suspect(by, threshold) for one in kinds[which]])) for which in ("whole", kind)
            )
            precision = recall / (recall + false) if recall + false else 1.0
            row: dict[str, object] = {"kind": kind, "readings": len(kinds[kind]), "by": by, "threshold": threshold}
            rows.append(row | {"recall": recall, "false alarms": false, "precision": precision})
    return rows


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_integer("sentences", None, "So many of them; by default all.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("seeds", 2, "Readings of each.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    use_compilation_cache()
    eye = Eye()
    frontend = eye.judge.tts.frontend
    lines = [line for path in (SENTENCES, HARD) for line in path.read_text(encoding="utf-8").splitlines()]
    parts = [own for line in lines[: given.sentences] for own in frontend.segments(frontend.tokenize(line), 80)]
    rows = table(list(measure(eye, [Text(own, seed) for seed in range(given.seeds) for own in parts])))
    for row in rows:
        print(json.dumps(row))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
