"""How well the times of words are found: on speech of which they are known.

    python -m benchmarks.word_times --rows=FOLDER/progress.jsonl [--checkpoint=demo] [--json=FILE]

The rows are those of a data set ("audio", "text", "phones"), or what `training.demo.corpus` keeps of a corpus that
it is making, with the teacher's durations; audio lies beside the file. A recording is made codes, the model reads them
beside its text, and what it tells of the words is compared with the labels: by how much each border between a word and
what is beside it is off, what even division would make of it, and what asking costs by the duration of the speech.
"""

import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags

from indextts2_jax import IndexTTS2, use_compilation_cache
from indextts2_jax.audio.clip import USED_SECONDS, load_clip
from indextts2_jax.audio.resample import speaker_audio
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE, replace
from indextts2_jax.pipeline import encode
from indextts2_jax.pipeline.generation import Utterance
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.synthesis.words import Word, WordTimer, WrittenText, divided
from indextts2_jax.training.alignment import word_spans
from indextts2_jax.training.demo import produce

LIMITS = (0.02, 0.04, 0.08, 0.12)


class Timed(NamedTuple):
    """One recording: errors in seconds of borders [2 * words], theirs by even division, and what it took and lasts."""

    errors: np.ndarray
    even: np.ndarray
    confidence: list[float]
    seconds: float
    lasts: float


def read_rows(path: pathlib.Path, most: int) -> list[dict[str, Any]]:
    """Evenly chosen rows of the file, "phones" in each."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = [row for row in rows if "phones" in row or not produce.Record(**row).dropped]
    return rows[:: max(1, len(rows) // most)][:most]


def labels(path: pathlib.Path, row: dict[str, Any]) -> list[list[Any]]:
    """[phone, its end in seconds] of a row."""
    return row["phones"] if "phones" in row else produce.phones(path, produce.Record(**row))


def measure(tts: IndexTTS2, path: pathlib.Path, most: int) -> Iterator[Timed]:
    """Reads the recordings one by one."""
    heads = tts.heads(replace(tts.config, times={"words": True}))
    print(f"heads {heads.places}, {heads.lag:.2f} codes late")
    for row in read_rows(path, most):
        tokens = tts.frontend.tokenize(row["text"])
        clip = load_clip(path.parent / row["audio"])
        audio = speaker_audio(clip)[0]
        if len(tokens) > tts.model.gpt.max_text_tokens or len(audio) >= USED_SECONDS * SAMPLING_RATE:
            continue
        written = WrittenText(tts.frontend, row["text"], [tokens])
        timer = WordTimer(tts.params, tts.model, tts.config.decode, heads, written)
        voice = tts.encode_voice(path.parent / row["audio"], own_emotion=False)
        codes = encode.clip_codes(tts.params, tts.model, clip)
        ids = np.array(tts.frontend.encode(tokens), np.int32)
        utterance = Utterance(voice, voice.emotion_base, ids, jax.random.key(0))
        samples = round(len(codes) * SAMPLING_RATE / tts.model.codes_per_second)
        timer.times(0, utterance, codes, audio, samples)  # compiles
        start = time.perf_counter()
        words = timer.times(0, utterance, codes, audio, samples)
        seconds = time.perf_counter() - start
        truth = word_spans(tokens, written.owners(0), labels(path.parent / row["audio"], row))
        even = divided(written.of_segment(0), len(audio) / SAMPLING_RATE)
        confidence = [words[number].confidence for number in truth]
        yield Timed(off(words, truth), off(even, truth), confidence, seconds, len(audio) / SAMPLING_RATE)


def off(words: list[Word], truth: dict[int, tuple[float, float]]) -> np.ndarray:
    """By how many seconds borders are late."""
    spans = [((words[number].start, words[number].end), pair) for number, pair in truth.items()]
    return (np.array([own for own, _ in spans]) - np.array([pair for _, pair in spans])).ravel()


def figures(errors: np.ndarray) -> dict[str, float]:
    """Of borders."""
    size = np.abs(errors)
    shares = {f"within {1000 * limit:.0f} ms": float(np.mean(size <= limit)) for limit in LIMITS}
    return {"median": float(np.median(size)), "95 %": float(np.quantile(size, 0.95)), **shares}


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("rows", None, "A JSONL file with labels.", required=True, flag_values=own)
    flags.DEFINE_string("checkpoint", bundled.NAME, "The model.", flag_values=own)
    flags.DEFINE_integer("recordings", 300, "So many of them.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    use_compilation_cache()
    tts = IndexTTS2.from_pretrained(given.checkpoint)
    made = list(measure(tts, pathlib.Path(given.rows), given.recordings))
    errors = np.concatenate([one.errors for one in made])
    confidence = np.repeat(np.concatenate([one.confidence for one in made]), 2)
    report: dict[str, Any] = {"recordings": len(made), "borders": len(errors)}
    report["found"] = figures(errors)
    report["even division"] = figures(np.concatenate([one.even for one in made]))
    surer = confidence >= np.median(confidence)
    report["95 % of the surer half"] = float(np.quantile(np.abs(errors[surer]), 0.95))
    report["95 % of the other half"] = float(np.quantile(np.abs(errors[~surer]), 0.95))
    report["cost, s per s of speech"] = sum(one.seconds for one in made) / sum(one.lasts for one in made)
    print(json.dumps(report, indent=1))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
