"""Who speaks in the demo corpus: the teacher's English voices, mixtures of them, and those kept out of training."""

import dataclasses
import itertools
import random

from indextts2_jax.training.demo.wordlists import listed

VOICES = tuple(
    listed("""af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah
        af_sky am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa bf_alice bf_emma
        bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis""")
)
KEPT_OUT = ("af_nova", "am_puck", "bf_lily", "bm_lewis")
"""Never trained on, alone or as a part of a mixture: they measure how voices never heard are followed."""
MAIN = ("af_heart", "af_bella", "am_michael", "am_fenrir", "bf_emma", "bm_george")
"""The voices that are measured most; they speak most."""
TRAINED = tuple(voice for voice in VOICES if voice not in KEPT_OUT)

MIXTURES, UNSEEN_MIXTURES = 320, 20
# Utterances at scale 1; one lasts about four seconds
OF_MAIN, OF_OTHERS, OF_MIXTURE, OF_UNSEEN = 780, 240, 23, 12
_SAME_SEX = 0.5  # of the mixtures, at least
_LEAST = 0.2  # share of a voice in a mixture


@dataclasses.dataclass(frozen=True)
class Speaker:
    """A voice of the teacher's, or several with their weights, which sum to 1."""

    name: str
    voices: tuple[tuple[str, float], ...]
    seen: bool  # in training

    @property
    def mixture(self) -> dict[str, float]:
        """As `Teacher.speak` takes it."""
        return dict(self.voices)


def speakers(scale: float, seed: int) -> list[tuple[Speaker, int]]:
    """Every speaker with the number of utterances, at least one. The same for the same arguments."""
    table = [(Speaker(name, ((name, 1.0),), True), OF_MAIN if name in MAIN else OF_OTHERS) for name in TRAINED]
    trained, unseen = mixtures(seed)
    table += [(speaker, OF_MIXTURE) for speaker in trained]
    table += [(Speaker(name, ((name, 1.0),), False), OF_UNSEEN) for name in KEPT_OUT]
    table += [(speaker, OF_UNSEEN) for speaker in unseen]
    return [(speaker, max(1, round(count * scale))) for speaker, count in table]


def mixtures(seed: int) -> tuple[list[Speaker], list[Speaker]]:
    """Those of training and those kept out, of two or three of `TRAINED`; no two have the same parts."""
    rng = random.Random(f"mixtures {seed}")
    pairs = list(itertools.combinations(TRAINED, 2))
    triples = list(itertools.combinations(TRAINED, 3))
    alike = [pair for pair in pairs if pair[0][1] == pair[1][1]]
    number = MIXTURES + UNSEEN_MIXTURES
    chosen: set[tuple[str, ...]] = set(rng.sample(alike, min(len(alike), round(_SAME_SEX * 0.6 * number))))
    while len(chosen) < number:
        chosen.add(rng.choice(pairs) if rng.random() < 0.45 else rng.choice(triples))
    ordered = rng.sample(sorted(chosen), number)
    made = [_weighted(parts, rng) for parts in ordered]
    trained = [Speaker(f"mix_{index:03}", parts, True) for index, parts in enumerate(made[:MIXTURES])]
    return trained, [Speaker(f"newmix_{index:02}", parts, False) for index, parts in enumerate(made[MIXTURES:])]


def _weighted(parts: tuple[str, ...], rng: random.Random) -> tuple[tuple[str, float], ...]:
    """Weights of whole percents, none below `_LEAST`."""
    free = round(100 * (1 - _LEAST * len(parts)))
    cuts = sorted(rng.randint(0, free) for _ in parts[1:])
    shares = [high - low for low, high in zip([0, *cuts], [*cuts, free], strict=True)]
    return tuple((name, round(_LEAST + share / 100, 2)) for name, share in zip(parts, shares, strict=True))
