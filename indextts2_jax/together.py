"""Many requests spoken together: texts, voices and emotions of their own, a batch a stage (`batching.py`).

What comes back for a request is what `IndexTTS2.synthesize` gives for it alone: the same codes, whatever the others.
"""

import dataclasses
from collections.abc import Callable, Sequence

from indextts2_jax import batching, pipeline
from indextts2_jax.config import Config
from indextts2_jax.errors import ConfigError
from indextts2_jax.narration import collect
from indextts2_jax.request import Request
from indextts2_jax.speech import Speech
from indextts2_jax.synthesizer import IndexTTS2


def synthesize_together(
    tts: IndexTTS2,
    requests: Sequence[Request],
    *,
    at_once: int = 8,
    config: Config | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Speech]:
    """Speaks all requests; their segments share batches of up to `at_once`. What is drawn again is drawn alone.

    Nothing is heard before all are done, and a clip is encoded for each request that names it: give an encoded voice
    where several share one. The seconds by stage are those of all requests together.

    Args:
      at_once: the largest batch; memory grows with it.
      config: instead of the model's own; the same for all.
      progress: called with (codes so far, limit) of the batch being decoded, now and then.
    Raises:
      As `IndexTTS2.synthesize`, before anything is spoken, for the first request that is wrong. ConfigError: a target
      duration, which goes with single requests only. TextError: the model stopped before the first code of one.
    """
    if not 1 <= at_once <= 64:
        raise ConfigError(f"at_once is {at_once!r}, but it must be from 1 to 64.")
    config, watch = config or tts.config, pipeline.Stopwatch()
    if config.duration.target_seconds:
        raise ConfigError("duration.target_seconds is for one request at a time; use duration.factor for many.")
    config = dataclasses.replace(config, segments_at_once=1)
    checked = [tts.check(request, config) for request in requests]  # all of them before a network runs
    narrators = [tts.narrator(one, watch) for one in checked]
    pairs = list(zip(checked, narrators, strict=True))
    utterances = [utterance for one, narrator in pairs for utterance in narrator.utterances(one.reading)]
    takes = iter(
        batching.speak_together(
            tts.params, config, tts.model, utterances, at_once=at_once, watch=watch, on_code=progress
        )
    )
    return [collect(one, narrator.speak(one.reading, takes), watch) for one, narrator in pairs]
