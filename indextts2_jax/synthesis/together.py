"""Many requests spoken together: texts, voices and emotions of their own, a batch a stage (`batching.py`).

What comes back for a request is what `IndexTTS2.synthesize` gives for it alone: the same codes, whatever the others.
"""

from collections.abc import Callable, Iterator, Sequence

from indextts2_jax.config import Config
from indextts2_jax.errors import ConfigError, IndexTTSError
from indextts2_jax.pipeline import batching, speak
from indextts2_jax.synthesis.request import CheckedRequest, Request
from indextts2_jax.synthesis.segments import Narrator, collect
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.synthesis.synthesizer import IndexTTS2

MAX_AT_ONCE = 64


def synthesize_together(
    tts: IndexTTS2,
    requests: Sequence[Request],
    *,
    at_once: int = 8,
    config: Config | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Speech]:
    """Speaks all requests; their segments share batches of up to `at_once`. What is drawn again is drawn alone.

    Nothing is heard before all are done. The seconds by stage are those of all requests together.

    Args:
      at_once: the largest batch; memory grows with it.
      config: instead of the model's own; the same for all.
      progress: called with (codes so far, limit) of the batch being decoded, now and then.
    Raises:
      As `IndexTTS2.synthesize`, before anything is spoken, for the first request that is wrong. ConfigError: a target
      duration, which goes with single requests only. TextError: the model stopped before the first code of one.
    """
    checked = [tts.check(request, config) for request in requests]  # all of them before a network runs
    speeches = []
    for result in speak_each(tts, checked, at_once=at_once, progress=progress):
        if isinstance(result, IndexTTSError):
            raise result
        speeches.append(result)
    return speeches


def speak_each(
    tts: IndexTTS2,
    checked: Sequence[CheckedRequest],
    *,
    at_once: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Speech | IndexTTSError]:
    """The speech of every request, or what was wrong with it; that of one does not stop the others.

    All must have the same `config`. Raises `ConfigError` for one that does not go with batches.
    """
    if not 1 <= at_once <= MAX_AT_ONCE:
        raise ConfigError(f"at_once is {at_once!r}, but it must be from 1 to {MAX_AT_ONCE}.")
    if not checked:
        return []
    config, watch = checked[0].config, speak.Stopwatch()
    if any(one.config != config for one in checked):
        raise ConfigError("Requests that are spoken together must have the same settings.")
    if config.duration.target_seconds:
        raise ConfigError("duration.target_seconds is for one request at a time; use duration.factor for many.")
    results: list[Speech | IndexTTSError | None] = [None] * len(checked)
    narrators: dict[int, Narrator] = {}
    for place, one in enumerate(checked):
        try:
            narrators[place] = tts.narrator(one, watch)
        except IndexTTSError as error:  # a clip that its header did not tell enough about
            results[place] = error
    utterances = [u for place, narrator in narrators.items() for u in narrator.utterances(checked[place].reading)]
    takes: Iterator[batching.Take] = iter(
        batching.speak_together(
            tts.params, config, tts.model, utterances, at_once=at_once, watch=watch, on_code=progress
        )
    )
    for place, narrator in narrators.items():
        reading = checked[place].reading
        own = [next(takes) for _ in reading.segments]
        try:
            results[place] = collect(checked[place], narrator.speak(reading, iter(own)), watch)
        except IndexTTSError as error:
            results[place] = error
    return [result for result in results if result is not None]
