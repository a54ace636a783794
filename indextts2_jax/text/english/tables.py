"""Small helpers for tables that are written as text, and for the patterns that are made of them."""

import re
from collections.abc import Iterable


def table(pairs: str) -> dict[str, str]:
    """The first word of each pair of "a b, c d e" -> what follows it: {"a": "b", "c": "d e"}."""
    return {key: value for key, _, value in (pair.strip().partition(" ") for pair in pairs.split(","))}


def any_of(words: Iterable[str]) -> str:
    """A pattern that matches the words, the longest first."""
    return "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")"


def listed(words: str) -> list[str]:
    """The words of a text."""
    return words.split()


def put(match: re.Match[str], words: str) -> str:
    """`words` for the match, with spaces where letters, digits or marks touch it."""
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    after = match.string[match.end() : match.end() + 1]
    left = " " if before.isalnum() or (before and before in ",;:.!?%)]") else ""
    right = " " if after.isalnum() or (after and after in "([$€£#@") else ""
    return left + words + right


# Behind an abbreviation a capital may begin a sentence or a name: these begin a sentence
BEGINNINGS = any_of(
    listed("""
    A About According Actually After Afterwards Again All Also Although Always And Another Any Anyone Are As At
    Because Before Besides Both But By Can Could Despite Did Do Does Don't During Each Either Even Eventually Every
    Everybody Everyone Everything Finally First For From Go Had Has Have He He'd He'll He's Her Here Hers His How
    However I I'd I'll I'm I've If In Indeed Instead Is It It'll It's Its Just Last Later Less Let Let's Many Maybe
    Meanwhile More Moreover Most My Nearly Neither Never Nevertheless Next No Nobody None Nor Not Nothing Now Of
    Often On Once One Only Or Other Others Our Over Perhaps Please Rather She She'd She'll She's Should Since So Some
    Somebody Someone Sometimes Soon Still Such Suddenly Than Thank That That's The Their Them Then There There's
    Therefore These They They'll They're They've This Those Though Thus To Today Together Tomorrow Tonight Too Two
    Under Unfortunately Unless Until Up Usually Very Was We We'd We'll We're We've Well Were What What's When
    Whenever Where Whereas Whether Which While Who Who's Whoever Whose Why Will With Within Without Would Yes
    Yesterday Yet You You'd You'll You're You've Your""")
)
SENTENCE = rf"(?=\s+[\"'“‘(\[]*{BEGINNINGS}(?![\w.]))"
"""Behind an abbreviation: a sentence begins."""
END = r"(?=[\"'”’)\]*_]*\s*\Z|[\"'”’)\]]*\s*\n\s*\n)"
"""Behind an abbreviation: the text or the paragraph ends."""
