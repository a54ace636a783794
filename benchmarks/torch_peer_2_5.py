"""The other side for IndexTTS-2.5: the modules of the package `indextts25-inference`, which are the official ones with
what inference does not need taken out (weight norm folded, the 17 layers of w2v-bert that are read).

Only its modules are used, in the order of its own `infer_generator`; no text is read and nothing is downloaded, so the
random checkpoint in the published layout is enough. Nothing else of this project needs it; install it with
`pip install -e '.[peer]'` and `pip install --no-deps indextts25-inference==0.2.0`.
"""

import functools
import pathlib
from typing import Any

from benchmarks.torch_peer import FILES, TorchPeer


class TorchPeer25(TorchPeer):
    """Its networks on the CPU (or the GPU, where PyTorch has one), with a clip and a text."""

    model = "2.5"

    def _load(self, folder: pathlib.Path) -> None:
        from indextts25.codec.models import EnhancedCodec
        from indextts25.gpt.model_v2 import UnifiedVoice
        from indextts25.s2mel.modules.bigvgan.bigvgan import BigVGAN
        from indextts25.s2mel.modules.campplus.DTDNN import CAMPPlus
        from indextts25.s2mel.modules.commons import MyModel
        from indextts25.utils.checkpoint import fold_weight_norm, load_checkpoint
        from safetensors.torch import load_file
        from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

        config = self.config
        gpt = UnifiedVoice(**config.gpt)
        load_checkpoint(gpt, str(folder / config.gpt_checkpoint))
        gpt.post_init_gpt2_config()
        w2v_bert = folder / FILES["w2v_bert"]
        semantic = Wav2Vec2BertModel(Wav2Vec2BertConfig.from_pretrained(w2v_bert, num_hidden_layers=17))
        wanted, found = semantic.state_dict().keys(), load_file(w2v_bert / "model.safetensors")
        semantic.load_state_dict({name: found[name] for name in wanted}, strict=True)
        codec = EnhancedCodec(**config.semantic_codec)
        codec.load_checkpoint(str(folder / "codec.pth"))
        s2mel, state = MyModel(config.s2mel), self._pickled(folder / config.s2mel_checkpoint)["net"]
        for name, module in s2mel.models.items():
            module.load_state_dict(fold_weight_norm(state[name], self.device), strict=True)
        s2mel.models["cfm"].estimator.setup_caches(max_batch_size=1, max_seq_length=8192)
        campplus = CAMPPlus(feat_dim=80, embedding_size=192)
        campplus.load_state_dict(self._pickled(folder / FILES["campplus"]))
        bigvgan = BigVGAN.from_dir(str(folder / FILES["bigvgan"]), self.device)
        self._keep(folder, gpt, semantic, codec, s2mel, campplus, bigvgan)

    @functools.cached_property
    def _mel_spectrogram(self) -> Any:
        from indextts25.s2mel.modules.audio import mel_spectrogram

        return mel_spectrogram

    def _prompt_condition(self, semantic: Any, frames: Any) -> Any:
        return self.s2mel["length_regulator"](semantic, ylens=frames)

    def _generate(self, speaker: Any, emotion: Any) -> Any:
        lengths = self._width(speaker), self._width(emotion)
        vector = self.gpt.merge_emovec(speaker, emotion, *lengths, alpha=1.0)
        language = self.torch.zeros(1, dtype=self.torch.long, device=self.device)
        settings = self._decoding()
        return self._whole(self.gpt.inference_speech(self.text, language, vector, self.speaker[1], **settings))

    def semantic_codec(self) -> None:
        self.codec.decode(self._generated)

    def _condition(self, generated: Any) -> Any:
        decoded = self.codec.decode(generated)
        frames = self.torch.LongTensor([int(decoded.shape[1] * 1.72)]).to(self.device)
        return self.s2mel["length_regulator"](decoded, ylens=frames)

    def _frames(self) -> int:
        return int(2 * self.codes * 1.72)
