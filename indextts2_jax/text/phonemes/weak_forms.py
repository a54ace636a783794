"""Function words as running speech has them: without their stress, and some with another vowel.

CMUdict says a word as if it stood alone: "to" is T UW1, as "two" is. In a sentence it is T AH0, before a vowel T UW0.
"""

from collections.abc import Sequence

from indextts2_jax.text.english.tables import listed

WORD = "▁"
"""On the first phoneme of a word."""

# Without stress where a word follows
FUNCTION_WORDS = frozenset(
    listed("""a an the and but or nor of to for from at in on by with as than into if you he she it we they
        me him her us them my your his its their i'm i'll i'd i've you're you'll you'd you've he's he'll he'd she's
        she'll she'd it's it'll we're we'll we'd we've they're they'll they'd they've i am is are was were be been has
        have had can could will would shall should must""")
)
ALWAYS_WEAK = frozenset(listed("it me him her us them the"))  # at the end of a phrase too
BEHIND_THAT = frozenset(
    listed("""i you he she it we they the a an my your his her its our their there this these those some all
        i'm i'll i'd i've you're he's she's it's we're they're nobody everybody everyone""")
)  # "that" is a conjunction before these
QUESTION_WORDS = frozenset(listed("what where when why who how which whose"))
WEAK_FORMS = {"was": "W AH0 Z", "an": "AH0 N", "than": "DH AH0 N"}
HALF_STRESSED = frozenset(["i", "i'm", "i'll", "i'd", "i've"])  # wholly unstressed it is swallowed at the start


def weaken_all(written: Sequence[str], said: Sequence[list[str]]) -> list[list[str]]:
    """Words and marks of a text, the function words weak.

    Args:
      written: the words as they are written; "" for marks. Those in capitals are acronyms or stressed, and stay.
      said: their phonemes, the first with ▁; of marks whatever stands for them.
    """
    words = [word.lower() or "." for word in written]
    weak = list(map(list, said))
    for place, word in enumerate(words):
        capitals = len(word) > 1 and written[place].isupper()
        if word != "." and weak[place] and not capitals:
            before = words[place - 1] if place else "."
            after = words[place + 1] if place + 1 < len(words) else "."
            follows = weak[place + 1][0] if after != "." and weak[place + 1] else ""
            weak[place] = weaken(word, weak[place], before, after, follows)
    return weak


def weaken(word: str, said: list[str], before: str, after: str, follows: str) -> list[str]:
    """A word's phonemes in running speech.

    Args:
      word: in lower case, and so `before` and `after`, its neighbours; "." for a mark or nothing.
      said: its phonemes, the first with ▁.
      follows: the first phoneme of the next word, or "".
    """
    vowel = follows[-1:].isdigit()
    alone = before == after == "."
    if word == "the":
        return [WORD + "DH", "IY0" if vowel else "AH0"]
    if alone or not _is_weak(word, before, after) or (word == "a" and said != [WORD + "AH0"]):
        return said
    if word == "to":
        return [WORD + "T", "UW0" if vowel or after == "." else "AH0"]
    if word in WEAK_FORMS:
        return (WORD + WEAK_FORMS[word]).split()
    stress = "2" if word in HALF_STRESSED else "0"
    return [token[:-1] + stress if token[-1].isdigit() else token for token in said]


def _is_weak(word: str, before: str, after: str) -> bool:
    if word == "that":
        return before != "." and after in BEHIND_THAT
    if word in ("do", "does", "did"):
        return after != "." and (before == "." or before in QUESTION_WORDS)
    return word in ALWAYS_WEAK or word == "to" or (word in FUNCTION_WORDS and after != ".")
