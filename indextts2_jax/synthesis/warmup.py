"""What a first start costs is paid ahead: everything that speech in some voices needs is compiled."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from indextts2_jax.errors import ConfigError
from indextts2_jax.pipeline import generation, warmup
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.synthesis.request import Request
from indextts2_jax.synthesis.speech import AudioSource
from indextts2_jax.synthesis.synthesizer import MAX_AT_ONCE, IndexTTS2

SENTENCE = "Good evening, and welcome to the programme."


class Warmed(NamedTuple):
    """A step of it that is done."""

    name: str
    seconds: float
    done: int
    of: int


def warm_up(
    tts: IndexTTS2,
    voices: Sequence[ReferenceVoice | AudioSource],
    *,
    longest_seconds: float = 20.0,
    at_once: int = 1,
    progress: Callable[[Warmed], None] = lambda warmed: None,
) -> None:
    """Compiles all that `tts.synthesize` needs in these voices; with the compilation cache on, for later processes too.

    Args:
      voices: those that will be used, at least one. What is compiled depends on how long their clips are, to 0.4 s; a
        clip is encoded, so that the encoders are compiled as well.
      longest_seconds: of a segment of speech. Longer ones are compiled when they come.
      at_once: the largest batch that will be spoken.
      progress: called after every step.
    Raises:
      As `IndexTTS2.synthesize`; ConfigError: no voice, a length or a batch that makes no sense.
    """
    if not voices:
        raise ConfigError("A warm-up needs a voice.")
    if not longest_seconds > 0 or not 1 <= at_once <= MAX_AT_ONCE:
        raise ConfigError(f"longest_seconds must be above 0, at_once from 1 to {MAX_AT_ONCE}.")
    requests = [tts.check(Request(SENTENCE, voice)) for voice in voices]
    start = time.perf_counter()
    utterances = []
    for checked in requests:
        voice = checked.request.voice
        encoded = voice if isinstance(voice, ReferenceVoice) else tts.encode_voice(voice)
        emotion = np.zeros(tts.model.gpt.width, np.float32)
        utterances.append(generation.Utterance(encoded, emotion, np.zeros(0, np.int32), jax.random.key(0)))
    most = min(tts.config.decode.max_mel_tokens, int(longest_seconds * tts.model.codes_per_second))
    sizes = warmup.Sizes(tts.config.text.max_text_tokens_per_segment, most, at_once)
    steps = list(warmup.steps(tts.params, tts.model, tts.config, utterances, sizes, tts.heads(tts.config)))
    steps.append(warmup.Step("a sentence", lambda: tts.speak(requests[0])))
    done = Warmed("clips", time.perf_counter() - start, 1, len(steps) + 1)
    progress(done)
    for step in steps:
        start = time.perf_counter()
        step.run()
        done = Warmed(step.name, time.perf_counter() - start, done.done + 1, done.of)
        progress(done)
