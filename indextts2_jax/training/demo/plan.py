"""Who says what in the demo corpus, and how fast."""

import dataclasses
import json
import pathlib
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.training.demo.sentences import key, words
from indextts2_jax.training.demo.speakers import Speaker, speakers

SPEEDS = (0.9, 1.1)
VALID = 0.02  # share of every speaker's utterances


@dataclasses.dataclass(frozen=True)
class Line:
    """One text to be spoken. `audio` is relative to the corpus."""

    audio: str
    text: str
    speaker: Speaker
    speed: float
    split: str  # train, valid


def size(scale: float, seed: int) -> int:
    """How many texts `make_plan` needs."""
    return sum(count for _, count in speakers(scale, seed))


def make_plan(pool: Sequence[str], scale: float, seed: int) -> list[Line]:
    """Every text of the pool, which has `size` of them, once; shuffled, so that any prefix is a fair sample.

    A text that comes more than once, or is shorter than three words, is never in "valid"; what speakers that are kept
    out say always is. The same for the same arguments.
    """
    rng = random.Random(f"plan {seed}")
    table = speakers(scale, seed)
    turns = [speaker for speaker, count in table for _ in range(count)]
    rng.shuffle(turns)
    times = Counter(map(key, pool))
    may: dict[str, list[int]] = defaultdict(list)  # places in the plan, by speaker
    for place, (speaker, text) in enumerate(zip(turns, pool, strict=True)):
        if times[key(text)] == 1 and len(words(text)) > 2:
            may[speaker.name].append(place)
    valid: set[int] = set()
    for speaker, count in table:
        number = int(VALID * count + rng.random())
        valid.update(rng.sample(may[speaker.name], min(number, len(may[speaker.name]))))
    return [
        Line(
            audio=f"audio/{speaker.name}/{place:06}.flac",
            text=text,
            speaker=speaker,
            speed=round(rng.uniform(*SPEEDS), 2),
            split="valid" if place in valid or not speaker.seen else "train",
        )
        for place, (speaker, text) in enumerate(zip(turns, pool, strict=True))
    ]


def save_plan(path: pathlib.Path, plan: Sequence[Line], arguments: dict[str, float]) -> None:
    """Writes the plan, whole or not at all: a run that is resumed follows it whatever the programs have become."""
    rows = [dataclasses.asdict(utterance) for utterance in plan]
    lines = [json.dumps(row, ensure_ascii=False) for row in [dict(arguments), *rows]]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path) as new:
        new.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load_plan(path: pathlib.Path, arguments: dict[str, float]) -> list[Line] | None:
    """What `save_plan` wrote, or None where nothing is. Raises `IndexTTSError` where it was made of other arguments."""
    if not path.exists():
        return None
    try:
        made_of, *rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        plan = [Line(**row | {"speaker": _speaker(**row["speaker"])}) for row in rows]
    except (OSError, ValueError, TypeError, KeyError):
        raise IndexTTSError(f"{path} is damaged; remove it, and what is beside it if nothing fits any more.") from None
    if made_of != arguments:
        raise IndexTTSError(f"{path} was made with {made_of}, not with {dict(arguments)}; choose another folder.")
    return plan


def _speaker(name: str, voices: Sequence[Sequence[Any]], seen: bool) -> Speaker:
    return Speaker(name, tuple((voice, float(weight)) for voice, weight in voices), seen)
