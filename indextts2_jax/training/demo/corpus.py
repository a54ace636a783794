"""`python -m indextts2_jax.training.demo.corpus --output=DIR`: a synthetic English speech corpus, spoken by flite.

    WordNet, fortunes, templates --> pool of sentences --> plan: who says what --> flite, soxr --> DIR

    DIR/audio/SPEAKER/NNNNNN.wav   16 kHz, 16 bit, mono
    DIR/manifest.jsonl             a row an utterance, shuffled: any prefix is a fair sample
    DIR/manifest_unseen.jsonl      the same for the speakers that training must not see

A row: {"audio": "audio/rms/000012.wav", "text": "As spoken.", "speaker": "rms", "split": "train" or "valid",
"phones": [["pau", 0.176], ["dh", 0.342], ...]}, the phones with their end times in seconds.
"""

import dataclasses
import io
import json
import math
import multiprocessing.pool
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import soundfile
import soxr
from absl import flags
from tqdm import tqdm

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.training.demo import sentences as text

RATE = 16000  # flite's; Hz
SECONDS = (0.8, 8.0)  # utterances outside are dropped
COVERED_WORDS = 8000  # this many of the most common words
COVERED_TIMES = 4  # are said at least this often, at scale 1
WORDNET = pathlib.Path("/usr/share/wordnet")
FORTUNES = pathlib.Path("/usr/share/games/fortunes")
EXCLUDE = pathlib.Path("benchmarks/demo_sentences.txt")
PACKAGES = "On Debian: apt-get install flite wordnet-base fortunes"

# Number of words -> how many of the harvested sentences have it; mean about 8.
_LENGTHS: dict[int, float] = {3: 5, 4: 8, 5: 10, 6: 12, 7: 12, 8: 11, 9: 9, 10: 8, 11: 6, 12: 4, 13: 3}
_LENGTHS |= {14: 4, 15: 3.5, 16: 3, 17: 2.5, 18: 2, 19: 1.5, 20: 1.5}
_TEMPLATES, _STRINGS = 0.15, 0.265  # shares of the pool; the strings take less where fewer words are missing
_Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Voice:
    """A speaker: one of flite's voices, changed by fixed factors.

    formants: factor of all resonances, 0.85 to 1.18; made by resampling, which changes pitch and tempo too, so flite is
      asked for the opposite first. f0: median pitch in Hz, or None for the voice's own (times `formants`); flite obeys
      with awb, slt and kal16, not with rms. tempo: factor of all durations.
    """

    name: str
    base: str
    formants: float = 1.0
    f0: float | None = None
    tempo: float = 1.0

    def options(self) -> list[str]:
        """flite's: what to say before the resampling, which raises by `formants` and shortens by it."""
        out = ["-voice", self.base]
        if self.f0 is not None:
            out += ["--setf", f"int_f0_target_mean={self.f0 / self.formants:.2f}"]
        if (stretch := self.tempo * self.formants) != 1:
            out += ["--setf", f"duration_stretch={stretch:.4f}"]
        return out


@dataclasses.dataclass(frozen=True)
class Utterance:
    audio: str  # relative path
    text: str
    voice: Voice
    split: str  # train, valid
    seen: bool  # False: belongs into manifest_unseen.jsonl


def voices(scale: float = 1.0) -> tuple[list[tuple[Voice, int]], list[tuple[Voice, int]]]:
    """((voice, utterances), …) of training, and of the speakers held back. At scale 1: 12,000 and 204."""
    seen = [(Voice(n, n), c) for n, c in (("rms", 4000), ("awb", 2600), ("slt", 3200), ("kal16", 400))]
    for base, number, f0 in (("rms", 12, None), ("awb", 14, (80.0, 195.0)), ("slt", 14, (125.0, 262.0))):
        seen += [(_pseudo(base, index, number, f0), 45) for index in range(number)]
    unseen = [
        (Voice("rms_u00", "rms", formants=1.06, tempo=1.03), 6),
        (Voice("awb_u00", "awb", formants=0.93, f0=112.0, tempo=0.98), 6),
        (Voice("awb_u01", "awb", formants=1.08, f0=160.0, tempo=1.05), 6),
        (Voice("slt_u00", "slt", formants=0.94, f0=182.0, tempo=0.96), 6),
        (Voice("newcomer", "slt", formants=1.17, f0=245.0, tempo=1.04), 180),  # small and high: nobody sounds like it
    ]
    return tuple([(v, max(1, round(c * scale))) for v, c in part] for part in (seen, unseen))  # type: ignore[return-value]


def _pseudo(base: str, index: int, number: int, f0: tuple[float, float] | None) -> Voice:
    """One of `number` voices spread evenly over formants 0.85 to 1.18, the pitch range (Hz) and tempo 0.9 to 1.1."""
    size = index / (number - 1)
    # steps of the golden ratio fill an interval evenly at any count; small speakers tend to be high, as in life
    pitch = 0.3 * size + 0.7 * ((0.05 + 0.618034 * index) % 1)
    pitch = min(1.0, max(0.0, (pitch - 0.1) / 0.75))
    return Voice(
        name=f"{base}_p{index:02}",
        base=base,
        formants=round(0.85 * (1.18 / 0.85) ** size, 3),
        f0=None if f0 is None else round(f0[0] * (f0[1] / f0[0]) ** pitch, 1),
        tempo=round(0.9 + 0.2 * ((0.5 + 0.414214 * index) % 1), 3),
    )


def spoken_seconds(sentence: str) -> float:
    """A guess, before speaking, at tempo 1."""
    return 0.45 + 0.06 * len(sentence) + 0.2 * sentence.count(",")


def make_pool(
    harvested: Sequence[str], common: Sequence[str], size: int, seed: int, banned: Collection[str]
) -> list[str]:
    """`size` different sentences, shuffled, that say every word of `common` COVERED_TIMES where there is room for it.

    Args:
      harvested: sentences of `text.wordnet_sentences` and `text.fortune_sentences`.
      common: words of `text.ranked_words`.
      banned: `text.key` of the sentences to leave out.

    Raises:
      IndexTTSError: too few sentences.
    """
    rng = random.Random(f"pool {seed}")
    taken = set(banned)
    pool: list[str] = []
    said: Counter[str] = Counter()
    cover = {word.lower() for word in common}

    def lacks(word: str) -> int:
        return max(0, COVERED_TIMES - said[word]) if word in cover else 0

    def take(sentence: str) -> None:
        if (same := text.key(sentence)) not in taken and spoken_seconds(sentence) < 7.6:
            taken.add(same)
            pool.append(sentence)
            said.update(text.words(sentence))

    for sentence in text.template_sentences(round(_TEMPLATES * size), rng):
        take(sentence)
    by_length: dict[int, list[str]] = defaultdict(list)
    for sentence in dict.fromkeys(harvested):
        by_length[len(text.words(sentence))].append(sentence)
    for group in by_length.values():
        rng.shuffle(group)
    goal = size - round(_STRINGS * size)
    while len(pool) < goal and any(by_length.values()):
        lengths = [length for length in _LENGTHS if by_length[length]]
        if not lengths:
            break
        group = by_length[rng.choices(lengths, [_LENGTHS[length] for length in lengths])[0]]
        # of four dozen sentences of that length, the one with most words that still have to be said
        need = [sum(lacks(word) for word in text.words(sentence)) for sentence in group[-48:]]
        take(group.pop(len(group) - len(need) + need.index(max(need))))
    for _ in range(size * 3):
        if len(pool) >= size:
            break
        lacking = sorted((word for word in common if lacks(word.lower())), key=lambda word: said[word.lower()])
        short = lacking[: 4 * (size - len(pool))] or list(common)
        for content in _handfuls(short, common, rng):
            if len(pool) < size:
                take(text.word_string(content, rng))
    if len(pool) < size:
        raise IndexTTSError(f"Only {len(pool)} of {size} sentences; take a smaller --scale.")
    pool = pool[:size]
    rng.shuffle(pool)
    return pool


def _handfuls(short: list[str], common: Sequence[str], rng: random.Random) -> Iterable[list[str]]:
    short = rng.sample(short, len(short))
    while short:
        count = rng.randint(3, 6)
        content, short = short[:count], short[count:]
        while len(content) < 3:
            content.append(rng.choice(common))
        yield content


def make_plan(pool: Sequence[str], scale: float, seed: int) -> list[Utterance]:
    """Who says what, shuffled; every sentence of `pool` at most once. The same for the same arguments."""
    rng = random.Random(f"plan {seed}")
    rest = list(pool)
    plan: list[Utterance] = []
    seen, unseen = voices(scale)
    # the slowest choose first: they need the sentences that are short enough
    for voice, count in sorted(seen + unseen, key=lambda pair: -pair[0].tempo):
        fitting = [i for i, sentence in enumerate(rest) if voice.tempo * spoken_seconds(sentence) < SECONDS[1] - 0.3]
        chosen = rng.sample(fitting, min(count, len(fitting)))
        own = [rest[index] for index in chosen]
        gone = set(chosen)
        rest = [sentence for index, sentence in enumerate(rest) if index not in gone]
        training = voice in {v for v, _ in seen}
        share = 0.02 if training else 0.1 if count > 20 else 1.0  # six utterances of a stranger train nobody
        valid = max(1, round(share * len(own)))
        for index, sentence in enumerate(own):
            path = f"audio/{voice.name}/{index:06}.wav"
            plan.append(Utterance(path, sentence, voice, "valid" if index < valid else "train", training))
    rng.shuffle(plan)
    return plan


def parse_phones(printed: str) -> list[tuple[str, float]]:
    """flite's `-psdur` line, "pau:0.176 dh:0.342 ", as (phone, end in seconds)."""
    return [(phone, float(end)) for phone, end in re.findall(r"([a-z]+):(\d+\.\d+)", printed)]


def scale_phones(phones: Sequence[tuple[str, float]], factor: float, seconds: float) -> list[tuple[str, float]]:
    """End times after audio was shortened by `factor` to `seconds`; to the millisecond, none past the end."""
    return [(phone, round(min(end / factor, seconds), 3)) for phone, end in phones]


def speak(flite: str, voice: Voice, sentence: str) -> tuple[np.ndarray, list[tuple[str, float]]]:
    """-> samples int16 [n] at 16 kHz, phones with end times in seconds.

    Raises:
      IndexTTSError: flite failed.
    """
    # a pipe as the output file: flite writes WAV in one go, and nothing is left over after a kill
    command = [flite, *voice.options(), "-psdur", "-o", "/dev/stderr", "-t", sentence]
    done = subprocess.run(command, capture_output=True, check=False)
    try:
        samples, rate = soundfile.read(io.BytesIO(done.stderr), dtype="int16")
    except soundfile.LibsndfileError:
        raise IndexTTSError(f"flite failed (exit code {done.returncode}): {' '.join(command)}") from None
    if rate != RATE or samples.ndim != 1:
        raise IndexTTSError(f"flite -voice {voice.base} gives {rate} Hz, not {RATE} Hz mono.")
    if voice.formants != 1:
        changed = soxr.resample(samples / 32768, RATE * voice.formants, RATE, quality="HQ")
        samples = np.round(np.clip(changed, -1, 1) * 32767).astype(np.int16)
    phones = scale_phones(parse_phones(done.stdout.decode("ascii", "replace")), voice.formants, len(samples) / RATE)
    return samples, phones


def produce(flite: str, folder: pathlib.Path, utterance: Utterance) -> _Row:
    """Speaks and writes one file, unless it is too short or long; returns its row, with "seconds"."""
    samples, phones = speak(flite, utterance.voice, utterance.text)
    seconds = len(samples) / RATE
    if SECONDS[0] <= seconds <= SECONDS[1]:
        path = folder / utterance.audio
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        soundfile.write(temporary, samples, RATE, subtype="PCM_16", format="WAV")
        os.replace(temporary, path)
    return row_of(utterance, phones) | {"seconds": seconds, "options": utterance.voice.options()}


def row_of(utterance: Utterance, phones: Sequence[Sequence[Any]]) -> _Row:
    head = {"audio": utterance.audio, "text": utterance.text, "speaker": utterance.voice.name, "split": utterance.split}
    return head | {"phones": [list(pair) for pair in phones]}


def finished(folder: pathlib.Path, plan: Sequence[Utterance]) -> dict[str, _Row]:
    """Rows of an earlier, interrupted run that belong to this plan and whose audio is whole, by "audio"."""
    rows: dict[str, _Row] = {}
    try:
        lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return rows
    wanted = {utterance.audio: utterance for utterance in plan}
    for line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:  # a kill in the middle of the line
            continue
        utterance = wanted.get(row["audio"])
        if utterance and row["text"] == utterance.text and row["options"] == utterance.voice.options():
            dropped = not SECONDS[0] <= row["seconds"] <= SECONDS[1]
            if dropped or _frames(folder / row["audio"]) == round(row["seconds"] * RATE):
                rows[row["audio"]] = row_of(utterance, row["phones"]) | {"seconds": row["seconds"]}
    return rows


def _frames(path: pathlib.Path) -> int:
    try:
        return soundfile.info(path).frames
    except soundfile.LibsndfileError:
        return -1


def generate(folder: pathlib.Path, plan: Sequence[Utterance], jobs: int) -> list[tuple[Utterance, _Row]]:
    """Everything of the plan that is not there yet, then both manifests. Raises `IndexTTSError`."""
    flite = shutil.which("flite")
    if not flite:
        raise IndexTTSError(f"flite is not installed. {PACKAGES}")
    rows = finished(folder, plan)
    todo = [utterance for utterance in plan if utterance.audio not in rows]
    folder.mkdir(parents=True, exist_ok=True)
    with (
        open(folder / "progress.jsonl", "a", encoding="utf-8") as log,
        multiprocessing.pool.ThreadPool(jobs) as workers,  # threads: the work is in flite's processes and in soxr
        tqdm(total=len(plan), initial=len(rows), unit="utt", desc="speak", mininterval=1.0) as bar,
    ):
        log.write("\n")  # ends a line that a kill cut off
        for row in workers.imap_unordered(lambda utterance: produce(flite, folder, utterance), todo):
            log.write(json.dumps(row) + "\n")
            rows[row["audio"]] = row
            bar.update()
    good = [(u, row) for u in plan if SECONDS[0] <= (row := rows[u.audio])["seconds"] <= SECONDS[1]]
    for name, seen in (("manifest_unseen.jsonl", False), ("manifest.jsonl", True)):
        temporary = folder / f"{name}.part"
        kept = [row_of(u, row["phones"]) for u, row in good if u.seen is seen]
        temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        os.replace(temporary, folder / name)
    return good


def summary(done: Sequence[tuple[Utterance, _Row]], planned: int) -> str:
    """A table: a line a voice of flite's, the pseudo-speakers of each together, the unseen."""
    groups: dict[str, list[tuple[Utterance, _Row]]] = defaultdict(list)
    for u, row in done:
        plain = u.voice.name == u.voice.base
        groups[u.voice.base + "_p*" * (not plain) if u.seen else f"unseen {u.voice.name}"].append((u, row))
    groups = dict(sorted(groups.items())) | {"training": [d for d in done if d[0].seen]}
    lines = [f"{'voice':<16}{'speakers':>9}{'utterances':>11}{'hours':>8}{'words':>9}{'distinct':>9}"]
    for name, group in groups.items():
        said = Counter(word for u, _ in group for word in text.words(u.text))
        hours = math.fsum(row["seconds"] for _, row in group) / 3600
        speakers = len({u.voice for u, _ in group})
        lines.append(f"{name:<16}{speakers:>9}{len(group):>11,}{hours:>8.3f}{said.total():>9,}{len(said):>9,}")
    return "\n".join([*lines, f"{planned - len(done)} dropped: outside {SECONDS[0]} to {SECONDS[1]} seconds."])


def _define_flags() -> flags.FlagValues:
    own = flags.FlagValues()  # not absl's global one: another program of the project has flags of the same names
    flags.DEFINE_string("output", None, "The folder to write; what is already right in it is kept.", flag_values=own)
    flags.DEFINE_integer("seed", 0, "Seed of the sentences and of who says them.", flag_values=own)
    flags.DEFINE_float("scale", 1.0, "Factor of the number of utterances.", 1e-4, 3.0, flag_values=own)
    flags.DEFINE_integer("jobs", 2, "Utterances made at a time.", 1, 256, flag_values=own)
    flags.DEFINE_string("exclude", None, f"File of sentences to leave out (default {EXCLUDE}).", flag_values=own)
    flags.DEFINE_bool("help", False, "Show this and stop.", short_name="h", flag_values=own)
    return own


def excluded(path: str | None) -> set[str]:
    """`text.key` of every line; of the default file where it exists. Raises `IndexTTSError`."""
    file = pathlib.Path(path) if path else EXCLUDE
    if not path and not file.exists():
        return set()
    try:
        return {text.key(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise IndexTTSError(f"--exclude={file}: {error}") from None


def build(output: pathlib.Path, seed: int, scale: float, jobs: int, banned: Collection[str]) -> str:
    """The whole; returns the summary. Raises `IndexTTSError`."""
    if not shutil.which("flite") or not (WORDNET / "cntlist.rev").exists() or not FORTUNES.is_dir():
        raise IndexTTSError(f"flite, {WORDNET} or {FORTUNES} is missing. {PACKAGES}")
    harvested = text.wordnet_sentences(WORDNET) + text.fortune_sentences(FORTUNES)
    common = text.ranked_words(WORDNET / "cntlist.rev", harvested, COVERED_WORDS)
    size = sum(count for part in voices(scale) for _, count in part)
    plan = make_plan(make_pool(harvested, common, size, seed, banned), scale, seed)
    try:
        return summary(generate(output, plan, jobs), len(plan))
    except OSError as error:
        raise IndexTTSError(f"{output}: {error}") from error


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0, 2 after one line on stderr, 130."""
    options = _define_flags()
    try:
        rest = options(["corpus", *arguments])[1:]
        if options.help:
            print(__doc__, options.get_help(), sep="\n")
            return 0
        if rest:
            raise flags.Error(f"Unknown argument {rest[0]!r}; see --help.")
        if not options.output:
            raise flags.Error("--output is missing; see --help.")
        output, banned = pathlib.Path(options.output), excluded(options.exclude)
        print(build(output, options.seed, options.scale, options.jobs, banned))
    except (IndexTTSError, flags.Error) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
