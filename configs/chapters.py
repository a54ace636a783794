"""The published IndexTTS-2 for chapters: everything that helps with long text, none of which the reference has.

    indextts2 speak --config=configs/chapters.py --checkpoint=DIR --speaker=voice.wav --text_file=chapter.txt

English gets shorter segments: 120 tokens are thirteen seconds of Chinese, but half a minute of English, and then words
go missing.
"""

from ml_collections import ConfigDict

from indextts2_jax import config as c


def get_config() -> ConfigDict:
    return ConfigDict(
        c.to_dict(
            c.Config(
                text=c.TextConfig(max_english_tokens_per_segment=60, paragraph_pause_ms=700),
                redraw=c.RedrawConfig(attempts=2),
                polish=c.PolishConfig(trim_breath=True, max_silence_ms=800, end_fade_ms=20),
            )
        )
    )
