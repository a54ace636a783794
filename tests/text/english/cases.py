"""Texts and how a person reads them, by kind. A case is "as written ─► as spoken"; ⏎ is a line break."""

CASES = """
= Words stay words
There's 3. ─► There's three.
Where's 3? ─► Where's three?
Nowhere's 8. ─► Nowhere's eight.
Who's 5? It's 7. ─► Who's five? It's seven.
The 3 of us waited here. ─► The three of us waited here.

= Ranges
We waited 2-3 hours. ─► We waited two to three hours.
Back in 2-3 days. ─► Back in two to three days.
pages 100-105 here ─► pages one hundred to one hundred five here
In 1990-1995 he lived there. ─► In nineteen ninety to nineteen ninety five he lived there.
10-11 a.m. ─► ten to eleven A M.
50%-60% ─► fifty to sixty percent
$5-10 ─► five to ten dollars
5–10 minutes ─► five to ten minutes
5 — 10 minutes ─► five to ten minutes
20-25% of it ─► twenty to twenty five percent of it
20%–25% of it ─► twenty to twenty five percent of it
$5-$10 each ─► five to ten dollars each
$5 to $10 each ─► five to ten dollars each
€10–20 ─► ten to twenty euros
£1.5-2 million ─► one point five to two million pounds
1.5-2.5 meters ─► one point five to two point five meters
3-4 km away ─► three to four kilometers away
5kg-10kg of rice ─► five to ten kilograms of rice
9 a.m.-5 p.m. daily ─► nine A M to five P M daily
9:00-17:30 ─► nine o'clock to seventeen thirty
10:30-11:45 ─► ten thirty to eleven forty five
open 9-5 ─► open nine to five
9-5pm ─► nine to five P M
the 18th-19th century ─► the eighteenth to nineteenth century
ages 6-12 ─► ages six to twelve
lines 10 - 20 ─► lines ten to twenty
1,000-1,500 people ─► one thousand to one thousand five hundred people
500-1000 words ─► five hundred to one thousand words
the 1914-18 war ─► the nineteen fourteen to eighteen war
2019-2023 ─► twenty nineteen to twenty twenty three
10~20 people ─► ten to twenty people
June 3-5 ─► June third to fifth
-5 to 10 degrees ─► minus five to ten degrees

= Years
In 1984 it rained. ─► In nineteen eighty four it rained.
since 2004 ─► since two thousand four
in 2000 ─► in two thousand
by 2010 ─► by twenty ten
in 1900 ─► in nineteen hundred
in 1905 ─► in nineteen oh five
in 1066 ─► in ten sixty six
the 1990s ─► the nineteen nineties
the '90s ─► the nineties
the ’60s ─► the sixties
in her 30s ─► in her thirties
the 1800s ─► the eighteen hundreds
the 2000s ─► the two thousands
the 1920's ─► the nineteen twenties
the class of '99 ─► the class of ninety nine
summer of '05 ─► summer of oh five
1234 people ─► one thousand two hundred thirty four people
2500 people ─► two thousand five hundred people
44 BC ─► forty four B C
AD 79 ─► A D seventy nine
the 2023/24 season ─► the twenty twenty three twenty four season
the 80s-90s ─► the eighties to nineties
(1879) ─► (eighteen seventy nine)
(1879-1955) ─► (eighteen seventy nine to nineteen fifty five)

= Thousands
1,234 people ─► one thousand two hundred thirty four people
1,050 ─► one thousand fifty
1,001 nights ─► one thousand one nights
1,999 ─► one thousand nine hundred ninety nine
1,100 ─► one thousand one hundred
12,345,678 ─► twelve million three hundred forty five thousand six hundred seventy eight
10000 ─► ten thousand
100,000 ─► one hundred thousand
10 000 people ─► ten thousand people
1 234 567 ─► one million two hundred thirty four thousand five hundred sixty seven
1.234.567 ─► one million two hundred thirty four thousand five hundred sixty seven
1,234.5 ─► one thousand two hundred thirty four point five
0 ─► zero
101 dalmatians ─► one hundred one dalmatians
1, 2, 3 ─► one, two, three
1,2,3 ─► one, two, three

= Money
$1,234.56 ─► one thousand two hundred thirty four dollars and fifty six cents
€75.50 ─► seventy five euros and fifty cents
£1.50 ─► one pound and fifty pence
$0.99 ─► ninety nine cents
$20/month ─► twenty dollars per month
50¢ ─► fifty cents
₹100 ─► one hundred rupees
$1 ─► one dollar
$1.01 ─► one dollar and one cent
$3.00 ─► three dollars
$.50 ─► fifty cents
£0.01 ─► one penny
£2m ─► two million pounds
$1.5 million ─► one point five million dollars
$3bn ─► three billion dollars
$10k ─► ten thousand dollars
$1.2B in sales ─► one point two billion dollars in sales
€5 mn ─► five million euros
¥500 ─► five hundred yen
100 € ─► one hundred euros
100€ ─► one hundred euros
5 USD ─► five U S dollars
EUR 50 ─► fifty euros
US$40 ─► forty U S dollars
A$5 ─► five Australian dollars
-$5 ─► minus five dollars
a $5 bill ─► a five dollar bill
a $100-million deal ─► a one hundred million dollar deal
$3/kg ─► three dollars per kilogram
$12/hr ─► twelve dollars per hour
$0.12/kWh ─► twelve cents per kilowatt hour
₽300 ─► three hundred rubles
₩1,000 ─► one thousand won
20p each ─► twenty pence each
It cost $5. Then ─► It cost five dollars. Then
$5, $6 and $7. ─► five dollars, six dollars and seven dollars.
CHF 20 ─► twenty Swiss francs
$1-2 billion ─► one to two billion dollars
99 cents ─► ninety nine cents
$1m ─► one million dollars

= Units and rates
60 W ─► sixty watts
a 60 W bulb ─► a sixty watt bulb
60W ─► sixty watts
km/h ─► kilometers per hour
120 km/h ─► one hundred twenty kilometers per hour
1 km/h ─► one kilometer per hour
m/s ─► meters per second
9.8 m/s² ─► nine point eight meters per second squared
kWh ─► kilowatt hours
350 kWh ─► three hundred fifty kilowatt hours
1 kg ─► one kilogram
2.5kg ─► two point five kilograms
5 ft ─► five feet
8'x10' ─► eight by ten feet
The room is 8' × 10'. ─► The room is eight by ten feet.
a 12’ by 8’ rug ─► a twelve by eight feet rug
8' x 10' x 12' ─► eight by ten by twelve feet
4"x6" ─► four by six inches
2" x 4" x 8" ─► two by four by eight inches
¢5 ─► five cents
It costs ¢ 99 each. ─► It costs ninety nine cents each.
¢1 ─► one cent
Two 747s landed. ─► Two seven forty sevens landed.
Boeing 737s and Airbus 320s ─► Boeing seven thirty sevens and Airbus three twenties
Porsche 911s ─► Porsche nine elevens
in the 500s ─► in the five hundreds
the late 800s ─► the late eight hundreds
Run it with --flags. ─► Run it with dash dash flags.
Try --dry-run, then -v. ─► Try dash dash dry-run, then dash v.
Use `--verbose`. ─► Use dash dash verbose.
a -- b ─► a -- b
He left--or so they say. ─► He left--or so they say.
5'10" tall ─► five feet ten inches tall
6'2 ─► six feet two inches
5′ 10″ ─► five feet ten inches
5 lbs ─► five pounds
5 lbs. of ─► five pounds of
8 oz ─► eight ounces
20°C ─► twenty degrees Celsius
-5 °C ─► minus five degrees Celsius
1°F ─► one degree Fahrenheit
68℉ ─► sixty eight degrees Fahrenheit
90° ─► ninety degrees
300 K ─► three hundred kelvin
45° N ─► forty five degrees north
40°26′46″N ─► forty degrees twenty six minutes forty six seconds north
3 m² ─► three square meters
3 m^2 ─► three square meters
10 cm³ ─► ten cubic centimeters
500 sq ft ─► five hundred square feet
16 GB ─► sixteen gigabytes
100 Mbps ─► one hundred megabits per second
100 MB/s ─► one hundred megabytes per second
2.4 GHz ─► two point four gigahertz
60 fps ─► sixty frames per second
3000 rpm ─► three thousand revolutions per minute
65 mph ─► sixty five miles per hour
30 mpg ─► thirty miles per gallon
5 mg/dL ─► five milligrams per deciliter
50 μg ─► fifty micrograms
50 µm ─► fifty micrometers
10 ms ─► ten milliseconds
5 min ─► five minutes
2 hrs ─► two hours
1 hr ─► one hour
5 dB ─► five decibels
220 V ─► two hundred twenty volts
4.7 kΩ ─► four point seven kiloohms
3,000 mAh ─► three thousand milliamp hours
1 in 5 people ─► one in five people
5% ─► five percent
0.5 % ─► zero point five percent
5‰ ─► five per mille
a 10-km run ─► a ten kilometer run
a 5 km run ─► a five kilometer run
2 L of milk ─► two liters of milk
5 t ─► five t
60 beats/min ─► sixty beats per minute
10 m ─► ten meters
a 13" screen ─► a thirteen inch screen
10 mm ─► ten millimeters
7 psi ─► seven pounds per square inch

= Numbers with a letter of size
10k ─► ten thousand
1.6M ─► one point six million
10K followers ─► ten thousand followers
5M views ─► five million views
2.5B ─► two point five billion
a 4K screen ─► a four K screen
100k+ ─► one hundred thousand plus
5-10k ─► five to ten thousand

= Fractions
1/2 ─► one half
3/4 cup ─► three quarters cup
2½ ─► two and a half
1 1/2 hours ─► one and a half hours
½ ─► one half
¾ of it ─► three quarters of it
2/3 ─► two thirds
5/8 ─► five eighths
1/100 ─► one hundredth
3/4 time ─► three four time
rated 8/10 ─► rated eight out of ten
a 50/50 split ─► a fifty fifty split
1 3/4 ─► one and three quarters
17/23 ─► seventeen over twenty three
3/2 ─► three halves

= Ordinals
1st ─► first
the 2nd ─► the second
the 21st century ─► the twenty first century
100th ─► one hundredth
the 1,000th ─► the one thousandth
3rd and 4th ─► third and fourth
42nd Street ─► forty second Street
11th, 12th, 13th ─► eleventh, twelfth, thirteenth

= Decimals
3.14 ─► three point one four
0.5 ─► zero point five
.5 ─► point five
-0.25 ─► minus zero point two five
10.05 ─► ten point zero five
It is 3.5. Then ─► It is three point five. Then

= Roman numerals
Louis XIV ─► Louis the fourteenth
Henry VIII ─► Henry the eighth
Chapter XIV ─► Chapter fourteen
chapter xiv of Chapter IV ─► chapter xiv of Chapter four
World War II ─► World War two
World War I ended. ─► World War one ended.
Elizabeth II's reign ─► Elizabeth the second's reign
Pope John Paul II ─► Pope John Paul the second
Henry V ─► Henry the fifth
Charles X of France ─► Charles the tenth of France
Charles I of England ─► Charles the first of England
King George III ─► King George the third
King George VI. He ─► King George the sixth. He
Super Bowl XLVIII ─► Super Bowl forty eight
Act III, Scene II ─► Act three, Scene two
Part I ─► Part one
Volume IX ─► Volume nine
Rocky IV ─► Rocky four
Final Fantasy VII ─► Final Fantasy seven
Type II diabetes ─► Type two diabetes
the XIX century ─► the nineteenth century
the XVIIIth century ─► the eighteenth century
Chapters I know ─► Chapters I know
I think Charles and I won. ─► I think Charles and I won.
vitamin C, plan B ─► vitamin C, plan B
Malcolm X ─► Malcolm X
John V. Smith ─► John V Smith
Robert E. Lee III ─► Robert E Lee the third
the part I like ─► the part I like
Model X ─► Model X
a CD and an MD ─► a CD and an MD
DC and LA ─► DC and LA
Section IV-VI ─► Section four to six

= Times
10:30 ─► ten thirty
10:05 ─► ten oh five
10:00 ─► ten o'clock
10:00 a.m. ─► ten A M.
at 5 pm ─► at five P M
at 5PM sharp ─► at five P M sharp
5:30pm ─► five thirty P M
5 p.m., then ─► five P M, then
5 p.m. Then we left. ─► five P M. Then we left.
at 5 p.m. Monday ─► at five P M Monday
at 5 p.m. EST ─► at five P M EST
14:00 ─► fourteen hundred
00:30 ─► zero thirty
07:45 ─► seven forty five
10:30:15 ─► ten thirty and fifteen seconds
10.30am ─► ten thirty A M
7 o'clock ─► seven o'clock
12:00 noon ─► twelve o'clock noon
UTC+2 ─► U T C plus two
3:1 ─► three to one
16:9 ─► sixteen to nine
John 3:16 ─► John three sixteen
The p.m. slot ─► The P M slot

= Dates
July 4, 1776 ─► July fourth, seventeen seventy six
July 4th ─► July fourth
on 4 July 1776 ─► on the fourth of July seventeen seventy six
the 4th of July ─► the fourth of July
Jan. 5 ─► January fifth
Sept. 11, 2001 ─► September eleventh, two thousand one
2024-01-15 ─► January fifteenth, twenty twenty four
01/15/2024 ─► January fifteenth, twenty twenty four
15/01/2024 ─► January fifteenth, twenty twenty four
15.01.2024 ─► January fifteenth, twenty twenty four
12/25/99 ─► December twenty fifth, ninety nine
May 2024 ─► May twenty twenty four
In Sept. we left. ─► In September we left.
We met in Sept. The sun shone. ─► We met in September. The sun shone.
Mon., Jan. 3 ─► Monday, January third
You may 5 times. ─► You may five times.
3-May-2020 ─► May third, twenty twenty
2024-01-15T10:30 ─► January fifteenth, twenty twenty four, ten thirty

= Telephones and cards
0800 123 456 ─► zero eight zero zero, one two three, four five six
call 911 ─► call nine one one
Dial 112! ─► Dial one one two!
+1 555 123 4567 ─► plus one, five five five, one two three, four five six seven
+44 20 7946 0958 ─► plus four four, two zero, seven nine four six, zero nine five eight
(555) 123-4567 ─► five five five, one two three, four five six seven
555-123-4567 ─► five five five, one two three, four five six seven
555.123.4567 ─► five five five, one two three, four five six seven
555-1234 ─► five five five, one two three four
1-800-555-0199 ─► one, eight zero zero, five five five, zero one nine nine
4111 1111 1111 1111 ─► four one one one, one one one one, one one one one, one one one one
123-45-6789 ─► one two three, four five, six seven eight nine
0301234567 ─► zero three zero one two three four five six seven
My PIN is 1234. ─► My PIN is one two three four.
ISBN 978-3-16-148410-0 ─► I S B N nine seven eight, three, one six, one four eight four one zero, zero
call 300 people ─► call three hundred people
extension 204 ─► extension two zero four

= Pairs that are no fractions
open 24/7 ─► open twenty four seven
since 9/11 ─► since nine eleven
We won 3-2. ─► We won three to two.
a 4-3-3 formation ─► a four three three formation

= Chemistry
CO2 ─► C O two
CO₂ ─► C O two
H2O ─► H two O
NO2 and SO2 ─► N O two and S O two
H₂SO₄ ─► H two S O four
C6H12O6 ─► C six H twelve O six
NaCl ─► N A C L
CH4, NH3, O3 ─► C H four, N H three, O three
Ca2+ ─► C A two plus
Fe2O3 ─► F E two O three

= Codes and versions
the A1 road ─► the A one road
an i5 chip ─► an i five chip
v2 ─► version two
v2.0.1 ─► version two point zero point one
Version 1.2.3 ─► Version one point two point three
U2 ─► U two
k8s ─► K eight S
MP3 ─► M P three
F-16 ─► F sixteen
COVID-19 ─► COVID nineteen
GPT-4 ─► GPT four
GPT-5-nano ─► GPT five nano
A380 ─► A three eighty
Boeing 747 ─► Boeing seven forty seven
RTX 4090 ─► RTX forty ninety
3D ─► three D
5G ─► five G
x86 ─► X eighty six
1080p ─► ten eighty P
B2B ─► B two B
Python 3.11 ─► Python three point one one
2.0.1 ─► two point zero point one
WW2 ─► World War two
10x faster ─► ten times faster
1920x1080 ─► nineteen twenty by ten eighty
4x4 ─► four by four
7-Eleven ─► seven Eleven
a 10-year-old ─► a ten year-old

= No. and its kin
No. 5 ─► number five
no. 12 ─► number twelve
Nos. 3 and 4 ─► numbers three and four
Blinked? No. Smiled? ─► Blinked? No. Smiled?
No. We won't. ─► No. We won't.
#5 ─► number five
№ 7 ─► number seven
p. 5, pp. 10-12 ─► page five, pages ten to twelve
Fig. 3 ─► Figure three
Vol. 2, Ch. 7 ─► Volume two, Chapter seven
Op. 27 No. 2 ─► Opus twenty seven number two

= Abbreviations
Dr. Smith met Mr. Jones. ─► doctor Smith met mister Jones.
Mrs Jones and Prof. Lee ─► missus Jones and professor Lee
a Ph.D. in ─► a P H D in
She has a Ph.D. Then she left. ─► She has a P H D. Then she left.
on Main St. is ─► on Main Street is
on Main St. The shop ─► on Main Street. The shop
St. Paul ─► saint Paul
5th Ave. is ─► fifth Avenue is
Elm Dr. and ─► Elm Drive and
Ltd. vs. Ltd. ─► Limited versus Limited.
Acme Inc. is here. ─► Acme Incorporated is here.
Acme Co. Then we left. ─► Acme Company. Then we left.
e.g. this ─► for example this
i.e. that ─► that is that
cats, etc. and dogs, etc. The end ─► cats, et cetera and dogs, et cetera. The end
apples vs. pears ─► apples versus pears
the U.S. Army is in the U.S. The army ─► the U S Army is in the U S. The army
J. R. Tolkien ─► J R Tolkien
J.R.R. Tolkien ─► J R R Tolkien
so am I. The end ─► so am I. The end
Martin Luther King Jr. was ─► Martin Luther King Junior was
Mt. Everest ─► mount Everest
a.k.a. Bob ─► also known as Bob
w/o sugar ─► without sugar
Smith et al. found ─► Smith et al found
in Washington, D.C. It rained. ─► in Washington, D C. It rained.
the dept. is ─► the department is
approx. 5 ─► approximately five
R&D ─► R and D
AT&T ─► A T and T
Gov. Brown ─► governor Brown
The U.K.'s ─► The U K's
Max. He ─► Max. He
Plan B. Then ─► Plan B. Then
Lt. Col. Smith ─► lieutenant colonel Smith
etc. ─► et cetera.

= Addresses
https://www.example.com/docs/start.html ─► example dot com slash docs slash start dot H T M L
example.com/a?lang=en&x=1 ─► example dot com slash A question mark lang equals E N and X equals one
Visit www.example.net. ─► Visit W W W dot example dot net.
See example.com, or ─► See example dot com, or
(see https://a-b.org/x_y) ─► (see A dash B dot org slash X underscore Y)
Is it example.com? ─► Is it example dot com?
someone7@example.org ─► someone seven at example dot org
first.last+tag@mail.example.co.uk ─► first dot last plus tag at mail dot example dot C O dot U K
192.168.1.1 ─► one nine two dot one six eight dot one dot one
report.pdf ─► report dot P D F
main.py ─► main dot P Y
/usr/local/bin ─► slash usr slash local slash bin
@anna_b ─► at anna b
#MeToo ─► hashtag Me Too
#hashtag ─► hashtag hashtag
Node.js ─► Node dot J S
.NET ─► dot NET
C# ─► C sharp
C++ ─► C plus plus
http://localhost:8080/ ─► localhost colon eight zero eight zero

= Markdown
# Heading ─► Heading.
## Two ##⏎Text ─► Two.⏎Text
### ─►
=== ─►
Title⏎===⏎Text ─► Title⏎⏎Text
--- ─►
* * * ─►
==x== ─► x
**bold** and *it* ─► bold and it
__bold__ and _it_ ─► bold and it
***both both
**bold *and it* too** ─► bold and it too
~~gone~~ ─► gone
`code` ─► code
- one⏎- two ─► one.⏎two.
* one⏎* two ─► one.⏎two.
1. one⏎2. two ─► one, one.⏎two, two.
- [x] done ─► done.
> quoted ─► quoted
[a](https://b.c/d) ─► a
![a cat](cat.png) ─► a cat
[a][1] ─► a
It is so [1]. ─► It is so.
It is so.[12] ─► It is so.
as shown[^2] ─► as shown
| a | b |⏎|---|---|⏎| c | d | ─► a, b.⏎⏎c, d.
```⏎x⏎``` ─► x
snake_case ─► snake case
<https://a.bc.de/f> ─► A dot B C dot D E slash F
He came⏎- so they say - late. ─► He came⏎- so they say - late.

= HTML and SSML
a &amp; b ─► a and b
x &lt; 5 ─► x less than five
5&nbsp;km ─► five kilometers
caf&eacute; ─► café
a<br/>b ─► a,⏎b
<p>One</p><p>Two</p> ─► One.⏎⏎Two.
<b>bold</b> text ─► bold text
<a href="x">link</a> ─► link
<!-- no -->yes ─► yes
<script>var x = 1;</script>yes ─► yes
<h1>Title</h1>Text ─► Title.⏎Text
<speak>Hi <emphasis level="strong">you</emphasis></speak> ─► Hi you
<sub alias="World Wide Web">WWW</sub> ─► World Wide Web
<say-as interpret-as="characters">ABC</say-as> ─► A B C
a <break time="1s"/> b ─► a b

= Broken lines
the trans-⏎port were re-⏎duced ─► the transport were reduced
a well-⏎known man ─► a well-known man
hel\u00adlo ─► hello
trans\u00ad⏎port ─► transport

= Interjections
Hmm! ─► Hm!
hmmmm ─► hm
Shhh! Quiet. ─► Sh! Quiet.
psst ─► psst
pssst! ─► psst!
brrr ─► brr
Brrrrr, cold ─► Brr, cold
grrrr ─► grr
Mmm, good ─► Mm, good
mhmm ─► mhm
mm-hmm ─► mhm
aaah ─► ah
Ohhh no ─► Oh no
ugh ─► ugh
Zzzz ─► Zzz
pffft ─► pfft
sooo good ─► so good
Nooo! ─► No!
coool ─► cool
loooong ─► long
sweeet ─► sweet
yesss ─► yes
tooo ─► too
uhhh ─► uh
tsk-tsk ─► tsk

= Signs and mathematics
5 ≠ 7 ─► five does not equal seven
5 ≤ 7 ─► five less than or equal to seven
7 >= 5 ─► seven greater than or equal to five
±2 ─► plus or minus two
x < 5 ─► x less than five
x > 5 ─► x greater than five
≈10 ─► about ten
~5 minutes ─► about five minutes
√16 ─► square root of sixteen
y != 6 ─► y does not equal six
y == 6 ─► y equals six
2 + 3 = 5 ─► two plus three equals five
2+3=5 ─► two plus three equals five
5 - 3 = 2 ─► five minus three equals two
5-3=2 ─► five minus three equals two
3 × 4 ─► three times four
3 * 4 ─► three times four
12 ÷ 4 ─► twelve divided by four
10² ─► ten squared
2³ ─► two cubed
10⁶ ─► ten to the sixth
10^-3 ─► ten to the minus three
x² + y² ─► x squared plus y squared
E=mc² ─► E equals m c squared
theory¹ is ─► theory is
2^10 ─► two to the tenth
-5 ─► minus five
A → B ─► A to B
∞ ─► infinity
π ≈ 3.14 ─► pi about three point one four
α and Ω ─► alpha and omega
§ 5 ─► section five
© 2024 ─► copyright twenty twenty four
Windows® ─► Windows
F♯ minor ─► F sharp minor
B♭ ─► B flat
Hi 🙂! ─► Hi!
I ❤️ it :) ─► I it
★★★ ─►
a/b = c ─► a over b equals c
and/or ─► and or
5 & 6 ─► five and six

= More of each kind
from 3-5 p.m. on May 3-5 ─► from three to five P M on May third to fifth
2-3x faster ─► two to three times faster
10-15°C ─► ten to fifteen degrees Celsius
10°–15°C ─► ten to fifteen degrees Celsius
$10-$15k ─► ten to fifteen thousand dollars
£10k-£20k ─► ten thousand to twenty thousand pounds
a 2-for-1 deal ─► a two for one deal
20-20 vision ─► twenty twenty vision
Mon-Fri ─► Monday to Friday
9:30 a.m.–5:45 p.m. ─► nine thirty A M to five forty five P M.
the 1960s-70s ─► the nineteen sixties to seventies
1.5e-3 ─► one point five times ten to the minus three
Rs 1,00,000 ─► one hundred thousand rupees
Rs. 500 ─► five hundred rupees
25¢/min ─► twenty five cents per minute
two $5 bills ─► two five dollar bills
$5's worth ─► five dollars worth
2.1 A ─► two point one amps
12" x 8" ─► twelve by eight inches
8.5 x 11 in. paper ─► eight point five by eleven inches paper
5 ft 10 in tall ─► five feet ten inches tall
1/2 tsp ─► one half teaspoon
1 1/2 tsp ─► one and a half teaspoons
512 KB ─► five hundred twelve kilobytes
90 sec. of it ─► ninety seconds of it
10 kWh/100 km ─► ten kilowatt hours per one hundred kilometers
in 30s ─► in thirties
it took 10s ─► it took ten seconds
CHAPTER XIV ─► CHAPTER fourteen
WWII ─► World War two
Type I error ─► Type one error
the XXth century ─► the twentieth century
1 Mar. 2020 ─► the first of March twenty twenty
07/04 ─► July fourth
Sat. and Sun. are ─► Saturday and Sunday are
The Sun. It is hot. ─► The Sun. It is hot.
Tel: 030 1234567 ─► Tel: zero three zero, one two three four five six seven
Call 999 or 112 now. ─► Call nine nine nine or one one two now.
PM2.5 ─► P M two point five
Ca²⁺ ─► C A two plus
H.264 ─► H two sixty four
GPT-4o ─► GPT four O
R2-D2 ─► R two D two
No. I won't. ─► No. I won't.
The answer is no. 5 people left. ─► The answer is no. five people left.
two Ph.D.s ─► two P H D's
on John's St., and ─► on John's Street, and
Mr. and Mrs. Smith ─► mister and missus Smith
src/main.c ─► S R C slash main dot C
#100DaysOfCode ─► hashtag one hundred Days Of Code
24/7/365 ─► twenty four seven three hundred sixty five
(030) 123456 ─► zero three zero, one two three four five six
X^2-Y^2=0 ─► X squared minus Y squared equals zero
<Anna> hi ─► Anna hi
V4.4 ─► version four point four
Smith & Sons Ltd. is ─► Smith and Sons Limited is
9 to 5 ─► nine to five
1,999.99 ─► one thousand nine hundred ninety nine point nine nine
$1,999 ─► one thousand nine hundred ninety nine dollars
120/80 mmHg ─► one hundred twenty over eighty millimeters of mercury
3 mmol/L ─► three millimoles per liter
25 Mbit/s ─► twenty five megabits per second
37.5 ℃ ─► thirty seven point five degrees Celsius
30 kr ─► thirty kronor
₿0.5 ─► zero point five bitcoins
the 5th of November, 1605 ─► the fifth of November, sixteen oh five
3.5.2020 ─► May third, twenty twenty
Q3 2024 ─► Q three twenty twenty four
FY2023 ─► F Y twenty twenty three
00 44 20 7946 0958 ─► zero zero, four four, two zero, seven nine four six, zero nine five eight
3782 822463 10005 ─► three seven eight two, eight two two four six three, one zero zero zero five
SSN 078-05-1120 ─► SSN zero seven eight, zero five, one one two zero
U-235 ─► U two thirty five
iOS 17.2 ─► iOS seventeen point two
v1.2.3-rc1 ─► version one point two point three R C one
cf. p. 3 ─► compare page three
ca. 1850 ─► circa eighteen fifty
Washington D.C. is ─► Washington D C is
10.0.0.1:8080 ─► one zero dot zero dot zero dot one colon eight zero eight zero
C:\\Users\\anna ─► C colon backslash Users backslash anna
index.html, ~/.bashrc ─► index dot H T M L, tilde slash dot bashrc
12 ÷ 4 = 3 ─► twelve divided by four equals three
a ≡ b ─► a is equivalent to b
x ∈ A ─► x in A
€1 000 000 ─► one million euros

= Still more of each kind
Born 1950 - died 2020. ─► Born nineteen fifty - died twenty twenty.
~1990 ─► about nineteen ninety
about ~3 ─► about three
F=ma ─► F equals m a
y=2x+1 ─► y equals two X plus one
365/24 ─► three hundred sixty five over twenty four
1-800-FLOWERS ─► one, eight hundred, FLOWERS
401(k) plan ─► four oh one K plan
a 5* hotel ─► a five star hotel
12/31 ─► December thirty first
on 3/4 we met ─► on March fourth we met
Jan–Mar 2020 ─► January to March twenty twenty
10 am-noon ─► ten A M to noon
7:30p ─► seven thirty P M
3/4ths ─► three quarters
a 24-h day ─► a twenty four hour day
a 100-m race ─► a one hundred meter race
7" ─► seven inches
"I am 7" she said. ─► "I am seven" she said.
24×7 ─► twenty four seven
<$5 ─► less than five dollars
<5% ─► less than five percent
>= 3 ─► greater than or equal to three
tea · milk · sugar ─► tea, milk, sugar
Elizabeth I was queen. ─► Elizabeth the first was queen.
Charles I. ─► Charles the first.
ft/s ─► feet per second
(the note¹) ─► (the note)
H1N1 and B12 ─► H one N one and B twelve
3-D glasses ─► three D glasses
9-1-1 ─► nine one one
0x1F ─► zero X one F
ABC123 ─► A B C one twenty three
18+ ─► eighteen plus
1:1,000 ─► one to one thousand
50%+ ─► fifty percent plus
5@$2 ─► five at two dollars
β-carotene ─► beta-carotene
α=0.05 ─► alpha equals zero point zero five
5 N·m ─► five newton meters
55 mi/h ─► fifty five miles per hour
€0.50 ─► fifty cents
20 €/month ─► twenty euros per month
$15/person ─► fifteen dollars per person
3²=9 ─► three squared equals nine
self-⏎made ─► self-made
Monday, 4 March 2024 ─► Monday, the fourth of March twenty twenty four
March 4-6, 2024 ─► March fourth to sixth, twenty twenty four
4–6 March 2024 ─► the fourth to sixth of March twenty twenty four
18:45 ─► eighteen forty five
51.5074° N ─► fifty one point five zero seven four degrees north
(-3) ─► (minus three)
.357 ─► point three five seven
John@foo.com ─► John at foo dot com
text 80808 ─► text eight zero eight zero eight
020 7946 0018 ─► zero two zero, seven nine four six, zero zero one eight
We ran 3-4 miles. ─► We ran three to four miles.
10-12 people here ─► ten to twelve people here

= Whole sentences
the St. James Bldg., 1600 Main St. ─► the saint James Building, sixteen hundred Main Street.
Call (555) 867-5309 by 5 p.m. EST. ─► Call five five five, eight six seven, five three zero nine by five P M EST.
It grew 2.1% in Q4 2023, vs. 3%. ─► It grew two point one percent in Q four twenty twenty three, versus three percent.
At 25°C, CO2 has ~1.45 g/L. ─► At twenty five degrees Celsius, C O two has about one point four five grams per liter.
Fig. 3.2 (p. 45), Eq. (5), and Table II. ─► Figure three point two (page forty five), Equation (five), and Table two.
his B.S. in '85 & M.S. in '87 ─► his B S in eighty five and M S in eighty seven
bake at 350°F for 25-30 min. ─► bake at three hundred fifty degrees Fahrenheit for twenty five to thirty minutes.
World War II (1939–45) ended. ─► World War two (nineteen thirty nine to forty five) ended.
Psalm 23:1-3; Matt. 5:3-12 ─► Psalm twenty three one to three; Matt. five three to twelve
We're 15 min. late! ─► We're fifteen minutes late!
ISO 9001:2015 ─► ISO nine thousand one twenty fifteen
MP3s and F-16s ─► M P threes and F sixteens
7 lbs. 6 oz. of it ─► seven pounds six ounces of it
It's 5 mi. away. She ran 10 km. Then she slept. ─► It's five miles away. She ran ten kilometers. Then she slept.
I live in the U.S. My family too. ─► I live in the U S. My family too.
x² − 5x + 6 = 0 ─► x squared minus five X plus six equals zero
10 / 2 = 5; 5 · 3 = 15 ─► ten divided by two equals five; five times three equals fifteen
y = mx + b ─► y equals m x plus b
1/x ─► one over x
Na+ and Cl- ─► N A plus and C L minus
030/901821 ─► zero three zero, nine zero one eight two one
1.800.555.0199 ─► one, eight zero zero, five five five, zero one nine nine
€3,50 or 4,20 € ─► three euros and fifty cents or four euros and twenty cents
noon-5 p.m. today ─► noon to five P M today
§§ 5-6 ─► sections five to six
n° 8 ─► number eight
I <3 you :-) and it works ;) ─► I you and it works
2.5GBASE-T ─► two point five GBASE-T
16GB/512GB ─► sixteen gigabytes five hundred twelve gigabytes
"""
