"""`python -m benchmarks.demo_speech --checkpoint=DIR --output=DIR`: a model trained on flite's voices, beside flite.

    sentences ─┬─ flite, in each voice ──────────────────────────────┬─► speech_metrics ─► table, JSON, plot
               └─ our model, reference clips of each voice by flite ─┘

flite's own numbers are the ceiling: the model learnt from it, and the recogniser misses words of flite's too. Sentence
i is spoken with reference clip i % 3 and the seed --seed + i. Both systems' files are judged by one procedure.

`--system=flite` measures flite alone. `--unseen=MANIFEST.jsonl` (a JSON object a line: "audio", a path relative to the
manifest, "text", "speaker") adds voices that were not trained on: the model reads evaluation sentences, not the clip's
own text, so that the words do not add to the likeness. `--config=configs/tiny.py` tries the program with random
weights.
"""

import collections
import contextlib
import dataclasses
import datetime
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import sys
import time
from collections.abc import Sequence

import numpy as np
from absl import flags

from benchmarks import demo_report
from benchmarks import speech_metrics as metrics
from benchmarks.demo_report import Row
from benchmarks.demo_systems import Ours, Take, check_flite, flite_speak, flite_takes, progress
from indextts2_jax.config import Config, from_dict, to_dict
from indextts2_jax.errors import ConfigError, IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

SENTENCES = pathlib.Path(__file__).with_name("demo_sentences.txt")
REFERENCES = (  # 4 to 6 seconds each
    "Every evening the lighthouse keeper climbs the narrow stairs and looks far out over the dark sea.",
    "When the orchestra had finished playing, the whole audience stood up and clapped for several minutes.",
    "Before you plant the seeds, loosen the soil with a fork and water it gently in the shade.",
)
DISTRIBUTIONS = ("indextts2_jax", "jax", "jaxlib", "numpy", "soxr", *metrics.PACKAGES, "torch", "setuptools")


@dataclasses.dataclass(frozen=True)
class Voice:
    """A voice to be met: of some reference clips."""

    name: str
    paths: list[pathlib.Path]
    embedding: np.ndarray  # [256], of length 1
    pitch: float  # Hz


# --- judging --------------------------------------------------------------------------------------------------


class Judge:
    """Measures takes: words, voice, pitch, duration."""

    def __init__(self) -> None:
        self.recogniser = metrics.Recogniser()
        self.encoder = metrics.SpeakerEncoder()

    def voice(self, name: str, paths: Sequence[pathlib.Path]) -> Voice:
        clips = [metrics.load_audio(path) for path in paths]
        return Voice(name, list(paths), self.encoder.embed_all(clips), metrics.median_pitch(clips))

    def judge(self, take: Take, wanted: Voice, others: Sequence[Voice]) -> Row:
        """A row of the JSON file, but for the duration rule.

        Args:
          wanted: whose voice it should be.
          others: all that the nearest is looked for among; `wanted` is one of them.
        """
        audio = metrics.load_audio(take.path) if take.path else np.zeros(0, np.float32)
        heard = self.recogniser.hear(audio)
        errors = metrics.word_errors(take.text, heard)
        likeness = metrics.cosines(self.encoder.embed(audio), [other.embedding for other in others])
        by_name = {other.name: value for other, value in zip(others, likeness, strict=True)}
        nearest = max(by_name, key=by_name.__getitem__) if any(likeness) else None
        pitch = metrics.median_pitch([audio])
        deviation = metrics.pitch_deviation(pitch, wanted.pitch)
        measured = {
            "duration": len(audio) / metrics.RATE,
            "heard": heard,
            "errors": errors.errors,
            "words": errors.words,
            "cosines": by_name,
            "cosine": by_name[wanted.name],
            "nearest": nearest,
            "right_voice": nearest == wanted.name,
            "pitch": pitch,
            "pitch_deviation": deviation,
            "pitch_fits": deviation <= metrics.PITCH_TOLERANCE,
        }
        return dataclasses.asdict(take) | {"path": str(take.path) if take.path else None} | measured


def judge_all(judge: Judge, takes: Sequence[Take], voices: Sequence[Voice]) -> list[Row]:
    """Rows of both systems; what counts as a right duration is seen from flite's take of the sentence."""
    by_name = {voice.name: voice for voice in voices}
    rows = [judge.judge(take, by_name[take.voice], voices) for take in progress("listen", takes)]
    expected = {(row["voice"], row["index"]): row["duration"] for row in rows if row["system"] == "flite"}
    for row in rows:
        row["duration_fits"] = metrics.duration_fits(row["duration"], expected[row["voice"], row["index"]])
        row["ended"] = row["stopped"] and row["duration_fits"]
    return rows


def summarize(rows: Sequence[Row]) -> Row:
    """Means and sums over rows; the word error rate is of all words together."""
    counts = metrics.total(metrics.WordErrors(row["errors"], row["words"]) for row in rows)
    seconds = sum(row["duration"] for row in rows) or math.nan
    stages: collections.Counter[str] = collections.Counter()
    for row in rows:
        stages.update(row["stages"])

    def mean(key: str) -> float:
        return float(np.mean([row[key] for row in rows if key in row]))

    shares = ("right_voice", "cosine", "pitch_fits", "stopped", "duration_fits", "ended")
    return {
        "sentences": len(rows),
        "wer": counts.rate,
        "errors": counts.errors,
        "words": counts.words,
        **{key: mean(key) for key in shares if key in rows[0]},
        "pitch_deviation": float(np.median([row["pitch_deviation"] for row in rows])),
        "audio_seconds": seconds,
        "real_time_factor": sum(row["took"] for row in rows) / seconds,
        "real_time_factor_by_stage": {name: value / seconds for name, value in stages.items()},
    }


def unseen(
    ours: Ours,
    judge: Judge,
    manifest: pathlib.Path,
    folder: pathlib.Path,
    voices: Sequence[Voice],
    sentences: Sequence[str],
    limit: int | None,
) -> Row:
    """Clips of speakers the model was not trained on, against the training voices. Raises `IndexTTSError`."""
    rows = []
    listed = read_manifest(manifest)[:limit]
    for i, item in progress("unseen", list(enumerate(listed))):
        path = manifest.parent / item["audio"]
        own = judge.voice("clip", [path])
        encoded = ours.encode(path)
        index = i % len(sentences)
        text = sentences[index]
        take = ours.speak(folder / "unseen" / f"{i:03}.wav", item["speaker"], index, text, encoded, 0)
        row = judge.judge(take, own, [own, *voices])
        trained = metrics.cosines(own.embedding, [voice.embedding for voice in voices])
        likeness = {voice.name: value for voice, value in zip(voices, trained, strict=True)}
        rows.append(row | {"speaker": item["speaker"], "audio": item["audio"], "clip_cosines": likeness})
    names = ["clip", *(voice.name for voice in voices)]
    cosines = {name: float(np.mean([row["cosines"][name] for row in rows])) for name in names}
    clips = {name: float(np.mean([row["clip_cosines"][name] for row in rows])) for name in names[1:]}
    return {"summary": summarize(rows) | {"cosines": cosines, "clip_cosines": clips}, "rows": rows}


# --- input and output -----------------------------------------------------------------------------------------


def read_lines(path: pathlib.Path) -> list[str]:
    """The lines that are not empty. Raises `IndexTTSError` where there is none."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise IndexTTSError(f"Cannot read {path}: {error}.") from None
    if not any(lines):
        raise IndexTTSError(f"{path} is empty.")
    return [line for line in lines if line]


def read_manifest(path: pathlib.Path) -> list[dict[str, str]]:
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            item = json.loads(line)
            rows.append({key: str(item[key]) for key in ("audio", "text", "speaker")})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise IndexTTSError(f'{path}:{number} is no {{"audio", "text", "speaker"}} object: {error}.') from None
    return rows


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("checkpoint", None, "The model, as `IndexTTS2.from_pretrained` takes it.", flag_values=own)
    flags.DEFINE_string("output", None, "Folder for the audio files and results.json.", flag_values=own)
    flags.DEFINE_enum("system", "ours", ["ours", "flite"], "flite: measure flite alone.", flag_values=own)
    flags.DEFINE_list("voices", ["rms", "awb", "slt"], "Of flite's.", flag_values=own)
    flags.DEFINE_string("sentences", str(SENTENCES), "Text file, a sentence a line.", flag_values=own)
    flags.DEFINE_integer("limit", None, "Use so many sentences (and unseen clips) only.", 1, flag_values=own)
    flags.DEFINE_integer("seed", 0, "Sentence i is spoken with seed + i.", 0, 2**31, flag_values=own)
    flags.DEFINE_string("unseen", None, "Manifest (JSON lines) of clips of other speakers.", flag_values=own)
    flags.DEFINE_string("json", None, "Results instead of in OUTPUT/results.json.", flag_values=own)
    flags.DEFINE_string("plot", None, "Draw spectrograms of three sentences here (.png).", flag_values=own)
    command_line.define_config(own, command, "indextts2", "Configuration, with overrides.")


def check_options(options: flags.FlagValues) -> Config:
    """The configuration. Raises `IndexTTSError` for flags that do not go together."""
    config = from_dict(Config, options.config.to_dict())
    if not options.output:
        raise ConfigError("--output is needed: a folder for the audio files.")
    if options.system == "flite":
        if options.checkpoint or options.unseen:
            raise ConfigError("--system=flite takes neither --checkpoint nor --unseen: no model is loaded.")
    elif (config.model is None) == (options.checkpoint is None):
        raise ConfigError("Give either --checkpoint, or a --config that has random weights, or --system=flite.")
    if not options.voices or len(set(options.voices)) < len(options.voices):
        raise ConfigError("--voices must name each voice once: --voices=rms,awb,slt.")
    return config


def evaluate(options: flags.FlagValues, command: Sequence[str]) -> str:
    """The whole; returns what is printed. Raises `IndexTTSError`."""
    start = time.perf_counter()
    config = check_options(options)
    folder, names, limit = pathlib.Path(options.output), list(options.voices), options.limit
    sentences = read_lines(pathlib.Path(options.sentences))[:limit]
    versions = {"flite": check_flite(names)}
    metrics.check_packages([*metrics.PACKAGES, *(["matplotlib"] if options.plot else [])])
    for text in sentences:
        metrics.word_errors(text, text)
        if metrics.normalize(text) in map(metrics.normalize, REFERENCES):
            raise ConfigError(f"The reference clips say this sentence too, so it cannot be measured: {text}")
    if options.unseen:
        read_manifest(pathlib.Path(options.unseen))
    ours = Ours(options.checkpoint, config, sentences, options.seed) if options.system == "ours" else None

    judge, voices = Judge(), []
    for name in names:
        paths = [folder / "reference" / f"{name}_{i}.wav" for i in range(len(REFERENCES))]
        for path, text in zip(paths, REFERENCES, strict=True):
            flite_speak(path, name, text)
        voices.append(judge.voice(name, paths))
    takes = flite_takes(folder, names, sentences) + (
        ours.takes(folder, {voice.name: voice.paths for voice in voices}, sentences) if ours else []
    )
    rows = judge_all(judge, takes, voices)
    systems = ["ours", "flite"] if ours else ["flite"]
    summary: dict[str, dict[str, Row]] = {}
    for system in systems:
        own = [row for row in rows if row["system"] == system]
        parts = {name: [row for row in own if row["voice"] == name] for name in names} | {"all": own}
        summary[system] = {name: summarize(part) for name, part in parts.items()}

    result: Row = {"date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "command": list(command)}
    result |= {"seed": options.seed, "system": options.system, "checkpoint": options.checkpoint}
    result |= {"config": to_dict(ours.tts.config) if ours else None, "machine": platform.platform()}
    result |= {"threads": threads(), "versions": versions | installed(), "legend": demo_report.LEGEND}
    result["voices"] = {v.name: {"pitch": v.pitch, "clips": [str(path) for path in v.paths]} for v in voices}
    result |= {"references": list(REFERENCES), "summary": summary, "rows": rows}
    lines = [demo_report.table(summary)]
    if ours and options.unseen:
        result["unseen"] = unseen(ours, judge, pathlib.Path(options.unseen), folder, voices, sentences, limit)
        lines.append(demo_report.unseen_report(result["unseen"]["summary"]))
    if ours:
        result["encode_voice_seconds"] = ours.encode_seconds
    if options.plot:
        demo_report.plot(pathlib.Path(options.plot), rows, systems, names)
    result["seconds"] = time.perf_counter() - start
    target = pathlib.Path(options.json or folder / "results.json")
    demo_report.write_json(target, result)
    return "\n".join([*lines, f"{target}: {len(rows)} spoken sentences, {result['seconds']:.0f} s."])


def threads() -> Row:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return {"cores": cores} | {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "XLA_FLAGS")}


def installed() -> dict[str, str]:
    """Versions of what the numbers depend on, as far as it is installed."""
    versions = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def main(options: flags.FlagValues) -> None:
    try:
        print(evaluate(options, ["demo_speech", *sys.argv[1:]]))
    except OSError as error:
        raise IndexTTSError(str(error)) from None


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
