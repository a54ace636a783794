"""Which version of IndexTTS a directory holds: told by the tensors of its GPT, whatever lies around it."""

from collections.abc import Mapping

from .layouts import Shape
from .sizes import ABSENT, Settings
from .small_files import shown

OF_2 = ("speed_emb.", "conditioning_encoder.", "perceiver_encoder.")
"""Beginnings of the names that IndexTTS-2 has and 2.5 has not; 1.5, which has some of them, has no `emo_`."""
OF_2_5 = ("spk_emb_proj.", "lang_embedding.")
LARGEST_OF_2 = 50_000
"""Text tokens: IndexTTS-2 has 12,000, IndexTTS-2.5 has 60,509."""

HOMES = {"2": "IndexTeam/IndexTTS-2", "2.5": "IndexTeam/IndexTTS-2.5"}
"""The versions that can be converted, and their repositories."""

ONLY = "only IndexTTS-2 can be converted, and IndexTTS-2.5"


def of_tensors(shapes: Mapping[str, Shape]) -> tuple[str, str]:
    """What a GPT's tensors say: ("2" or "2.5", or "" where they tell neither; the tensor that says so)."""
    for name, shape in shapes.items():
        if name.startswith(OF_2_5) or (name == "text_embedding.weight" and shape and shape[0] > LARGEST_OF_2):
            return "2.5", f"{name} {list(shape)}"
    found = next((name for name in shapes if name.startswith(OF_2)), "")
    return ("2", found) if found and any(name.startswith("emo_") for name in shapes) else ("", "")


def of_vocabulary(settings: Settings) -> str:
    """What the number of text tokens says: "2" or "2.5", or "" where it is no number."""
    vocabulary = settings.get("gpt.number_text_tokens")
    if not isinstance(vocabulary, int) or isinstance(vocabulary, bool):
        return ""
    return "2.5" if vocabulary > LARGEST_OF_2 else "2"


def of_config(settings: Settings) -> tuple[str, str]:
    """What config.yaml says: (the version, "2" where it says nothing else; why, in a few words)."""
    if of_vocabulary(settings) == "2.5":
        return "2.5", f"gpt.number_text_tokens is {shown(settings.get('gpt.number_text_tokens'))}"
    if settings.get("gpt.spk_cond_mode") == "campplus":
        return "2.5", "gpt.spk_cond_mode is 'campplus'"
    version = settings.get("version")
    try:
        same = version is ABSENT or float(version) == 2.0
    except (TypeError, ValueError, OverflowError):
        same = False
    return ("2", "") if same else (shown(version, 30).strip("'"), f"version is {shown(version, 30)}")
