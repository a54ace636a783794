"""Tokenizers for tiny random models, that of SentencePiece trained on the spot, so that the demo needs no download."""

import functools
import io
import string

import sentencepiece

from indextts2_jax.text.tiktoken.tiny import tiny_vocabulary

VOCABULARY = 128
SENTENCES = """\
THE LITTLE BOAT WAITS AT THE END OF THE PIER.
WE WALKED ALONG THE SHORE, AND THE WIND WAS WARM.
IS THERE ANY BREAD LEFT? NO, BUT THERE IS SOME SOUP.
SHE READS A STORY TO THE CHILDREN EVERY EVENING.
HOLD ON! THE TRAIN LEAVES IN A MINUTE OR TWO.
THAT IS THE BEST NEWS I HAVE HEARD ALL WEEK.
HE OPENED THE WINDOW, LOOKED OUT, AND LAUGHED.
THE RIVER RUNS THROUGH THE TOWN AND INTO THE SEA.
PLEASE PUT THE BOOKS BACK ON THE UPPER SHELF.
WHAT WOULD YOU LIKE TO HEAR NEXT? ANYTHING YOU LIKE.
IT RAINED FOR THREE DAYS, THEN THE SUN CAME OUT.
MY SISTER PLAYS THE VIOLIN, MY BROTHER THE DRUMS.
THE MOUNTAIN PATH WAS STEEP, BUT THE VIEW WAS WORTH IT.
NOBODY KNEW WHERE THE CAT HAD GONE.
THEY TALKED UNTIL THE CANDLES HAD BURNED DOWN.
A GOOD QUESTION DESERVES AN HONEST ANSWER.
THE BAKER STARTS TO WORK WHEN EVERYONE ELSE IS ASLEEP.
HAVE YOU EVER SEEN THE NORTHERN LIGHTS? ONLY ONCE.
TURN LEFT AT THE CHURCH, THEN KEEP GOING STRAIGHT ON.
HER VOICE WAS QUIET, YET EVERYBODY UNDERSTOOD.
THE OLD CLOCK IN THE HALL STRUCK TWELVE.
DO NOT WORRY, THERE IS ENOUGH TIME FOR ALL OF US.
THE GARDEN IS FULL OF BEES AND BUTTERFLIES.
LET US BEGIN WITH SOMETHING EASY.
""".splitlines()
# Every character that normalised English can hold, each often enough to be a piece
CHARACTERS = " ".join(string.ascii_uppercase + string.digits + ".,!?'-…")


def tiny_tokenizer(frontend: str) -> bytes:
    """The tokenizer of a random model with the front-end that `ModelConfig.text_frontend` names."""
    return tiny_vocabulary() if frontend == "tiktoken" else train_tiny_tokenizer()


@functools.cache
def train_tiny_tokenizer() -> bytes:
    """A serialised SentencePiece model of 128 pieces for capitals, digits and the punctuation that is left after
    normalisation; ids 0, 1 and 2 are <s>, </s> and <unk>, as in the published one. The same bytes every time.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*SENTENCES, CHARACTERS]),
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCABULARY,
        character_coverage=1.0,
        bos_id=0,
        eos_id=1,
        unk_id=2,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()
