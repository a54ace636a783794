"""A synthesiser that takes no time: a word is a tenth of a second of a tone, whose pitch is of the voice and seed."""

import zlib

import numpy as np

from indextts2_jax import IndexTTS2
from indextts2_jax.config import SAMPLING_RATE, replace
from indextts2_jax.errors import TextError
from indextts2_jax.synthesis.request import CheckedRequest, check_request
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.synthesis.words import divided
from indextts2_jax.text.reading import Reading
from indextts2_jax.text.written import written_words
from tests.tiny import tiny_config

WORD = SAMPLING_RATE // 10


class FakeTTS(IndexTTS2):
    """Notes in `asked` the texts that it spoke together; says nothing of "Mute", and is suspect of "Odd"."""

    def __init__(self):
        self.config = replace(tiny_config(), model=None, random_seed=None)
        self.model = tiny_config().model
        self.model_id = "fake"
        self.asked = []

    def check(self, request, config=None, **options):
        if "Unreadable" in request.text:
            raise TextError("This cannot be read.")
        request = check_request(request, config or self.config, self.model)
        return CheckedRequest(request, config or self.config, Reading([], [], [], []))

    def speak(self, checked, *, fit=None, **options):
        self.asked.append([checked.request.text])
        return self._speech(checked, fit)

    def speak_each(self, checked, *, at_once=8, progress=None):
        assert len(checked) <= at_once and len({one.config for one in checked}) == 1
        self.asked.append([one.request.text for one in checked])
        return [self._caught(one) for one in checked]

    def _caught(self, checked):
        try:
            return self._speech(checked, None)
        except TextError as error:
            return error

    def _speech(self, checked, fit):
        request = checked.request
        if "Mute" in request.text:
            raise TextError(f"The model stopped before the first code of {request.text!r}: try another seed.")
        words = request.text.split()
        samples = WORD * len(words)
        samples = fit(samples, 0) if fit else round(samples * checked.config.duration.factor)
        pitch = 100 + zlib.crc32(f"{request.voice} {request.seed} {request.emotion}".encode()) % 400
        audio = 0.5 * np.sin(2 * np.pi * pitch * (1 + np.arange(samples)) / SAMPLING_RATE).astype(np.float32)
        suspect = "Odd" in request.text and request.seed == 0
        return Speech(
            audio=audio,
            samples=samples,
            sampling_rate=SAMPLING_RATE,
            codes=[np.zeros(1, np.int32)],
            segments=[words],
            spans=[(0, samples)],
            draws=[1],
            seconds={},
            warnings=["Segment 1 (3 text tokens) is clipped."] if suspect else [],
            seed=request.seed,
            suspect=[0] * suspect,
            words=divided(written_words(request.text), samples / SAMPLING_RATE),
        )
