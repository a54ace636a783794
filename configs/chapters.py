"""What helps with chapters, none of which the reference has; all else stays as the checkpoint has it.

    indextts2 speak --config=configs/chapters.py --checkpoint=DIR --speaker=voice.wav --text_file=chapter.txt

English gets shorter segments: 120 tokens are thirteen seconds of Chinese, but half a minute of English, and then words
go missing.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "text": {"max_english_tokens_per_segment": 60, "paragraph_pause_ms": 700},
            "redraw": {"attempts": 2, "check_words": True},
            "polish": {"trim_breath": True, "max_silence_ms": 800, "end_fade_ms": 20},
        }
    )
