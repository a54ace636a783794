"""Templates of what people say to one another: quoted speech, talk of several sentences, lists."""

SAID = """
"Come {here}," {heshe} said.
"{hello}, {name}," said the {job}.
"Where is {my} {thing}?" {heshe} asked.
"Who {verbed} my {thing}?" asked {my} {family}.
"I'm {feeling}," {name} said, "but I'll {do} {time}."
"Stop!" {heshe} shouted. "That {thing} is mine!"
"Don't {do}," {my} {family} told {them}.
"Yes," {heshe} answered, "I've {verben} it."
"No," said {name}, "I have never been to {city}."
"Is it {weather} in {city}?" {name} wanted to know.
"What a {adj} {thing}!" {name} cried.
"Let's go to {place}," {heshe} whispered, "before {time2}."
"If you ask me," said {my} {family}, "it's too {adj}."
"I can't find the {thing}," {name} said quietly.
"Help!" cried the {job}. "There's a {animal} in {place}!"
"Perhaps," {heshe} said. "Perhaps not."
"Thank you," {heshe} replied, and took the {thing}.
"It's {few} o'clock," said {name}, "and nobody is here."
"You're late again," the {job} said to {my} {family}.
"Really?" {heshe} laughed. "I thought it was {name}."
{name} said, "The {thing} is in {place}."
{name} asked, "Have you {verben} the {adj} {thing}?"
{heshe} looked up and asked, "Are you {feeling}?"
The {job} smiled and said, "Take the {colour} one."
{my} {family} always says, "A {adj} {thing} is half the work."
The sign said, "Do not feed the {animal}."
The {job} called out, "Who wants some {food}?"
{heshe} thought, "I should {do} {time}."
They shouted, "Happy birthday, {name}!"
"Good night," {heshe} said, and closed the door.
"How much is this {thing}?" asked the woman at {place}.
"I love {country}," said {name}, "especially in the spring."
"Nobody," {heshe} repeated, "leaves {place} before {time2}."
"Well," {name} began, "it was a {weather} day in {month}."
"Oh no," said {name}, "I've forgotten the {food}!"
"Never mind," {my} {family} said. "We'll {do} instead."
"The word {adj} has nothing to do with it," {heshe} said.
"I wonder," said {name}, "whether the {animal} is {feeling}."
"""

TALK = """
{hello}, {name}. How are you {day2}?
{hello}! My name is {name}, and this is {my} {family}.
I'm fine, thanks. And you?
Nice to meet you, {name}. Where are you from?
I'm from {city}, but I live in {country} now.
Excuse me, is this seat free?
Excuse me, could you tell me where {place} is?
Sorry, I didn't hear that. Could you say it again?
Sorry I'm late. The train from {city} didn't come.
Thanks for the {food}. It was {adj2}!
No problem, {name}. See you on {day}.
See you {time}, {name}!
Good morning, everyone. Please sit down.
Good evening, ladies and gentlemen. Welcome to {city}.
Welcome back, {name}! How was {country}?
Congratulations, {name}! That's {adj2} news.
Happy birthday, {name}! I hope you like the {thing}.
Of course, {name}. I'd love to {do}.
Yes, please. With {food}, if you have any.
No, thank you. I'm not {feeling}.
Oh, that's {adj2}! When did it happen?
Wow! Did you {verb} that {thing} yourself?
Wait a minute. Isn't that {my} {family}?
Come on, {name}! We can {do} later.
Be careful! The {thing} is {adj2}.
You're right. I should have {verben} the {thing}.
You're wrong. It was {name}, not {name}.
I don't think so. Ask {my} {family}.
I think so too, but I'm not sure.
That depends. Will it be {weather}?
Why not? It isn't {weather}.
What's the matter? You look {feeling}.
What's wrong with the {thing}? It was {adj} yesterday.
Are you sure? I thought it was {name}.
Did you sleep well? You look {feeling}.
Any questions? No? Then let's {do}.
Ready? One, two, three, go!
Look! A {animal}! Over there, behind {place}.
Listen, {name}. I have to tell you something.
Guess what! {name} is going to {country}.
First we {do}, then we {do}, and after that we go home.
Let me think. Was it {day}, or {day}?
I'm so sorry. Are you {feeling}?
It's all right. Nobody saw it.
Take care, {name}, and give my love to {my} {family}.
Goodbye, {name}! Have a {adj2} trip to {country}.
Please hold the line. The {job} will be with you soon.
You have {few} new messages. The first is from {name}.
Turn the {thing} off, would you? I'm {doing}.
Not now, {name}. I'm {doing}.
Yes, I know. {name} told me {past}.
No, it isn't. It's {adj2}!
Well, what do you think? Should we {verb} it?
Ah, there you are! We've been {doing} all day.
Oh dear. I've lost my {thing} again.
Hey, {name}, where's the {thing}?
Hm, let me see. Maybe {time}.
Oops, I dropped the {thing}. Sorry!
Ouch! That hurt my {body}.
Okay, {name}, let's {do}.
Right, everybody, it's time to {do}.
To be, or not to be: who asked that?
One more thing: don't {verb} the {thing}.
There are two kinds of people: those who {do}, and those who don't.
Remember: the {place2} closes at {few}.
The answer is simple: {name} {verbed} it.
It was {adj}, it was {adj}, and it was mine.
I came, I saw, and I went home.
My {thing}... where did I put my {thing}?
I'd like to, but... well, I'm {feeling}.
The {thing} - the {colour} one - belongs to {name}.
{name} - you know, {my} {family} - is {feeling}.
Today's weather: {weather} in the morning, {weather} in the evening.
Attention, please. The train to {city} is late.
"""

LISTS = """
{food}, {food}, and {food}.
{name}, {name}, {name}, and {name}.
We need {food}, {food}, {food}, and a bottle of {drink}.
I bought a {thing}, a {thing}, and a {adj} {thing}.
The flag is {colour}, {colour}, and {colour}.
{name}, {name}, and {name} went to {place}.
She speaks {language}, {language}, and {language}.
He has lived in {city}, in {city}, in {city}, and in {city}.
On the farm there were {few} horses, a {animal}, a {animal}, and a {adj} {animal}.
It was {adj}, {adj}, and {adj}.
You can choose between {food}, {food}, {food}, or {food}.
Every {day}, {day}, and {day} we go {sport}.
The shop sells {drink}, {food}, {food}, and {food}.
Bring your {clothes}, your {clothes}, your {thing}, and something to eat.
I like {sport}, {sport}, and {sport}; {name} likes {food}.
{colour}, {colour}, {colour}, {colour}: which one is yours?
Breakfast, lunch, dinner: {heshe} eats {food} all day.
North, south, east, and west, there was nothing but snow.
{heshe} opened the door, saw the {animal}, screamed, and ran away.
{country}, {country}, and {country} sent their best players.
In my bag I have a {thing}, a {thing}, two pencils, and some {food}.
Wash the {food}, cut the {food}, add the {food}, and cook it for {number} minutes.
Neither the {job}, nor the {job}, nor {my} {family} could help.
My {body}, my {body}, and my {body} hurt.
We sing, we dance, we laugh, and then we sleep.
{few} {colour} birds, {few} {colour} birds, and one {colour} bird.
{month}, {month}, and {month} are the best months in {country}.
"""
