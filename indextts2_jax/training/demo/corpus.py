"""`python -m indextts2_jax.training.demo.corpus --teacher=FOLDER --output=DIR`: English speech by Kokoro-82M.

    WordNet, fortunes, templates ─ pool ─ plan: who says what ─ symbols ─ teacher, soxr ─► DIR ─ labels ─► manifests

    DIR/audio/SPEAKER/NNNNNN.flac   22.05 kHz, 16 bit, mono
    DIR/plan.jsonl                  what is to be said by whom; a run that is resumed follows it
    DIR/progress.jsonl              what was given to the teacher and its durations, a row an utterance, as it was made
    DIR/manifest.jsonl              a row an utterance, shuffled: any prefix is a fair sample
    DIR/manifest_unseen.jsonl       the same for the voices and mixtures that training must not see

It can be stopped at any time, by a kill too; the same command goes on. `--nospeak` writes the manifests of what is
there and stops: it can run beside another one that speaks.

A row: {"audio": "audio/af_heart/000012.flac", "text": "As written.", "speaker": "af_heart", "split": "train" or
"valid", "phones": [["pau", 0.26], ["DH", 0.31], ["AH0", 0.36], ...], with ends in seconds, and "teacher": {"voices":
{name: weight}, "speed": 1.03, "spoken": "▁DH AH0 ... .", "symbols": what it was given, "durations": [13, 1, 2, ...]}.
Durations are in units of 25 ms, of the boundary, every symbol, the boundary; `symbols.py` and `labels.py` make the
phones of them.
"""

import json
import pathlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from absl import flags

from indextts2_jax.errors import IndexTTSError, TextError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.runtime.process import leave
from indextts2_jax.text.phonemes.frontend import PhonemeFrontend
from indextts2_jax.training.demo import plan, produce, sentences, symbols
from indextts2_jax.training.demo.pool import Source, make_pool

COVERED_WORDS = 8000  # this many of the most common words are looked for
WORDNET = pathlib.Path("/usr/share/wordnet")
FORTUNES = pathlib.Path("/usr/share/games/fortunes")
PACKAGES = "On Debian: apt-get install wordnet-base fortunes"
_ROOT = pathlib.Path(__file__).resolve().parents[3]
EXCLUDE = _ROOT / "benchmarks" / "demo_sentences.txt"
LEXICON = _ROOT / "indextts2_jax" / "demo" / "model" / "tokenizer.model"


def excluded(path: str | None) -> set[str]:
    """`sentences.key` of every line; None is the list of the benchmark. Raises `IndexTTSError` where there is none."""
    file = pathlib.Path(path) if path else EXCLUDE
    try:
        keys = {sentences.key(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise IndexTTSError(f"The test sentences, --exclude={file}, cannot be read: {error}") from None
    if not keys:
        raise IndexTTSError(f"--exclude={file} has no sentence in it.")
    return keys


def source(frontend: PhonemeFrontend) -> Source:
    """What the pool is made of. Raises `IndexTTSError` where the texts are not installed."""
    if not (WORDNET / "cntlist.rev").exists() or not FORTUNES.is_dir():
        raise IndexTTSError(f"{WORDNET} or {FORTUNES} is missing. {PACKAGES}")
    prose = sentences.wordnet_sentences(WORDNET) + sentences.fortune_sentences(FORTUNES)
    common = sentences.ranked_words(WORDNET / "cntlist.rev", prose, COVERED_WORDS)

    def readable(text: str) -> bool:
        try:
            return len(symbols.symbols(symbols.read(frontend, text))) <= produce.MAX_SYMBOLS
        except TextError:
            return False

    return Source(prose, sentences.wordnet_meanings(WORDNET, common), common, readable)


def write_manifests(folder: pathlib.Path, whole: Sequence[plan.Line]) -> list[tuple[plan.Line, float]]:
    """Both manifests, of what was spoken so far. Returns it, with seconds."""
    rows = produce.finished(folder, whole)
    good = [(u, rows[u.audio]) for u in whole if u.audio in rows and not rows[u.audio].dropped]
    for name, seen in (("manifest_unseen.jsonl", False), ("manifest.jsonl", True)):
        with replaced_file(folder / name) as new, open(new, "w", encoding="utf-8") as file:
            for utterance, record in good:
                if utterance.speaker.seen is seen:
                    file.write(json.dumps(manifest_row(folder, utterance, record), ensure_ascii=False) + "\n")
    return [(utterance, record.seconds) for utterance, record in good]


def manifest_row(folder: pathlib.Path, utterance: plan.Line, record: produce.Record) -> dict[str, Any]:
    """The row of one utterance, as above; its audio is read for the pauses."""
    return {
        "audio": utterance.audio,
        "text": utterance.text,
        "speaker": utterance.speaker.name,
        "split": utterance.split,
        "phones": produce.phones(folder / utterance.audio, record),
        "teacher": {
            "voices": utterance.speaker.mixture,
            "speed": utterance.speed,
            "spoken": record.spoken,
            "symbols": record.symbols,
            "durations": record.durations,
        },
    }


def summary(done: Iterable[tuple[plan.Line, float]], planned: int) -> str:
    """A table: a line a voice, the mixtures together, those kept out, all of training."""
    groups: dict[str, list[tuple[plan.Line, float]]] = {}
    for utterance, seconds in done:
        name = "mixtures" if len(utterance.speaker.voices) > 1 else utterance.speaker.name
        for group in (name, "all") if utterance.speaker.seen else (f"unseen {name}",):
            groups.setdefault(group, []).append((utterance, seconds))
    lines = [f"{'voice':<18}{'speakers':>9}{'utterances':>11}{'hours':>8}{'words':>9}"]
    for name in sorted(groups, key=lambda name: (name == "all", name)):
        number = len({utterance.speaker for utterance, _ in groups[name]})
        hours = sum(seconds for _, seconds in groups[name]) / 3600
        said = sum(len(sentences.words(utterance.text)) for utterance, _ in groups[name])
        lines.append(f"{name:<18}{number:>9}{len(groups[name]):>11,}{hours:>8.3f}{said:>9,}")
    spoken = sum(len(group) for name, group in groups.items() if name == "all" or name.startswith("unseen"))
    return "\n".join([*lines, f"{spoken:,} of {planned:,} utterances."])


def planned(
    output: pathlib.Path, frontend: PhonemeFrontend, seed: int, scale: float, banned: Collection[str]
) -> list[plan.Line]:
    """The plan: that of an earlier run into the same folder, else a new one, which is written there first.

    Raises `IndexTTSError`, also where an old plan says what is banned.
    """
    path, arguments = output / "plan.jsonl", {"seed": seed, "scale": scale}
    whole = plan.load_plan(path, arguments)
    if whole is None:
        pool = make_pool(source(frontend), plan.size(scale, seed), seed, banned)
        whole = plan.make_plan(pool, scale, seed)
        plan.save_plan(path, whole, arguments)
    for utterance in whole:
        if sentences.keys(utterance.text) & set(banned):
            raise IndexTTSError(f"{path} has a sentence that is to be left out: {utterance.text}")
    return whole


def build(
    output: pathlib.Path,
    teacher: pathlib.Path,
    lexicon: pathlib.Path,
    seed: int,
    scale: float,
    jobs: int,
    banned: Collection[str],
    speak: bool = True,
) -> str:
    """The whole; returns the summary. Raises `IndexTTSError`."""
    whole = planned(output, PhonemeFrontend(lexicon), seed, scale, banned)
    try:
        if speak:
            produce.generate(output, whole, produce.Making(teacher, lexicon, output), jobs)
        return summary(write_manifests(output, whole), len(whole))
    except OSError as error:
        raise IndexTTSError(f"{output}: {error}") from error


def define(own: flags.FlagValues, command: list[str]) -> None:
    """The flags."""
    flags.DEFINE_string("output", None, "Folder to write; what is right in it is kept.", required=True, flag_values=own)
    flags.DEFINE_string("teacher", None, "The folder of `fetch_teacher`.", required=True, flag_values=own)
    flags.DEFINE_string("lexicon", str(LEXICON), "How words are read: a tokenizer of `lexicon`.", flag_values=own)
    flags.DEFINE_integer("seed", 0, "Seed of the sentences and of who says them.", flag_values=own)
    flags.DEFINE_float("scale", 1.0, "Factor of the number of utterances.", 1e-4, 3.0, flag_values=own)
    flags.DEFINE_integer("jobs", 2, "Processes, of one thread each.", 1, 256, flag_values=own)
    flags.DEFINE_string("exclude", None, f"File of sentences to leave out (default {EXCLUDE}).", flag_values=own)
    flags.DEFINE_bool("speak", True, "Speak; else only write the manifests of what is there.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    """Does it. Raises `IndexTTSError`."""
    banned = excluded(options.exclude)
    output, teacher, lexicon = map(pathlib.Path, (options.output, options.teacher, options.lexicon))
    print(build(output, teacher, lexicon, options.seed, options.scale, options.jobs, banned, options.speak))


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
