"""Words that templates are filled with, and the filling."""

import itertools
import random
import re

from indextts2_jax.training.demo.wordlists import listed, phrases


def lines(text: str) -> list[str]:
    """The lines of a block of templates."""
    return [line for line in text.strip().splitlines() if line]


def fill(template: str, rng: random.Random) -> str:
    """{slot} by one of its words; an/a is set right afterwards."""
    text = re.sub(r"\{(\w+)\}", lambda match: rng.choice(SLOTS[match[1]]), template)
    text = re.sub(r"\b([Aa]) (?=[aeio]|un(?!i)|umbrella|ugly|hour|honest)", r"\1n ", text)
    start = 1 if text[0] == '"' else 0
    return text[:start] + text[start].upper() + text[start + 1 :]


def tens() -> list[str]:
    """Twenty, thirty ... ninety, then the numbers between them."""
    whole = listed("twenty thirty forty fifty sixty seventy eighty ninety")
    ones = listed("one two three four five six seven eight nine")
    return whole + [f"{ten} {one}" for ten, one in itertools.product(whole, ones)]


SLOTS: dict[str, list[str]] = {
    "name": listed("""Anna Ben Carol David Emma Frank Grace Henry Isabel Jack Kate Leo Maria Nick Olivia Peter
        Rachel Sam Tom Lucy Mary John James Robert Michael William Linda Susan Karen Nancy Lisa Paul Mark George
        Laura Sarah Alice Daniel Steven Julia Martin Simon Helen Jane Kevin Brian Sophie Oliver Charlie Amy Rose
        Victor Diana Adam Eve"""),
    "day": listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "month": listed("""January February March April May June July August September October November December"""),
    "ordinal": phrases("""first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh,
        twelfth, thirteenth, fourteenth, fifteenth, sixteenth, seventeenth, eighteenth, nineteenth, twentieth,
        twenty first, twenty second, twenty third, twenty fourth, twenty fifth, thirtieth, thirty first"""),
    "few": listed("two three four five six seven eight nine ten eleven twelve"),
    "number": listed("""two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen""")
    + tens()
    + phrases("a hundred, two hundred, three thousand, a million"),
    "who": listed("I you we they"),
    "heshe": listed("he she"),
    "my": listed("my your his her our their"),
    "them": listed("me him her us them you"),
    "family": listed("""mother father sister brother uncle aunt cousin grandmother grandfather daughter son wife
        husband nephew niece neighbour friend boss teacher doctor dog cat baby"""),
    "food": listed("""bread cheese soup rice salad chicken fish pasta pizza chocolate cake fruit breakfast lunch
        dinner butter honey pepper salt sugar garlic tomatoes potatoes apples oranges bananas mushrooms noodles"""),
    "drink": listed("coffee tea water milk juice beer wine lemonade"),
    "weather": listed("sunny rainy cloudy windy cold hot warm foggy snowy stormy cool dry wet mild"),
    "adj": listed("""good bad big small long short new old young happy sad easy hard quick slow strong weak rich
        poor quiet loud clean dirty bright dark heavy light cheap expensive famous strange simple beautiful ugly
        funny serious careful brave gentle honest lazy clever curious nervous proud busy tired hungry angry calm
        friendly lovely"""),
    "colour": listed("red blue green yellow black white brown grey orange purple pink golden silver"),
    "thing": listed("""book car phone key bag letter picture chair table window door clock lamp computer camera
        ticket bicycle coat hat shoe box bottle cup plate knife spoon pencil newspaper guitar piano umbrella
        mirror blanket garden house boat train machine song story game question answer idea plan"""),
    "place": phrases("""the station, the airport, the market, the school, the office, the library, the
        hospital, the beach, the park, the river, the museum, the village, the city, the kitchen, the garden,
        the church, the bank, the restaurant, the theatre, the forest, the mountains, the harbour, the hotel,
        the post office, the bridge"""),
    "city": listed("""London Paris Berlin Rome Madrid Boston Chicago Dublin Vienna Tokyo Moscow Cairo Sydney
        Toronto Lisbon Athens Dallas Denver Edinburgh"""),
    "job": listed("""teacher doctor nurse farmer driver writer painter singer engineer lawyer baker soldier
        student pilot waiter cook carpenter plumber dentist judge sailor actor"""),
    "time": phrases("""today, tomorrow, tonight, this morning, this evening, next week, next month, on the
        weekend, after lunch, before dinner, in the afternoon, at noon, at midnight, every day, in the spring,
        in the summer, next year, right away, later, soon"""),
    "past": phrases("""yesterday, last night, last week, last year, this morning, a long time ago, an hour ago,
        two days ago, last summer, in the winter, before breakfast, on my birthday"""),
    "verb": listed("""find open close sell buy borrow fix paint carry bring move clean keep lose forget remember
        see show hide break choose leave watch draw need like want"""),
    "verbed": listed("""found opened closed sold bought borrowed fixed painted carried brought moved cleaned
        kept lost forgot remembered saw showed hid broke chose left watched drew needed liked wanted"""),
    "verben": listed("""found opened closed sold bought borrowed fixed painted carried brought moved cleaned
        kept lost forgotten remembered seen shown hidden broken chosen left watched drawn needed liked wanted"""),
    "doing": phrases("""reading, cooking, sleeping, working, singing, dancing, swimming, running, laughing,
        waiting, talking, driving, painting, writing a letter, playing the piano, watching television, learning
        French, cleaning the house, looking for the keys, walking the dog, making coffee, fixing the roof"""),
    "do": phrases("""read, cook, sleep, work, sing, dance, swim, run, laugh, wait, talk, drive, paint, write a
        letter, play the piano, watch television, learn French, clean the house, look for the keys, walk the
        dog, make coffee, fix the roof, go home, stay here, ask for help, take a break, pay the bill, leave
        early, call the doctor"""),
    "how": listed("""slowly quickly carefully quietly again alone together happily suddenly often always never
        well badly"""),
    "language": listed("French German Spanish Italian Chinese Japanese Russian Arabic Portuguese English Greek Dutch"),
    "country": listed("""France Germany Spain Italy China Japan Russia Egypt Brazil England Greece Holland Canada India
        Mexico Australia Norway Sweden Poland Turkey Ireland Scotland Africa America"""),
    "animal": listed("""dog cat horse cow sheep goat pig rabbit mouse bird duck goose fox bear wolf lion tiger elephant
        monkey snake turtle frog squirrel deer owl eagle spider bee butterfly donkey"""),
    "body": listed("arm leg foot hand knee back neck shoulder finger thumb ankle elbow head nose wrist"),
    "adj2": listed("""wonderful terrible amazing awful interesting boring exciting brilliant perfect lovely surprising
        useful impossible dangerous delicious comfortable important fantastic ordinary frightening"""),
    "sport": listed("""swimming running fishing skiing sailing hiking shopping dancing climbing camping cycling
        skating"""),
    "hisher": listed("his her"),
    "place2": listed("""bank shop museum library market office school kitchen pool restaurant bakery gym theatre
        pharmacy"""),
    "time2": phrases("""lunch, dinner, noon, midnight, the end of the week, the end of the month, Christmas,
        the summer, the holidays, the meeting, it gets dark, anyone noticed"""),
    "feeling": listed("""happy sad tired angry sorry afraid hungry thirsty sick fine busy sure ready late early lost
        alone"""),
    "clothes": listed("shirt coat hat scarf jacket dress skirt sweater tie belt suit blouse raincoat"),
    "hello": phrases("Hello, Hi, Hey, Good morning, Good afternoon, Good evening"),
    "day2": phrases("today, this morning, this evening, doing, feeling today"),
    "here": phrases("here, inside, back, with me, to the window, over here, closer, and look"),
}
