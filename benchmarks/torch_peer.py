"""The other side of the comparison: the official PyTorch modules, from the package `indextts2-inference`.

Only its modules are used, in the order of its own `infer_generator`; its front-end, its downloads and its emotion
classifier are not loaded, so the random checkpoint in the published layout is enough. Nothing else of this project
needs it; install it with `pip install -e '.[peer]'` and `pip install --no-deps indextts2-inference==2.1.1`.
"""

import contextlib
import functools
import io
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.stage_names import STAGES

FILES = {
    "w2v_bert": "hf_cache/w2v-bert-2.0",
    "codec": "hf_cache/semantic_codec_model.safetensors",
    "campplus": "hf_cache/campplus_cn_common.bin",
    "bigvgan": "hf_cache/bigvgan",
}


class TorchPeer:
    """The official networks on the CPU (or the GPU, where PyTorch has one), with a clip and a text."""

    model = "2"

    def __init__(
        self, checkpoint: pathlib.Path, clip: pathlib.Path, text_ids: np.ndarray, codes: int, beams: int, threads: int
    ) -> None:
        import torch
        import yaml
        from munch import Munch

        self.torch = torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.clip, self.codes, self.beams = str(clip), codes, beams
        self.config = Munch.fromDict(yaml.safe_load((checkpoint / "config.yaml").read_text(encoding="utf-8")))
        self.text = torch.tensor(text_ids[None].astype(np.int32), device=self.device)
        with contextlib.redirect_stdout(io.StringIO()):
            self._load(checkpoint)

    @functools.cached_property
    def speaker(self) -> tuple[Any, Any, Any, Any]:
        return self._speaker_prompt()

    @functools.cached_property
    def emotion(self) -> Any:
        return self._semantic(self._features(self._load_clip(16000)[0]))

    def stages(self) -> dict[str, Callable[[], None]]:
        return {name: functools.partial(self._timed, name) for name in (*STAGES[self.model], "end_to_end")}

    def _timed(self, name: str) -> None:
        getattr(self, name)()
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    # --- loading ----------------------------------------------------------------------------------------------

    def _load(self, folder: pathlib.Path) -> None:
        from indextts.gpt.model_v2 import UnifiedVoice
        from indextts.s2mel.modules.bigvgan.bigvgan import BigVGAN
        from indextts.s2mel.modules.bigvgan.env import AttrDict
        from indextts.s2mel.modules.campplus.DTDNN import CAMPPlus
        from indextts.s2mel.modules.commons import MyModel, load_checkpoint2
        from indextts.utils.maskgct.models.codec.kmeans.repcodec_model import RepCodec
        from safetensors.torch import load_file
        from transformers import Wav2Vec2BertModel

        config, pickled = self.config, self._pickled
        gpt = UnifiedVoice(**config.gpt)
        state = pickled(folder / config.gpt_checkpoint)
        missing = gpt.load_state_dict(state.get("model", state), strict=False)
        if any("pos_enc" not in key for key in missing.missing_keys):
            raise RuntimeError(f"the checkpoint lacks {missing.missing_keys[:3]} of the peer's GPT")
        gpt.post_init_gpt2_config(use_deepspeed=False, kv_cache=True, half=False)
        semantic = Wav2Vec2BertModel.from_pretrained(folder / FILES["w2v_bert"])
        codec = RepCodec(cfg=config.semantic_codec)
        codec.load_state_dict(load_file(folder / FILES["codec"]), strict=True)
        s2mel, *_ = load_checkpoint2(MyModel(config.s2mel, use_gpt_latent=True), None, folder / config.s2mel_checkpoint)
        s2mel.models["cfm"].estimator.setup_caches(max_batch_size=1, max_seq_length=8192)
        campplus = CAMPPlus(feat_dim=80, embedding_size=192)
        campplus.load_state_dict(pickled(folder / FILES["campplus"]))
        bigvgan = BigVGAN(AttrDict(json.loads((folder / FILES["bigvgan"] / "config.json").read_text(encoding="utf-8"))))
        bigvgan.load_state_dict(pickled(folder / FILES["bigvgan"] / "bigvgan_generator.pt")["generator"])
        bigvgan.remove_weight_norm()
        self._keep(folder, gpt, semantic, codec, s2mel, campplus, bigvgan)

    def _keep(
        self, folder: pathlib.Path, gpt: Any, semantic: Any, codec: Any, s2mel: Any, campplus: Any, bigvgan: Any
    ) -> None:
        """The networks on the device, and what else the folder holds for them."""
        from transformers import SeamlessM4TFeatureExtractor

        for network in (gpt, semantic, codec, s2mel, campplus, bigvgan):
            network.eval().to(self.device)
        self.gpt, self.w2v_bert, self.codec = gpt, semantic, codec
        self.s2mel, self.campplus, self.bigvgan = s2mel.models, campplus, bigvgan
        found = self._pickled(folder / self.config.w2v_stat)
        self.mean, self.std = found["mean"].to(self.device), self.torch.sqrt(found["var"]).to(self.device)
        self.extract = SeamlessM4TFeatureExtractor.from_pretrained(folder / FILES["w2v_bert"])

    def _pickled(self, path: pathlib.Path) -> Any:
        return self.torch.load(path, map_location="cpu", weights_only=True)

    # --- the clip ---------------------------------------------------------------------------------------------

    def _load_clip(self, rate: int | None) -> tuple[Any, int]:
        import librosa

        audio, found = librosa.load(self.clip, sr=rate) if rate else librosa.load(self.clip)
        return self.torch.tensor(audio)[None, : 15 * int(found)], int(found)

    def _features(self, audio: Any) -> Any:
        inputs = self.extract(audio, sampling_rate=16000, return_tensors="pt")
        return inputs["input_features"].to(self.device), inputs["attention_mask"].to(self.device)

    def _semantic(self, inputs: Any) -> Any:
        features, mask = inputs
        states = self.w2v_bert(input_features=features, attention_mask=mask, output_hidden_states=True).hidden_states
        return (states[17] - self.mean) / self.std

    def _speaker_prompt(self) -> tuple[Any, Any, Any, Any]:
        """(semantic features, style, prompt condition, prompt mel)."""
        import torchaudio

        audio, rate = self._load_clip(None)
        at_22k, at_16k = (torchaudio.transforms.Resample(rate, wanted)(audio) for wanted in (22050, 16000))
        semantic = self._semantic(self._features(at_16k))
        mel = self._mel_spectrogram(at_22k.to(self.device), 1024, 80, 22050, 256, 1024, 0, None, center=False)
        bank = torchaudio.compliance.kaldi.fbank(at_16k, num_mel_bins=80, dither=0, sample_frequency=16000)
        style = self.campplus((bank - bank.mean(dim=0, keepdim=True))[None].to(self.device))
        frames = self.torch.LongTensor([mel.size(2)]).to(self.device)
        return semantic, style, self._prompt_condition(semantic, frames), mel

    @functools.cached_property
    def _mel_spectrogram(self) -> Any:
        from indextts.s2mel.modules.audio import mel_spectrogram

        return mel_spectrogram

    def _prompt_condition(self, semantic: Any, frames: Any) -> Any:
        _, reference = self.codec.quantize(semantic)
        return self.s2mel["length_regulator"](reference, ylens=frames, n_quantizers=3, f0=None)[0]

    # --- the stages -------------------------------------------------------------------------------------------

    @functools.cached_property
    def _w2v_inputs(self) -> list[Any]:
        import torchaudio

        audio, rate = self._load_clip(None)
        at_16k = torchaudio.transforms.Resample(rate, 16000)(audio)
        return [self._features(at_16k), self._features(self._load_clip(16000)[0])]

    def semantic(self) -> None:
        for inputs in self._w2v_inputs:
            self._semantic(inputs)

    def _width(self, semantic: Any) -> Any:
        return self.torch.tensor([semantic.shape[-1]], device=self.device)

    def generation(self) -> None:
        self._generate(self.speaker[0], self.emotion)

    def _generate(self, speaker: Any, emotion: Any) -> tuple[Any, Any, Any]:
        lengths = self._width(speaker), self._width(emotion)
        vector = self.gpt.merge_emovec(speaker, emotion, *lengths, alpha=1.0)
        codes, latents = self.gpt.inference_speech(
            speaker,
            self.text,
            emotion,
            cond_lengths=lengths[0],
            emo_cond_lengths=lengths[1],
            emo_vec=vector,
            num_return_sequences=1,
            **self._decoding(),
        )
        return self._whole(codes), latents, vector

    def _decoding(self) -> dict[str, Any]:
        return {
            "do_sample": self.beams > 1,
            "top_p": 0.8,
            "top_k": 30,
            "temperature": 0.8,
            "length_penalty": 0.0,
            "num_beams": self.beams,
            "repetition_penalty": 10.0,
            "max_generate_length": self.codes,
        }

    def _whole(self, codes: Any) -> Any:
        if codes.shape[1] != self.codes:
            raise RuntimeError(f"{codes.shape[1]} codes were generated, not the {self.codes} that are compared.")
        return codes

    @functools.cached_property
    def _generated(self) -> Any:
        return self._generate(self.speaker[0], self.emotion)

    def second_pass(self) -> None:
        self._second_pass(*self._generated)

    def _second_pass(self, codes: Any, latents: Any, vector: Any) -> Any:
        speaker, emotion = self.speaker[0], self.emotion
        tensor = functools.partial(self.torch.tensor, device=self.device)
        return self.gpt(
            latents,
            self.text,
            tensor([self.text.shape[-1]]),
            codes.clone(),
            tensor([codes.shape[-1]]),
            emotion,
            cond_mel_lengths=self._width(speaker),
            emo_cond_mel_lengths=self._width(emotion),
            emo_vec=vector,
            use_speed=tensor([0]),
        )

    def _condition(self, generated: Any) -> Any:
        """What the flow is told of what was generated."""
        codes, latents = generated[0], self._second_pass(*generated)
        embedded = self.codec.quantizer.vq2emb(codes.unsqueeze(1)).transpose(1, 2) + self.s2mel["gpt_layer"](latents)
        frames = (self.torch.LongTensor([self.codes]) * 1.72).long().to(self.device)
        return self.s2mel["length_regulator"](embedded, ylens=frames, n_quantizers=3, f0=None)[0]

    def _flow(self, prompt_condition: Any, mu: Any, mel: Any, style: Any) -> Any:
        condition = self.torch.cat([prompt_condition, mu], dim=1)
        lengths = self.torch.LongTensor([condition.size(1)]).to(self.device)
        made = self.s2mel["cfm"].inference(condition, lengths, mel, style, None, 25, inference_cfg_rate=0.7)
        return made[:, :, mel.size(-1) :]

    @functools.cached_property
    def _flow_inputs(self) -> tuple[Any, Any, Any, Any]:
        _, style, condition, mel = self.speaker
        return condition, self._condition(self._generated), mel, style

    def flow_matching(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            self._flow(*self._flow_inputs)

    @functools.cached_property
    def _mel(self) -> Any:
        rng = np.random.default_rng(1)
        made = rng.standard_normal((1, 80, self._frames())).astype(np.float32)
        return self.torch.tensor(made, device=self.device)

    def _frames(self) -> int:
        return int(np.float32(self.codes) * np.float32(1.72))

    def vocoder(self) -> None:
        self.bigvgan(self._mel)

    def end_to_end(self) -> None:
        self.__dict__.pop("speaker", None)  # so that they are made anew
        self.__dict__.pop("emotion", None)
        mu = self._condition(self._generate(self.speaker[0], self.emotion))
        with contextlib.redirect_stderr(io.StringIO()):
            mel = self._flow(self.speaker[2], mu, self.speaker[3], self.speaker[1])
        self.bigvgan(mel).clamp(-1.0, 1.0).cpu()
