"""Abbreviations in full, without the full stop that is theirs, and with it where it ends a sentence as well.

Dr. Smith vs. Mr. Jones, at 5 p.m. Then … ─► Doctor Smith versus Mister Jones, at 5 P M. Then …
"""

import re

from indextts2_jax.text.english.tables import BEGINNINGS, END, SENTENCE, any_of, listed, table

# Before a name; their full stop never ends a sentence
TITLES = table(
    """
    Dr doctor, Mr mister, Mrs missus, Ms miz, Mx mix, Prof professor, Gen general, Col colonel, Capt captain,
    Lt lieutenant, Sgt sergeant, Cpl corporal, Pvt private, Maj major, Adm admiral, Cmdr commander, Rev reverend,
    Hon honorable, Gov governor, Sen senator, Rep representative, Pres president, Supt superintendent, Det detective,
    Insp inspector, Messrs messieurs, Mme madame, Mlle mademoiselle, Fr father, Sr senior, Br brother,
    Amb ambassador, Brig brigadier, Cdr commander, Sec secretary, Atty attorney, Pfc private first class"""
)
WITHOUT_STOP = any_of(["Dr", "Mr", "Mrs", "Ms", "Prof", "Mx"])
PLACES = table("St saint, Ste sainte, Mt mount, Ft fort, Pt point")
ROADS = table(
    """
    St street, Ave avenue, Blvd boulevard, Rd road, Ln lane, Dr drive, Hwy highway, Pkwy parkway, Sq square,
    Ct court, Pl place, Ter terrace, Expy expressway, Apt apartment, Bldg building, Ste suite, Fl floor"""
)
# In the middle of a sentence, unless the next one begins or the text ends
SHORTENED = table(
    """
    etc et cetera, inc incorporated, ltd limited, corp corporation, co company, dept department,
    approx approximately, jr junior, sr senior, esq esquire, bros brothers, assn association, assoc associates,
    univ university, inst institute, mfg manufacturing, intl international, natl national, govt government,
    mgmt management, dist district, hosp hospital, ave avenue, blvd boulevard, hwy highway, pkwy parkway,
    apt apartment, bldg building, tel telephone, ext extension, est established, avg average, misc miscellaneous,
    temp temperature, max maximum, min minimum, incl including, excl excluding, orig original, ed edition,
    eds editors, trans translated, repr reprinted, abbr abbreviation, dr doctor, Mon Monday, Tue Tuesday,
    Tues Tuesday, Wed Wednesday, Thu Thursday, Thur Thursday, Thurs Thursday, Fri Friday, Sat Saturday, Sun Sunday,
    Jan January, Feb February, Apr April, Aug August, Sept September, Sep September, Oct October, Nov November,
    Dec December, hrs hours, hr hour, mins minutes, secs seconds, yrs years, yr year, mos months, wks weeks, wk week,
    lbs pounds, lb pounds, oz ounces, gal gallons, qt quarts, pkg package, qty quantity, ft feet, sq square,
    cu cubic, tbsp tablespoons, tsp teaspoons, doz dozen, prof professor, gov governor, Calif California,
    Ariz Arizona, Colo Colorado, Fla Florida, Kans Kansas, Mich Michigan, Minn Minnesota, Neb Nebraska, Nev Nevada,
    Okla Oklahoma, Tenn Tennessee, Va Virginia, Wis Wisconsin, Wyo Wyoming"""
)
UNITS_TOO = frozenset(listed("min mins hr hrs secs lb lbs oz ft gal qt yr yrs mos wk wks"))
ANY_CASE = frozenset(key for key in SHORTENED if key.islower())
WORDS_TOO = frozenset(listed("ed min max est trans temp sq cu ft ext tel mos inst orig assoc gal Sat Sun"))
"""Not at the end of a sentence, where "Ed." may be a name and "max." a word."""
NAMES_TOO = re.compile(
    r"(?:\b(?:in|of|on|since|until|till|by|from|to|last|next|this|every|early|late|mid)|[0-9]\w*) \Z", re.I
)
"""Before "Jan." or "Mon." at the end of a sentence, where they may be names."""
NEVER = frozenset(listed("e.g. eg. i.e. ie. vs. cf. viz. ca. E.g. I.e. Cf."))
PLAIN = table(
    """
    e.g. for example, eg. for example, i.e. that is, ie. that is, vs. versus, cf. compare, viz. namely, ca. circa,
    a.k.a. also known as, aka also known as, w/o without, w/ with, b/c because, c/o care of, n/a N A, N/A N A,
    p.a. per annum, q.v. which see, ibid. ibid, vs versus, w.r.t. with respect to, i.a. among other things,
    resp. respectively, incl. including, excl. excluding, approx. approximately, a/k/a also known as,
    E.g. For example, I.e. That is, Cf. Compare"""
)
PLAIN |= {"et al.": "et al", "op. cit.": "op cit", "loc. cit.": "loc cit"}
NUMBERED = table(
    """
    no number, nos numbers, vol volume, vols volumes, fig figure, figs figures, ch chapter, chap chapter, p page,
    pp pages, pg page, pgs pages, sec section, sect section, para paragraph, eq equation, eqs equations, ex example,
    op opus, pt part, ref reference, refs references, ver version, rev revision, ll lines, bk book, cl clause,
    c circa, ca circa"""
)
DEGREES = listed(
    "Ph.D Ed.D D.Phil M.Phil B.Sc M.Sc B.Ed M.Ed LL.B LL.M Psy.D Pharm.D B.Eng M.Eng B.Com M.Tech B.Tech Dr.Sc"
)
DEGREE = re.compile(rf"(?<![\w.]){any_of(DEGREES)}(\.)?(?:(s\b)|(?!\w))")
DEGREE_PARTS = {"phil": "Phil", "eng": "Eng", "com": "Com", "tech": "Tech", "pharm": "Pharm"}
CLOCK = re.compile(r"(?<=[0-9]) ?(a|p|A|P)(?:(\.) ?m|(\.) ?M|m|M)(?![A-Za-z'’])(\.?)")
CLOCK_ALONE = re.compile(r"(?<![\w.'])([AaPp])(\.)() ?[Mm](\.)(?![A-Za-z])")
AFTER_CLOCK = any_of(
    listed("""
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August
    September October November December EST EDT CST CDT MST MDT PST PDT GMT UTC BST CET CEST ET PT Eastern Central
    Mountain Pacific Greenwich Mon Tue Wed Thu Fri Sat Sun I'm""")
)
TITLE = re.compile(rf"\b(?:({any_of(TITLES)})\.|({WITHOUT_STOP}))(?=\s+(?:[A-Z]|and [A-Z]|& [A-Z]))")
ROAD = re.compile(rf"(?<=[\w] )({any_of(ROADS)})(\.|(?=,))(?!\w)")
PLACE = re.compile(rf"\b(?:({any_of(PLACES)})\.|(St|Mt))(?= [A-Z])")
SHORT = re.compile(rf"(?<![\w.'’@/-])({any_of(SHORTENED)})\.(?![\w@])", re.IGNORECASE)
EXACT = re.compile(rf"(?<![\w.])({any_of(PLAIN)})(?![\w/])")
NUMBER_DOT = re.compile(rf"(?<![\w.'’$€£])({any_of(NUMBERED)})\. ?(?=\(?[0-9]|[IVXLC]{{2,}}\b(?!['’]))", re.IGNORECASE)
COUNTED = re.compile(r"[0-9,.]{1,12} (?:people|[a-z]+[a-rt-z]s)\b")
ISSUE = re.compile(r"\bNo (?=[0-9]{1,4}\b(?! ?[-–]|[.,]?[0-9]| [a-z]))")
INITIALS = re.compile(
    r"(?<![\w'’.])((?:[A-Za-z]\. ?){1,12}[A-Za-z])\.(?!\w)|(?<![\w'’.])((?:[A-Za-z]\.){1,12}[A-Za-z])(?![\w.])"
)
INITIAL = re.compile(rf"(?<![\w'’.])(?!I\b)([A-Z])\.(?=\s+(?:[A-Z]\. ?){{0,5}}(?!{BEGINNINGS}(?![\w.]))[A-Z][a-z'’.])")
SHORT_FORMS = (("AT&T", "A T and T"), ("R&D", "R and D"), ("R&B", "R and B"), ("Q&A", "Q and A"), ("B&B", "B and B"))


def speak(text: str) -> str:
    """The text with its abbreviations in full."""
    for short, full in SHORT_FORMS:
        text = text.replace(short, full)
    text = EXACT.sub(_plain, text)
    text = ISSUE.sub("number ", text)
    if "." not in text:
        text = CLOCK.sub(_clock, text)
        return TITLE.sub(_title, PLACE.sub(_place, text))
    text = NUMBER_DOT.sub(_numbered, text)
    text = DEGREE.sub(_degree, text)
    text = CLOCK_ALONE.sub(_clock, CLOCK.sub(_clock, text))
    text = ROAD.sub(_road, text)
    text = PLACE.sub(_place, text)
    text = TITLE.sub(_title, text)
    text = SHORT.sub(_short, text)
    text = INITIAL.sub(_initial, text)
    return INITIALS.sub(_initials, text)


def _ends(match: re.Match[str], name_ends: bool = False) -> bool:
    """Whether the full stop that the match ends with ends the sentence too.

    Args:
      name_ends: whether any capital behind it begins a sentence, not only one of a word that often does.
    """
    text, end = match.string, match.end()
    if ENDING.match(text, end) or BEGINNING.match(text, end):
        return True
    return name_ends and CAPITAL.match(text, end) is not None


ENDING, BEGINNING = re.compile(END), re.compile(SENTENCE)
CAPITAL = re.compile(r"[\"”’')\]]*\s+[\"“‘(]?[A-Z]")
CLOCK_GOES_ON = re.compile(rf"\s+{AFTER_CLOCK}\b")


def _cased(written: str, full: str) -> str:
    return full[0].upper() + full[1:] if written[0].isupper() else full


def _title(match: re.Match[str]) -> str:
    return TITLES[match[1] or match[2]]


def _place(match: re.Match[str]) -> str:
    return PLACES[match[1] or match[2]]


def _numbered(match: re.Match[str]) -> str:
    full = NUMBERED[match[1].lower()]
    if match[1] == "no" and COUNTED.match(match.string, match.end()):
        return match[0]
    return f"{full if match[1] in ('No', 'Nos') else _cased(match[1], full)} "


def _plain(match: re.Match[str]) -> str:
    ends = match[1].endswith(".") and match[1] not in NEVER and _ends(match)
    return PLAIN[match[1]] + ("." if ends else "")


def _road(match: re.Match[str]) -> str:
    """Main St. is a street; St. Paul, and Dr. Smith, are none, whatever stands before them."""
    before = BEHIND_ROAD.search(match.string[max(0, match.start() - 30) : match.start() - 1])
    if not before or STARTS.match(before[0]):
        return match[0]
    following = FOLLOWING.get(match[1])
    if following and following.match(match.string, match.end()):
        return match[0]
    return ROADS[match[1]].capitalize() + ("." if match[2] and _ends(match, name_ends=True) else "")


BEHIND_ROAD = re.compile(r"(?:\b[A-Z][a-z]+(?:['’]s)?|\b[0-9]+(?:st|nd|rd|th)?)\Z")
STARTS = re.compile(rf"(?:{BEGINNINGS}|Hello|Dear|Ask|Call|See|Meet|Near|Around|Visit|Saint)\Z")
SAINTS = listed("""
    Paul Peter John Louis Petersburg Patrick George James Mary Andrew Nicholas Francis Thomas Joseph Michael Martin
    Helena Helens Lucia Moritz Tropez Albans Andrews Augustine Bernard Charles Clair Cloud David Denis Elmo Gallen
    Germain Ives Kitts Lawrence Luke Mark Matthew Pancras Pierre Stephen Valentine Vincent Vitus Anne Agnes
    Catherine""")
NAME = re.compile(rf"\s+(?!{BEGINNINGS}(?![\w.]))[A-Z][a-z]+")
FOLLOWING = {
    "St": re.compile(rf"\s+{any_of(SAINTS)}\b"),
    **dict.fromkeys(["Dr", "Ste", "Fl", "Pl", "Ct", "Sq", "Ter"], NAME),
}


def _initial(match: re.Match[str]) -> str:
    kind = KIND.search(match.string[max(0, match.start() - 15) : match.start()])
    return match[0] if kind else match[1]


KIND = re.compile(
    r"\b(?:plan|vitamin|option|grade|type|class|group|section|figure|hepatitis|appendix|team|part|point) \Z", re.I
)


def _short(match: re.Match[str]) -> str:
    key = match[1] if match[1] in SHORTENED else match[1].lower()
    if key not in SHORTENED or (key in ANY_CASE and match[1].isupper() and len(match[1]) > 1 and key != "etc"):
        return match[0]
    ends = _ends(match, name_ends=True)
    before = match.string[max(0, match.start() - 12) : match.start()]
    if key in UNITS_TOO and before[-2:].strip().isdigit():
        return match[0]  # 15 min.
    if ends and (key in WORDS_TOO or (key in ("Jan", "Mon") and not NAMES_TOO.search(before))):
        return match[0]
    full = SHORTENED[key]
    return (full if key in ("etc",) else _cased(match[1], full)) + ("." if ends else "")


def _clock(match: re.Match[str]) -> str:
    letter, stop = match[1].upper(), match[4]
    if stop and (match[2] or match[3]):  # the stop may be that of the abbreviation
        stop = "." if _ends(match, name_ends=not CLOCK_GOES_ON.match(match.string, match.end())) else ""
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    return (" " if before.isdigit() else "") + f"{letter} M{stop}"


def _degree(match: re.Match[str]) -> str:
    parts = [DEGREE_PARTS.get(part.lower(), " ".join(part.upper())) for part in match[0].rstrip("s.").split(".")]
    ends = match[1] and not match[2] and _ends(match)
    return " ".join(parts) + ("'s" if match[2] else "") + ("." if ends else "")


def _initials(match: re.Match[str]) -> str:
    letters = " ".join(filter(str.isalpha, (match[1] or match[2]).upper()))
    return letters + ("." if match[1] and _ends(match) else "")
