"""Words that readings of the bundled model leave out or say twice, as Whisper hears them, before and after redraws.

    python -m benchmarks.words_heard --output=FOLDER

Every sentence and every hard text is read with several seeds, redraws off, and heard (extra `eval`). The readings that
a check finds suspect are read again, with two further draws at most, and heard again; the others stay as they are, as
the first draw does not depend on the setting. What has been heard is kept in FOLDER/rows.jsonl: a run can go on.
"""

import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import soxr
from absl import flags

from benchmarks import speech_metrics as metrics
from indextts2_jax import IndexTTS2, use_compilation_cache
from indextts2_jax.checkpoint import bundled
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.synthesis.request import Request
from indextts2_jax.synthesis.speech import Speech

TEXTS = {name: pathlib.Path(__file__).with_name(f"demo_{name}.txt") for name in ("sentences", "hard")}
OFF = "off"
CHECKS = {
    "length": {"check_words": False, "check_alignment": False},
    "check_words": {"check_words": True, "check_alignment": False},
    "check_alignment": {"check_words": False, "check_alignment": True},
    "both": {"check_words": True, "check_alignment": True},
}
"""Settings of `redraw`; what the length tells is part of each."""
SIGNS = {"check_words": ("leave out", "break off"), "check_alignment": ("pass over", "again")}
"""Of warnings that are a check's own."""
AT_ONCE = 16

Row = dict[str, Any]


def wanted_by(warnings: Sequence[str]) -> list[str]:
    """The settings under which a reading would be drawn again."""
    own = {check for check, signs in SIGNS.items() if any(sign in line for line in warnings for sign in signs)}
    by_length = any("lasts" in line or "reached" in line or "stopped" in line for line in warnings)
    return [name for name, asked in CHECKS.items() if by_length or any(asked[check] for check in own)]


class Hearing:
    """The bundled model, which reads texts, and Whisper, which hears them."""

    def __init__(self) -> None:
        self.tts = IndexTTS2.from_pretrained(bundled.NAME)
        self.voice = self.tts.encode_voice(bundled.voice_clip())
        self.whisper = metrics.Whisper()

    def rows(self, readings: Sequence[tuple[str, str, int]], setting: str) -> Iterator[Row]:
        """Reads (kind, text, seed) under a setting; words by words what is heard."""
        checks: Mapping[str, Any] = CHECKS["both"] | {"attempts": 0} if setting == OFF else CHECKS[setting]
        requests = [Request(text, self.voice, seed=seed) for _, text, seed in readings]
        for (kind, text, seed), result in zip(
            readings, self.tts.synthesize_batch(requests, at_once=AT_ONCE, config={"redraw": checks}), strict=True
        ):
            yield {"kind": kind, "text": text, "seed": seed, "setting": setting, **self.heard(text, result)}

    def heard(self, text: str, speech: Speech) -> Row:
        audio = soxr.resample(speech.audio, speech.sampling_rate, metrics.RATE, quality="HQ")
        heard = self.whisper.hear(audio)
        read = self.tts.frontend.normalize
        found = metrics.word_differences(read(text), read(heard))
        wanted = wanted_by(speech.warnings)
        return {
            "heard": heard,
            **found._asdict(),
            "wanted_by": wanted,
            "warnings": speech.warnings,
            "draws": speech.draws,
        }


def kept(path: pathlib.Path) -> dict[tuple[str, int, str], Row]:
    """The rows of a run before, by text, seed and setting."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {(row["text"], row["seed"], row["setting"]): row for row in map(json.loads, lines)}


def measure(path: pathlib.Path, readings: Sequence[tuple[str, str, int]]) -> dict[str, list[Row]]:
    """The rows of every setting, one for each reading; those that are not there yet are made, and kept."""
    found = kept(path)
    hearing: Hearing | None = None
    made: dict[str, list[Row]] = {}
    for setting in (OFF, *CHECKS):
        todo = [one for one in readings if setting == OFF or setting in found[one[1], one[2], OFF]["wanted_by"]]
        missing = [one for one in todo if (one[1], one[2], setting) not in found]
        for first in range(0, len(missing), AT_ONCE):
            hearing = hearing or Hearing()
            for row in hearing.rows(missing[first : first + AT_ONCE], setting):
                found[row["text"], row["seed"], setting] = row
                with open(path, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        made[setting] = [found.get((text, seed, setting), found[text, seed, OFF]) for _, text, seed in readings]
    return made


def figures(rows: Sequence[Row]) -> dict[str, float]:
    """Of one setting: words left out, put in and misheard, and in how many readings; how many were drawn again."""
    return {
        "readings": len(rows),
        "words": sum(row["words"] for row in rows),
        "left out": sum(row["missing"] for row in rows),
        "put in": sum(row["added"] for row in rows),
        "otherwise": sum(row["changed"] for row in rows),
        "readings with words left out or put in": sum(bool(row["missing"] or row["added"]) for row in rows),
        "drawn again": sum(row["setting"] != OFF for row in rows),
    }


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("output", None, "Folder for rows.jsonl.", required=True, flag_values=own)
    flags.DEFINE_integer("seeds", 3, "Readings of each sentence.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("hard_seeds", 6, "Readings of each hard text.", lower_bound=1, flag_values=own)


def main(given: flags.FlagValues) -> None:
    use_compilation_cache()
    metrics.check_packages(["jiwer", *metrics.RECOGNISERS["whisper"]])
    texts = {kind: path.read_text(encoding="utf-8").splitlines() for kind, path in TEXTS.items()}
    seeds = {"sentences": given.seeds, "hard": given.hard_seeds}
    most = max(seeds.values())
    readings = [(kind, text, n) for n in range(most) for kind in texts if n < seeds[kind] for text in texts[kind]]
    folder = pathlib.Path(given.output)
    folder.mkdir(parents=True, exist_ok=True)
    made = measure(folder / "rows.jsonl", readings)
    for kind in (*texts, "all"):
        for setting, rows in made.items():
            print(kind, setting, json.dumps(figures([row for row in rows if kind in ("all", row["kind"])])))


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
