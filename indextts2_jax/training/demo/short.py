"""Utterances of a word or two, interjections, words said again and again, letters."""

import random
from collections.abc import Sequence

from indextts2_jax.training.demo.sentences import BLOCKED
from indextts2_jax.training.demo.wordlists import listed

SHORT = """Yes. No. Yes! No! Yes? No? Really? Really! Stop! Stop it! Thank you. Thank you! Thanks. Thanks a lot. Please.
Yes, please. No, thanks. Sorry. Sorry! I'm sorry. Hello. Hello! Hello? Hi. Hi! Hi there. Hey! Goodbye. Goodbye! Bye.
Bye bye. Good morning. Good night. Good evening. Good afternoon. Good luck! Good job! Good idea. Welcome. Welcome back!
You're welcome. Okay. Okay! Okay? All right. All right? Right. Right! Wrong. Wrong! Maybe. Perhaps. Perhaps not. Maybe
not. Of course. Of course not! Sure. Certainly. Certainly not! Exactly. Exactly! Absolutely. Never. Never! Always.
Sometimes. Often. Now. Now! Not now. Not yet. Later. Soon. Today. Tomorrow. Tomorrow? Yesterday. Tonight. Here. There.
Over there. Come here. Come in. Come on! Go away! Go on. Go home. Let's go. Let's go! Wait. Wait! Wait here. Wait a
minute. Hurry! Hurry up! Help! Help me! Look! Look out! Look here. Listen! Listen to me. Be quiet. Be careful! Be nice.
Sit down. Stand up. Get up! Get out! Wake up! Shut up! Slow down. Calm down. Watch out! What? What! What's that? What
now? What else? What for? Why? Why not? Why me? Who? Who's there? Who knows? Where? Where to? When? Since when? How? How
much? How many? How come? How far? Which one? This one. That one. Me too. Not me. Me? You? You! Him? Her? Us? Them? I
do. I don't. I know. I see. I can't. I won't. I will. I did. You did? He is. She is. It is. It isn't. They are. We are.
Is it? Isn't it? Are you? Did you? Do you? Can I? May I? Shall we? Must you? True. True? Not true. False. Nothing.
Nobody. Nobody knows. Everything. Everyone. Somewhere. Nowhere. Anything? Anyone? Done. Done! Ready? Ready! Almost.
Enough! Enough. Again. Again! Once more. One more. Fine. I'm fine. Great! Great. Wonderful! Wonderful. Perfect. Perfect!
Excellent! Amazing! Terrible. Terrible! Beautiful. How nice! How sad. Too bad. Too late. So what? So long. Well done!
Well. Well? Cheers! Congratulations! Merry Christmas! Happy birthday! Happy New Year! Excuse me. Pardon? Pardon me.
Never mind. Don't. Don't! No way! No problem. No idea. No doubt. Not really. Not bad. Not again! Nonsense! Silence!
Attention! Danger! Fire! Freeze! Careful! Quiet! Easy. Easy! Good. Good! Better. Best. Bad. Next. Next! Next, please.
Left. Right here. Up. Down. Yeah. Yeah? Yep. Nope. Bravo! Goodness! My goodness! Oh dear. Dear me! Oh no! Oh yes! Oh my!
Oh, well. Ah, yes. Ah, good. Well, well. Now then. There, there. Who, me? Yes, sir. No, sir. Yes, madam. Tea? Coffee?
Water, please. Zero. One. Two. Three. Four. Five. Six. Seven. Eight. Nine. Ten. Eleven. Twelve. Twenty. Thirty. Forty.
Fifty. Hundred. Thousand. Million. Monday. Tuesday. Wednesday. Thursday. Friday. Saturday. Sunday."""

INTERJECTIONS = listed("""Hm Hmm Shh Ah Oh Well Wow Oops Hey Ouch Yeah Aha Huh Uh Um Ugh Phew Whoa Mm Gosh Hooray
    Ha Okay So""")
_BEHIND = """be quiet. that's strange. that hurts! what a day! I see. let me think. I don't know. who's that? I forgot.
not again! it's you! you scared me. look at that! there it is. I dropped it. that was close. don't wake the baby. they
can hear us. that's better. I'm not so sure. where was I? it's cold in here. thank you so much! that's a big one. here
we go. we won! it works! come back! that's enough for today. never mind. what now? how lovely! maybe later. you're
right. it's getting late. is that so? I told you. what's wrong? go to sleep now. listen. now I remember.""".replace(
    "\n", " "
)

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ACRONYMS = listed("""USA UK EU UN BBC FBI CIA TV PC CD DVD DNA IBM CNN ATM CEO FAQ GPS USB PDF HTML VIP SMS NBA
    UFO IQ PhD""")
_SPELLED = [
    "The {a} {b} {c}.",
    "{a}, {b}, {c}.",
    "{a}, {b}, {c}, {d}, {e}, {f}.",
    "{a} {b} {c} {d}.",
    "My name is {n}: {s}.",
    "That's {s}, {n}.",
    "How do you spell {n}? {s}.",
    "Is it an {v}, or a {k}?",
    "The word begins with a {k} and ends with an {v}.",
    "Plan {a}, plan {b}, and plan {c}.",
    "Vitamin {a}, vitamin {b}, and vitamin {c}.",
    "Row {a}, seat {k}.",
    "The {x} and the {x}.",
    "He works for the {x}.",
    "Have you seen it on {x}?",
    "She has lived in the {x} since May.",
    "{x}, {x}, or {x}?",
    "What does {x} stand for?",
    "The new {x} is better than the old {x}.",
    "Terminal {a}, gate {k}.",
    "The letters are {a}, {b}, {c}, and {d}.",
    "Group {a} starts now, group {b} waits.",
]
_AGAIN = [
    "{w} {w} {w} {w}.",
    "{w} {w} {w}.",
    "{w}, {w}, {w}.",
    "{w}, {w}, {w}, {w}!",
    "{w}! {w}! {w}!",
    "{w}, {w}!",
    "{w} {w}.",
    "{w}? {w}?",
    "{w}, {w}, and {w} again.",
    "I said {w}, {w}, {w}.",
    "It's {w}, {w}, {w}!",
    "{w} after {w} after {w}.",
    "{w} and {w} and {w} and {w}.",
    "{w} {w} {w} {w} {w} {w}.",
]
_REPEATED = listed("""no yes four one two three five seven nine never always please wait go stop hey come on very
    bye tick knock knock-knock row run higher lower left right more again ha well there now why who what really
    nothing money home work up down round over and out far long many""")


def short_texts(number: int, common: Sequence[str], rng: random.Random) -> list[str]:
    """So many utterances of one or two words; the usual ones come again and again, half are of `common` words."""
    usual = [f"{part.strip()}" for part in _sentences(SHORT)]
    texts: list[str] = []
    while len(texts) < number:
        if rng.random() < 0.5:
            texts.append(rng.choice(usual))
        else:
            word = rng.choice(common[: 4 * number])
            more = f" {rng.choice(common[:2000]).lower()}" if rng.random() < 0.3 else ""
            texts.append(word.capitalize() + more + rng.choices(".?!", (0.6, 0.25, 0.15))[0])
    return texts


def interjections(number: int, rng: random.Random) -> list[str]:
    """So many texts that begin with an interjection, or are one."""
    behind = _sentences(_BEHIND)
    texts = []
    for _ in range(number):
        word = rng.choice(INTERJECTIONS)
        if rng.random() < 0.25:
            texts.append(word + rng.choice(".!?!"))
        elif rng.random() < 0.5:
            tail = rng.choice(behind)
            texts.append(f"{word}! {tail[0].upper()}{tail[1:]}")
        else:
            texts.append(f"{word}, {rng.choice(behind)}")
    return texts


def repeated(number: int, common: Sequence[str], rng: random.Random) -> list[str]:
    """So many texts in which a word comes again at once."""
    texts = []
    for _ in range(number):
        word = rng.choice(_REPEATED) if rng.random() < 0.7 else rng.choice(common[:3000]).lower()
        text = rng.choice(_AGAIN).replace("{w}", word)
        texts.append(_capitals(text))
    return texts


def spelled(number: int, names: Sequence[str], rng: random.Random) -> list[str]:
    """So many texts with letters and acronyms."""
    texts = []
    for _ in range(number):
        name = rng.choice(names)
        start = rng.randrange(21)
        row = _LETTERS[start : start + 6] if rng.random() < 0.4 else "".join(rng.choices(_LETTERS, k=6))
        text = rng.choice(_SPELLED)
        for slot, value in zip("abcdef", row, strict=True):
            text = text.replace(f"{{{slot}}}", value)
        text = text.replace("{n}", name).replace("{s}", rng.choice((" ", ", ")).join(name.upper()))
        text = text.replace("{v}", rng.choice("AEFHILMNORSX")).replace("{k}", rng.choice("BCDGJKPQTUVYZ"))
        while "{x}" in text:
            text = text.replace("{x}", rng.choice(_ACRONYMS), 1)
        texts.append(text)
    return texts


def _sentences(text: str) -> list[str]:
    marked = " ".join(text.split())
    for end in ".!?":
        marked = marked.replace(f"{end} ", f"{end}\n")
    return [part for part in marked.split("\n") if not BLOCKED.intersection(part.lower().split())]


def _capitals(text: str) -> str:
    parts = [part[0].upper() + part[1:] for part in _sentences(text)]
    return " ".join(parts)
