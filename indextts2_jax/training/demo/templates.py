"""Everyday sentences from templates: slots are filled with words, two statements are joined into a longer one.

The slots are in `slots.py`; these are the plain sentences, `dialogue.py` has what people say to one another.
"""

import random

from indextts2_jax.training.demo import dialogue
from indextts2_jax.training.demo.sentences import keep
from indextts2_jax.training.demo.slots import SLOTS, fill, lines
from indextts2_jax.training.demo.wordlists import phrases

_JOINTS = [", and ", ", but ", ", so ", " because ", ", although ", " while ", "; ", " - ", ", yet ", ", or "]
_JOINTS += [" until "]
_OPENINGS = phrases(
    """Yesterday, Well, Honestly, Of course, In fact, As you know, After that, Before long, By the way, To be honest,
    On the other hand, Luckily, Sadly, Later that day, At first, In the end, Oh, Now, Look, You see, For example,
    However, Meanwhile, Besides"""
)


def template_sentences(number: int, rng: random.Random) -> list[str]:
    """About `number` different everyday sentences, short ones and joined ones of up to 25 words."""
    kinds = [lines(text) for text in (STATEMENTS, QUESTIONS, COMMANDS, dialogue.SAID, dialogue.TALK, dialogue.LISTS)]
    found: dict[str, str] = {}
    for _ in range(number * 4):
        if len(found) >= number:
            break
        kind = rng.choices(range(8), (0.2, 0.24, 0.09, 0.12, 0.16, 0.08, 0.07, 0.04))[0]
        if kind < 6:
            raw = fill(rng.choice(kinds[kind]), rng)
        elif kind == 6:
            raw = joined(2, rng)
        else:
            raw = f"{rng.choice(_OPENINGS)}, {lowered(fill(rng.choice(kinds[0]), rng))}"
        keep(found, [raw])
    return list(found.values())


def long_sentences(number: int, rng: random.Random) -> list[str]:
    """About `number` sentences of 24 to 40 words: statements joined, some of them told by somebody."""
    found: dict[str, str] = {}
    for _ in range(number * 6):
        if len(found) >= number:
            break
        keep(found, [joined(rng.choice((3, 3, 4, 5)), rng)], 24, 40)
    return list(found.values())


def joined(parts: int, rng: random.Random) -> str:
    """So many statements as one sentence."""
    statements = lines(STATEMENTS)
    text = fill(rng.choice(statements), rng).rstrip(".!")
    for _ in range(parts - 1):
        text += rng.choice(_JOINTS) + lowered(fill(rng.choice(statements), rng).rstrip(".!"))
    return text + "."


def lowered(sentence: str) -> str:
    """The sentence with a small letter at its start, unless that is a name or "I"."""
    head = sentence.split("'")[0].split()[0].rstrip(",")
    if head == "I" or head in SLOTS["name"] or head in SLOTS["city"]:
        return sentence
    return sentence[0].lower() + sentence[1:]


STATEMENTS = """
I'm {doing} {time}.
I'm not {doing}, I'm {doing}.
{who} don't want to {do} {time}.
We'll {do} {time}, if it isn't too {weather}.
{heshe} doesn't {verb} the {adj} {thing}.
They're {doing} with {name} and {name}.
You're the {adj} {job} I told {them} about.
It's {weather} in {city} {time}.
It was {adj} and {weather} {past}.
The {thing} is {adj}, but the {thing} is {adj}.
{name} {verbed} {my} {colour} {thing} {past}.
{name} will {do} on {day}.
{name} said that {heshe} can't {do} {time}.
{name} has {number} {adj} friends in {city}.
My {family} is a {adj} {job} from {city}.
{my} {family} was born on the {ordinal} of {month}.
The train to {city} leaves in {number} minutes.
The meeting is on {day}, the {ordinal} of {month}.
We ate {food} and {food} near {place}.
{heshe} drinks {drink} with {food} every {day}.
There are {number} people at {place}.
There's a {adj} {thing} on the {colour} {thing}.
I've never been to {city} in {month}.
I've {verben} the {thing} at {place}.
That {adj} {job} {verbed} {them} {past}.
This {thing} costs {number} dollars.
I think {name} is {doing} at {place}.
{who} can't {verb} {my} {thing} {how}.
{who} could {do} {time}, {name} said.
If you {do}, I'll {do}.
When {name} was {few} years old, {heshe} {verbed} a {thing}.
The {weather} weather made {my} {family} {adj}.
Nobody wants to {do} at {place}.
Everybody was {doing} when the {thing} fell.
My {family} and I walked to {place} {past}.
She's {adj}, he's {adj}, and they're {doing}.
It took us {number} hours to {do}.
The {job} spoke {how} to {my} {family}.
Thank you for the {adj} {food}, {name}.
We haven't seen {name} since {month}.
The {colour} {thing} belongs to {my} {family}.
{name} wants {few} cups of {drink} and some {food}.
I'd like some {food} and a glass of {drink}, please.
The weather will be {weather} and {weather} on {day}.
A {adj} {thing} is better than a {adj} {thing}.
Neither {name} nor {name} likes {food}.
It's {number} miles from {city} to {place}.
I shouldn't have {verben} that {thing}.
The {place2} opens at {few} and closes at {few}.
I forgot to {verb} the {thing}, so I had to go back.
My {family} grew up on a farm near {city}.
{name} is taller than {name}, but {name} is the tallest of all.
We moved here from {city} when I was {few}.
The children were playing in {place} until it got dark.
It's cheaper to buy {food} at {place} than in {city}.
The doctor told {my} {family} to rest for {few} days.
I don't know where {name} put the {thing}.
I wonder why {name} never calls {my} {family}.
The more {heshe} talks, the less I understand.
As soon as the rain stops, we'll {do}.
Most people here speak {language} and a little {language}.
{name} has been learning {language} for {few} years.
The {animal} ran across the road and hid behind {place}.
A {adj} {animal} sat on the {thing} and looked at us.
There was nobody at {place}, only a {adj} {animal}.
She has {adj2} eyes and long {colour} hair.
The {body} of {my} {family} hurts when the weather is {weather}.
{heshe} broke {hisher} {body} while {heshe} was {doing}.
Both the {thing} and the {thing} were made in {country}.
In {country}, people often eat {food} with their {drink}.
The flight to {country} was {number} minutes late.
The film was {adj2}, and the ending was even better.
Their new {job} seems {adj}, but I'm not sure yet.
You should have {verben} it before {time2}.
He must have {verben} the {thing} by mistake.
This is the {thing} that {name} {verbed} for {my} {family}.
The house where {name} lives has a {colour} door and {few} windows.
I have nothing to {verb}, and nobody to talk to.
It would be {adj2} to see {country} in the spring.
If I were you, I would {do} before {time2}.
If it hadn't been so {weather}, we would have walked to {place}.
Before you {do}, please {verb} the {thing}.
Although it was {weather}, {name} went {sport} at {place}.
{name} would rather go {sport} than {do}.
They used to live above a {adj} shop in {city}.
Somebody has {verben} my {thing} again!
I can hardly believe that {name} {verbed} the {thing}.
The news about the {thing} spread quickly through {place}.
Every morning, {my} {family} buys {food} and a newspaper.
Half of the {food} was gone before the guests arrived.
The {thing} in the corner was a present from {name}.
Our neighbours are {adj}, and their {animal} is even worse.
The {job} explained how the {thing} works.
Without {my} {family}, I could never have {verben} it.
The road along the river is closed because of the flood.
She smiled, picked up the {thing}, and left without a word.
He looked at the {thing} as if he had never seen one.
Nothing makes {them} happier than {drink} and {food}.
My phone is almost empty, and I can't find the cable.
The internet is down again, so I can't send the message.
The password must have at least {few} letters.
Traffic was terrible, and the bus never came.
The shop was out of {food}, so I bought {food} instead.
{name} always leaves {hisher} {thing} on the kitchen table.
I was just about to {do} when the telephone rang.
The older I get, the more I like {drink} in the morning.
Science is {adj2}, but history is more fun.
The government plans to build {number} new schools.
According to the report, prices rose by {few} percent.
The team lost {few} games, but the fans kept singing.
{name} scored in the last minute, and the crowd went wild.
The moon was bright, and the stars were out.
The old bridge over the river was built by soldiers.
Her voice was soft, but everyone could hear it.
"""

QUESTIONS = """
What are you {doing} {time}?
What's {my} {family} {doing} at {place}?
Where did {name} {verb} the {thing}?
Where's the {adj} {thing}, {name}?
When will {name} {do}?
Why don't we {do} {time}?
Why is the {thing} so {adj}?
Who {verbed} {my} {thing} {past}?
Whose {colour} {thing} is this?
Which {thing} do you want, the {colour} one or the {colour} one?
How many {food} and {food} salads did you eat?
How are you, {name}, and how is {my} {family}?
How far is it from {place} to {place}?
How much is the {adj} {thing}?
Can you {do} for {them}, please?
Could {name} {do} on the {ordinal}?
Would you like some {drink} or {food}?
Do you know the {adj} {job} from {city}?
Did {who} {verb} the {thing} {how}?
Is it {weather} at {place}?
Are {name} and {name} {doing}?
Haven't you {verben} the {colour} {thing} yet?
Isn't {name} {doing} with {my} {family}?
Will it be {weather} in {city} {time}?
Shall we {do} on {day}, or on {day}?
Does {my} {family} live near {place}?
Have you ever been to {city}?
What time does the {place2} open on {day}?
How long have you been {doing}?
Is there any {food} left, or did you eat it all?
What kind of {food} do you like best?
Which of these things is yours?
Who's the {adj} man with the {colour} {thing}?
Have you seen my {thing} anywhere?
Do you think it will be {weather} on {day}?
Does anybody here speak {language}?
Did you hear what happened to {name}?
Why are you so {feeling}?
Are you {feeling}, or just {feeling}?
Aren't you {feeling}?
You're {feeling}, aren't you?
It's {weather}, isn't it?
{name} can't {do}, can {heshe}?
They didn't {verb} it, did they?
You've {verben} the {thing}, haven't you?
Could you tell me the way to {place}?
Do you prefer {drink} or {drink}?
Would you rather go to {country} or to {country}?
Do you want {drink}, {drink}, or {drink}?
Is this your first time in {country}?
What would you do if you lost your {thing}?
How old is {my} {family}?
How often do you go {sport}?
What does this word mean in {language}?
Can I help you with that {thing}?
May I {verb} the {thing}, or is it too {adj}?
Should we wait for {name}, or start without {them}?
Where in the world is {name}?
Since when do you like {food}?
What on earth are they {doing}?
So what did {name} say?
And then what happened?
Really, {name}, do we have to {do}?
"""

COMMANDS = """
Please {verb} the {colour} {thing}.
Don't {do} {how}.
Don't {verb} {my} {thing}, {name}.
Let's {do} {time}.
Let's go to {place} and {do}.
Come to {place} on {day}, please.
Give {them} the {thing} and {do}.
Bring {number} bottles of {drink} to {place}.
Put the {thing} under the {adj} {thing}.
Tell {name} that we're {doing}.
Never {do} when it's {weather}!
Be {adj}, be {adj}, and {do}!
Look at that {adj} {thing}!
Wait for {my} {family} at {place}.
Try the {food} with a little {food}.
Turn left at {place}, then go straight to {place}.
What a {adj} {thing} {name} {verbed}!
Take your {clothes} with you, it may get {weather}.
Open the window, please, it's {weather} in here.
Listen to {my} {family} for once!
Stop {doing}, and {do}!
Hurry up, or we'll miss the train to {city}!
Mix the {food} with the {food}, then add some {food}.
Press the {colour} button, wait {few} seconds, and try again.
Send {them} a message before {time2}.
Don't worry, it's only a {adj} {animal}.
Don't be so {feeling}!
Have some {food}, and a cup of {drink}.
Hold on to your {thing}, it's {weather} out there!
Mind your {body}!
Watch out for the {animal}!
How {adj2} that is!
What {adj2} {food}!
What a {weather} day!
"""
