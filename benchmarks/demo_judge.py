"""How `demo_speech` judges a spoken sentence, and where it keeps what it found, so that a run can go on."""

import collections
import dataclasses
import json
import math
import pathlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import soundfile

from benchmarks import speech_metrics as metrics
from benchmarks.demo_systems import Take
from benchmarks.demo_voices import Heard, Voice, candidates
from indextts2_jax.errors import IndexTTSError
from indextts2_jax.text.english.interjections import SPELLINGS

Row = dict[str, Any]
_DIGITS = re.compile(r"\d(?:[\d,. -]*\d)?")


class Judge:
    """Measures takes.

    Args:
      recogniser: one of `metrics.RECOGNISERS`.
      read: digits and sounds as words, as the model's front-end reads them: "4, 4." -> "four, four."
    """

    def __init__(self, recogniser: str, read: Callable[[str], str]) -> None:
        self.recogniser = metrics.Whisper() if recogniser == "whisper" else metrics.Recogniser()
        self.encoder = metrics.SpeakerEncoder()
        self.read = read

    def meet(self, voice: Voice) -> Heard:
        """Hears the clips that the voice is compared with. Raises `IndexTTSError` where one has no speech."""
        return Heard(voice, [self.encoder.embed_all([metrics.load_audio(path)]) for path in voice.compared])

    def word_errors(self, text: str, heard: str) -> metrics.WordErrors:
        """The fewest of what was heard: read as it is written, or digit by digit ("4444" for "four four four four")."""
        wanted = self.read(text)
        return min(metrics.word_errors(wanted, self.read(one)) for one in _ways(heard))

    def missed(self, text: str, heard: str) -> int:
        """Word errors of a text without its sounds, each of which may be heard as two words, or as none.

        Nobody agrees how "Shhh!" is to be written, the teacher says some sounds as words, and what counts is that the
        words beside them are there.
        """
        words = metrics.normalize(self.read(text)).split()
        wanted = " ".join(word for word in words if word not in SPELLINGS)
        free = 2 * (len(words) - len(wanted.split()))
        if not wanted:
            return 0
        return min(metrics.missed_words(wanted, self.read(one), free) for one in _ways(heard))

    def judge(self, take: Take, wanted: Heard, voices: Sequence[Heard]) -> Row:
        """A row of the results.

        Args:
          wanted: whose voice it should be.
          voices: all of them.
        """
        audio, powers = np.zeros(0, np.float32), np.zeros(len(metrics.BANDS))
        if take.path:
            audio = metrics.load_audio(take.path)
            samples, rate = soundfile.read(take.path, dtype="float32")
            powers = metrics.band_powers(samples, rate)
        heard = self.recogniser.hear(audio)
        errors = self.word_errors(take.text, heard)
        others = candidates(wanted, voices)
        place = take.index % len(wanted.embeddings)
        likeness = metrics.cosines(self.encoder.embed(audio), [other.embeddings[place] for other in others])
        by_name = {other.voice.name: value for other, value in zip(others, likeness, strict=True)}
        nearest = max(by_name, key=by_name.__getitem__) if any(likeness) else None
        told = metrics.opinion(audio)
        measured = {
            "duration": len(audio) / metrics.RATE,
            "heard": heard,
            "errors": errors.errors,
            "words": errors.words,
            "missed": self.missed(take.text, heard),
            "cosine": by_name[wanted.voice.name],
            "nearest": nearest,
            "right_voice": nearest == wanted.voice.name,
            "pitch": metrics.median_pitch([audio]),
            "melody": metrics.melody(audio),
            "p808": told.p808,
            "overall": told.overall,
            "powers": [float(f"{value:.4g}") for value in powers],
        }
        return dataclasses.asdict(take) | {"path": str(take.path) if take.path else None} | measured


def _ways(heard: str) -> list[str]:
    apart = _DIGITS.sub(lambda match: " ".join(character for character in match[0] if character.isdigit()), heard)
    return list(dict.fromkeys((heard, apart)))


# --- what was found -------------------------------------------------------------------------------------------


class Found:
    """Rows on disk: a line says what they were measured with, then a line a row."""

    def __init__(self, path: pathlib.Path, made_with: Row) -> None:
        """Raises `IndexTTSError` where `path` holds rows that were measured with something else."""
        self.path, self.rows = path, dict[tuple[Any, ...], Row]()
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        found = [row for row in map(_parsed, lines) if row is not None]
        plain = json.loads(json.dumps(made_with))
        if found and found[0] != plain:
            raise IndexTTSError(f"{path} was measured with {found[0]}, not with {plain}; choose another folder.")
        if not found:
            path.write_text(json.dumps(plain) + "\n", encoding="utf-8")
        for row in found[1:]:
            self.rows[_key(row)] = row

    def get(self, voice: str, text: str, seed: int | None) -> Row | None:
        return self.rows.get((voice, text, seed))

    def add(self, row: Row) -> None:
        """On disk when this returns."""
        self.rows[_key(row)] = row
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("\n" if _cut_off(self.path) else "")
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _key(row: Row) -> tuple[Any, ...]:
    return row["voice"], row["text"], row["seed"]


def _parsed(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:  # a kill in the middle of the line
        return None
    return row if isinstance(row, dict) else None


def _cut_off(path: pathlib.Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


# --- sums -----------------------------------------------------------------------------------------------------


def beside(rows: Iterable[Row], teachers: dict[tuple[str, str], Row]) -> list[Row]:
    """The rows with what follows from the teacher's reading of the same sentence, where there is one."""
    compared = []
    for row in rows:
        reading = teachers.get((row["voice"], row["text"]))
        if reading is not None:
            fits = metrics.duration_fits(row["duration"], reading["duration"])
            whole = row["stopped"] and row["missed"] <= reading["missed"] and fits
            deviation = metrics.pitch_deviation(row["pitch"], reading["pitch"])
            row = row | {
                "length": row["duration"] / reading["duration"],
                "ended": row["stopped"] and fits,
                "whole": whole,
                "pitch_deviation": deviation,
                "pitch_fits": deviation <= metrics.PITCH_TOLERANCE,
            }
        compared.append(row)
    return compared


def summarize(rows: Sequence[Row], teachers: Sequence[Row] = ()) -> dict[str, float]:
    """Means and sums over rows; the word error rate is of all words together.

    Args:
      rows: of one system, as `beside` gives them; at least one.
      teachers: the teacher's of the same voices, for the melody and the long-term spectrum.
    """
    voices = {name: [row for row in rows if row["voice"] == name] for name in dict.fromkeys(r["voice"] for r in rows)}
    rates = {name: _rate(own) for name, own in voices.items()}
    found = {"sentences": float(len(rows)), "wer": _rate(rows), "wer_worst": max(rates.values())}
    for key in ("cosine", "right_voice", "p808", "overall", "pitch_fits", "length", "ended", "whole", "stopped"):
        values = [float(row[key]) for row in rows if key in row and row[key] is not None]
        found[key] = float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
    deviations = [row["pitch_deviation"] for row in rows if "pitch_deviation" in row]
    found["pitch_deviation"] = float(np.median(deviations)) if deviations else math.nan
    seconds = sum(row["duration"] for row in rows)
    found["real_time_factor"] = sum(row["took"] for row in rows) / seconds if seconds else math.nan
    ratios, distances = [], []
    for name, own in voices.items():
        texts = {row["text"] for row in own}
        readings = [row for row in teachers if row["voice"] == name and row["text"] in texts]
        if readings:
            ratios.append(_mean(own, "melody") / _mean(readings, "melody"))
            distances.append(
                metrics.spectrum_distance(*(np.array([row["powers"] for row in part]) for part in (own, readings)))
            )
    found["melody_ratio"] = float(np.mean(ratios)) if ratios else math.nan
    found["spectrum"] = float(np.mean(distances)) if distances else math.nan
    return found


def stages(rows: Sequence[Row]) -> dict[str, float]:
    """Seconds of each stage a second of audio."""
    sums: collections.Counter[str] = collections.Counter()
    for row in rows:
        sums.update(row["stages"])
    seconds = sum(row["duration"] for row in rows) or math.nan
    return {name: value / seconds for name, value in sums.items()}


def _rate(rows: Sequence[Row]) -> float:
    return metrics.total(metrics.WordErrors(row["errors"], row["words"]) for row in rows).rate


def _mean(rows: Sequence[Row], key: str) -> float:
    values = np.array([row[key] for row in rows if row[key] is not None], np.float64)
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
