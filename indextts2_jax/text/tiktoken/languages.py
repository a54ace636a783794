"""The languages of the published vocabulary, in its order: their tokens and their rows follow it."""

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en", "ja", "es", "ar"]
"""Those that the published model was trained to speak."""

LANGUAGES: tuple[Language, ...] = ("zh", "en", "ja", "es", "ar")

_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt "
    "la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc "
    "ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue minnan wuyu "
    "dialect zh/en en/zh common"
)
CODES = tuple(_CODES.split())
"""Of which the first `TOKENS` have a token; each has a row in the model's table."""

TOKENS = 99
COMMON = "common"


def row_of(code: str) -> int:
    """The row of a language in the published table; of one that it has not, that of "common"."""
    code = code.lower()
    return CODES.index(code if code in CODES else COMMON)
