"""Our side of the comparison: the stages of one sentence as functions that return when the work is done.

    clip ─ semantic (w2v-bert, twice) ─ generation ─ second_pass ─ flow_matching ─ vocoder; end_to_end is all of it

The shapes are those of a real sentence: the prompt of the clip, as many codes as asked for. What a stage reads is
computed at its first run, which is not counted.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from benchmarks.stage_names import STAGES
from indextts2_jax import IndexTTS2
from indextts2_jax.audio import resample
from indextts2_jax.audio.clip import Clip
from indextts2_jax.audio.w2v_features import w2v_features
from indextts2_jax.config import Config, DecodeConfig, replace, to_dict
from indextts2_jax.gpt import decode
from indextts2_jax.nn.buckets import batch_of_one, bucket_size, pad_axis, prompt_size
from indextts2_jax.pipeline import encode, generation, speak, stages
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.s2mel.length_regulator import target_length


def greedy(config: Config, codes: int, beams: int = 1) -> Config:
    """So many codes, if the model does not stop before; drawn with several beams, the best with one."""
    plain = DecodeConfig(do_sample=beams > 1, num_beams=beams, max_mel_tokens=codes)
    return replace(config, decode=to_dict(plain))


class Ours:
    """A loaded model, a clip and a text."""

    def __init__(self, tts: IndexTTS2, clip: Clip, text_ids: np.ndarray, codes: int, beams: int = 1) -> None:
        self.tts, self.clip, self.codes = tts, clip, codes
        self.config = greedy(tts.config, codes, beams)
        self.text_ids = text_ids.astype(np.int32)

    @functools.cached_property
    def _voice(self) -> ReferenceVoice:
        return encode.encode_voice(self.tts.params, self.tts.model, self.clip)

    @functools.cached_property
    def _features(self) -> list[tuple[np.ndarray, np.ndarray, int]]:
        """Of the clip in both roles: padded features, attended frames, frames."""
        audios = resample.speaker_audio(self.clip)[1], resample.emotion_audio(self.clip)
        made = [w2v_features(audio) for audio in audios]
        return [(batch_of_one(rows), np.array([attended], np.int32), len(rows)) for rows, attended in made]

    @functools.cached_property
    def _semantic(self) -> list[np.ndarray]:
        return [np.asarray(self._w2v_bert(rows, n))[0, :frames] for rows, n, frames in self._features]

    def stages(self) -> dict[str, Callable[[], None]]:
        return {name: getattr(self, name) for name in (*STAGES, "end_to_end")}

    def _call(self, stage: Callable[..., object], *inputs: object, **settings: object) -> object:
        return jax.block_until_ready(stage(self.tts.params, *inputs, model=self.tts.model, **settings))

    def _w2v_bert(self, *inputs: np.ndarray) -> object:
        return self._call(stages.semantic_features, *inputs)

    def semantic(self) -> None:
        for rows, attended, _ in self._features:
            self._w2v_bert(rows, attended)

    @functools.cached_property
    def _text(self) -> tuple[np.ndarray, np.ndarray]:
        return batch_of_one(self.text_ids), np.array([len(self.text_ids)], np.int32)

    def _conditions(self) -> Any:
        speaker, emotion = (batch_of_one(rows) for rows in self._semantic)
        lengths = [np.array([len(rows)], np.int32) for rows in self._semantic]
        latents = self._call(stages.speaker_latents, speaker, lengths[0])
        base = np.asarray(self._call(stages.emotion_vector, speaker, lengths[0]))
        own = np.asarray(self._call(stages.emotion_vector, emotion, lengths[1]))
        return self._call(stages.decoder_conditions, latents, base + 1.0 * (own - base))

    def generation(self) -> None:
        """Conditioning and codes, as the reference counts it."""
        made = decode.generate(
            self.tts.params["gpt"]["speech_lm"],
            self.tts.model.gpt,
            self.config.decode,
            self._conditions(),
            *self._text,
            keys=jax.random.key(0)[None] if self.config.decode.do_sample else None,
        )
        if made.lengths[0] != self.codes:
            raise RuntimeError(f"{made.lengths[0]} codes were generated, not the {self.codes} that are compared.")

    @functools.cached_property
    def _second_pass_inputs(self) -> tuple[object, ...]:
        codes = np.arange(self.codes, dtype=np.int32) % (self.tts.model.gpt.start_mel_token - 1)
        return (self._conditions(), *self._text, batch_of_one(codes), np.array([self.codes], np.int32))

    def second_pass(self) -> None:
        self._call(stages.code_latents, *self._second_pass_inputs)

    @functools.cached_property
    def _flow_inputs(self) -> tuple[np.ndarray, ...]:
        prompt, frames = len(self._voice.prompt_mel), target_length(self.codes)
        size = prompt_size(prompt) + bucket_size(frames)
        rng, s2mel = np.random.default_rng(0), self.tts.model.s2mel
        noise, mu = (rng.standard_normal((1, size, n)).astype(np.float32) for n in (s2mel.mel_bins, s2mel.width))
        lengths = np.array([prompt], np.int32), np.array([prompt + frames], np.int32)
        mel = pad_axis(self._voice.prompt_mel, size)[None]
        return noise, mel, lengths[0], self._voice.style[None], mu, lengths[1]

    def flow_matching(self) -> None:
        settings = {"target_frames": bucket_size(target_length(self.codes)), **to_dict(self.config.flow)}
        self._call(stages.flow, *self._flow_inputs, **settings)

    @functools.cached_property
    def _vocoder_inputs(self) -> tuple[np.ndarray, ...]:
        frames = target_length(self.codes)
        mel = np.random.default_rng(1).standard_normal((frames, self.tts.model.s2mel.mel_bins)).astype(np.float32)
        return batch_of_one(mel), np.array([frames], np.int32)

    def vocoder(self) -> None:
        self._call(stages.vocode, *self._vocoder_inputs)

    def end_to_end(self) -> None:
        """From the clip and the token ids to the waveform."""
        params, model = self.tts.params, self.tts.model
        voice = encode.encode_voice(params, model, self.clip)
        assert voice.emotion_own is not None
        one = generation.Utterance(voice, voice.emotion_own, self.text_ids, jax.random.key(0))
        (chosen,) = generation.choose_codes(params, self.config, model, [one])
        if len(chosen.codes) != self.codes:
            raise RuntimeError(f"{len(chosen.codes)} codes were generated, not the {self.codes} that are compared.")
        speak.speak_codes(params, self.config, model, [one], [chosen.codes])
