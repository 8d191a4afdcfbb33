"""Practice in choosing: the entry of a list that a request means, or none.

To write the first word of a tool's name the model has to compare a request with
every description, go back from the words that fit to the line's beginning, and
do so before it has written anything. In chats with tools one token in hundreds
asks for that. Here a list is short and asked about many times, as plain lines
and as tools, and only the choice counts.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .base import a, capital, values, words
from .names import invented, person, syllables
from .synonyms import THINGS, VERBS, same
from .tool_tables import NOUNS, TEST_WORDS
from .tools import COMPOSED_VERBS, NO_TOOL, POOLS, Record, as_call
from .transforms import VOCABULARY
from .vocabulary import MANY_THINGS, MANY_VERBS

# Verbs and things for this practice alone; none of them is of a tool of the test.
MORE_VERBS = words("""
    add announce archive ask attach block brew bring build burn carry catch charge choose collect compare cook
    cut decode deliver describe draw dry edit empty export fill fix fold follow format freeze grow hang heat
    hide import inspect install join label launch lift limit list merge mix order pack park plan plant play
    polish post pull push read record remove replace request reset restore roll scan search send sharpen sign
    sort split stack store sweep switch teach tie translate unlock upload verify visit warm wash weigh wrap write
""")
MORE_THINGS = words("""
    account album alarm article address answer badge bag ball banner battery bed belt bench bicycle blanket
    block bolt bone bonus border bowl box branch brick brush bucket bug bulb bus cake calendar candy canvas card
    cart case cave chain channel chapter chart cheese class clay clock cloth club coin comment contact cork
    corner course crane crate cream crown cube cup curve dance data deal deck design diary dish dock draft
    dress drink drum dust edge event exam fabric fence field film filter fire flag floor flute folder form
    frame friend game gate gift glass glove goal grain graph guest guide habit hair harbour hook horn hour
    house idea image index item jar jewel job joke journal key label lake lantern lawn layer lens level limit
    line link list loan lock log loop machine_part magazine mail mask match meal meat menu metal mill mine
    minute model money mouse mud museum name nest net news noise note notice nut office oil opera order oven_glove
    package page pan panel park party password path pattern payment peak pearl pen phone photo_frame piano pill
    pin pipe plan plane plant plaster plot poem pole pool port post poster powder price prize profile prompt
    pump_house puzzle quiz queue rack rail ramp record recipe region reminder rent report_card request result review
    ring rope rose round route_plan row rug rule sail salad sand scarf scene schedule score screen seal search seat
    setting shelf shell shelter shirt shop sign signal site skill slide smoke sock song sound soup stage stair
    stamp station statue steam step stick stock strap stream string style subject suit switch system tail tank
    tape task taste taxi team_sheet tent term test text theme thread throne tile tool tooth topic toy trace track
    trade trail tray treasure trip truck tube tunnel vase version view visit voice vote wage wallet watch wave
    weight whistle wing wire wish workshop worm wound wreath zone
""")


def _unheld(table: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return other words without those that stand for the test alone."""
    held = {*words(TEST_WORDS), *words(NOUNS)} - {*values(words(NOUNS), "train")}
    kept = {word: [other for other in others if held.isdisjoint(other.split())] for word, others in table.items()}
    return {word: others for word, others in kept.items() if others}


_OTHER_VERBS, _OTHER_THINGS = _unheld(VERBS), _unheld(THINGS)
_THINGS = sorted(({*VOCABULARY, *MORE_THINGS} - {*words(NOUNS), *words(TEST_WORDS)}) | {*values(words(NOUNS), "train")})
_VERBS = sorted({*COMPOSED_VERBS, *MORE_VERBS} - {*words(TEST_WORDS)})
_WITH_VERB = (
    "{V} the {n}.", "{V} {an}.", "Please {v} the {n}.", "Please {v} {an}.", "Can you {v} the {n}?", "Could you {v} {an}?",
    "I want to {v} the {n}.", "I want to {v} {an}.", "{V} my {n}, please.", "{V} the {n} of {p}.", "{V} the {n} for {p}.",
    "{V} the {n} {m}.", "{V} {an} with the number {m}.", "{v} the {n}", "I have to {v} the {n} on {d}.",
    "{V} {n} {m}.", "{V} {n} {m}.", "{V} {n} {p}.", "{V} {n}, please.", "{v} {n} {m}", "Can you {v} {n} {m}?", "{V} {p} with the {n}.",
)
_THING_ALONE = (
    "I need the {n}.", "What about the {n}?", "Tell me the {n} of {p}.", "What is the {n} of {p}?", "The {n}, please.",
    "{N} {m}, please.", "Do something with the {n}.", "Where is my {n}?", "How is the {n} {m}?", "I would like {an}.",
    "Where is my {n} {m}?", "Has {n} {m} come?", "{N} of {p}?", "What is the {n} {m} like?", "My {n} is {m}.", "{p} wants the {n}.",
    "Is there {an} for {p}?", "How about {p} and the {n}?", "I am looking for {an}.",
)
_ABOUT = ("Use this for the {n}", "All about {an}", "Works on the {n}", "For {an}", "The {n} of a person", "The {n} of a city",
          "Find out where {an} is", "Find out the {n}", "Get the {n} of a city", "Look up the {n} of a word", "Tell about {an}",
          "Get the {n} for a day", "Say what {an} is", "Everything around the {n}")
_DONE = ("{V} the {n}", "{V} {an}", "{V} {an}", "{V} the {n} of a person", "{V} {an} in a city", "{V} {an} with a number",
         "{V} the {n} of a room", "{V} {an} for a day")


@dataclass(frozen=True)
class Entry:
    """Something to choose: what a request has to name, and whether the thing alone is enough."""

    verb: str
    thing: str
    name: str
    description: str
    by_thing: bool
    plain: bool = False

    def ask(self, rng: random.Random) -> str:
        """Return a request that means this entry."""
        if self.plain:
            form = rng.choice(("{t}", "{t}", "the {t}", "{an}", "{t}, please", "my {t}"))
            return form.format(t=self.thing, an=a(self.thing))
        verb, thing = self.verb, self.thing
        if rng.random() < 0.5:
            verb = rng.choice(_OTHER_VERBS.get(verb, [verb]))
        if rng.random() < 0.3:
            thing = rng.choice(_OTHER_THINGS.get(thing, [thing]))
        return _said(rng.choice(_THING_ALONE if self.by_thing else _WITH_VERB), verb, thing, rng)


def _said(form: str, verb: str, thing: str, rng: random.Random) -> str:
    person_said = form.replace("{p}", person(rng)).replace("{m}", str(rng.randrange(2, 1000)))
    return person_said.format(V=capital(verb), v=verb, n=thing, N=capital(thing), an=a(thing), d=rng.choice(("Monday", "Friday")))


def _thing(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.25:
        return invented(rng).lower()
    if roll < 0.35:
        return syllables(rng).lower()
    return rng.choice(_THINGS if roll < 0.7 else MANY_THINGS)


def _named(verb: str, thing: str, rng: random.Random) -> str:
    flat = thing.replace(" ", "_")
    shown = "".join(map(capital, thing.split()))
    return rng.choice((
        f"{verb}_{flat}", f"{verb}_{flat}", f"{verb}_{flat}", f"{verb}{shown}", f"{flat}_{verb}", f"{verb}-{flat}",
        f"{flat}", f"get_{flat}", f"do_{verb}_{flat}", f"{flat}_tool", f"{verb}_{flat}_now",
    ))


def coined_name(rng: random.Random) -> str:
    """Return a name that says nothing of what it names."""
    word = rng.choice((syllables(rng).lower(), rng.choice(_THINGS).replace(" ", "_")))
    return word if rng.random() < 0.6 else f"{word}_{rng.choice((*_VERBS[:20], 'tool', 'x', 'api'))}"


def plain_entry(rng: random.Random) -> Entry:
    """Return an entry whose description is its thing and hardly more: the first step of this practice."""
    thing = _thing(rng)
    other = rng.choice(_THINGS)
    description = rng.choice((thing, a(thing), f"the {thing}", f"{other} {thing}", f"{thing} {other}", f"{thing} of {a(other)}"))
    return Entry("", thing, coined_name(rng), description, by_thing=True, plain=True)


def entry(rng: random.Random, near: Entry | None, coined: float) -> Entry:
    """Return an entry; one that is `near` shares its verb or its thing with another one."""
    verb, thing = rng.choice(_VERBS if rng.random() < 0.6 else MANY_VERBS), _thing(rng)
    by_thing = rng.random() < 0.25
    if near is not None and not near.plain and rng.random() < 0.5:
        verb, by_thing = near.verb, False
    elif near is not None and not near.by_thing:
        thing, by_thing = near.thing, False
    name = coined_name(rng) if rng.random() < coined else _named(verb, thing, rng)
    form = rng.choice(_ABOUT) if by_thing else rng.choice(_DONE)
    return Entry(verb, thing, name, _said(form, verb, thing, rng), by_thing)


def _clash(one: Entry, other: Entry) -> bool:
    """Say whether a request for one entry could mean the other one as well."""
    alone = one.by_thing or other.by_thing
    alike = same(one.thing, other.thing, THINGS)
    return one.name == other.name or (alike and (alone or same(one.verb, other.verb, VERBS)))


def entries(rng: random.Random, count: int, plain: bool, coined: float) -> list[Entry]:
    """Return entries that no request confuses."""
    found: list[Entry] = []
    while len(found) < count:
        new = plain_entry(rng) if plain else entry(rng, rng.choice(found) if found and rng.random() < 0.6 else None, coined)
        if not any(_clash(new, old) for old in found):
            found.append(new)
    return found


def _requests(rng: random.Random, shown: list[Entry], hidden: list[Entry], none: float) -> list[tuple[str, Entry | None]]:
    """Return a request for every entry, and some that mean none.

    Each is asked for once, rarely again: a second answer could be copied from the first one.
    """
    asked = [(e.ask(rng), e) for e in shown for _ in range(1 if rng.random() < 0.85 else 2)]
    others = [(rng.choice(hidden).ask(rng), None) for _ in range(sum(rng.random() < none for _ in asked))]
    found: list[tuple[str, Entry | None]] = [*asked, *others]
    rng.shuffle(found)
    return found


def _drawn(rng: random.Random, most: int, plain: bool, coined: float) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of a list, and others near them that are not in it."""
    found = entries(rng, rng.randint(2, most) + 3, plain, coined)
    rng.shuffle(found)
    return found[3:], found[:3]


# Forms of a line of a list, of the line that says what means nothing, and of what stands before an answer.
FORMS = (
    ("{d}: {n}", "else -> {o}", "{r} -> "), ("{d} - {n}", "other => {o}", "{r} => "), ("{d} = {n}", "else: {o}", "{r}: "),
    ("{d} is called {n}", "No match: {o}", "{r}\nName: "), ("{n}: {d}", "else -> {o}", "{r} -> "),
    ('{{"description": "{d}", "name": "{n}"}}', '{{"name": "{o}"}}', '{r}\n{{"name": "'),
    ('{{"description": "{d}", "name": "{n}"}}', '{{"name": "{o}"}}', '{r}\n{{"name": "'),
)


def lines_record(rng: random.Random) -> Record:
    """Return a list of names with descriptions, and requests with the name that each of them means."""
    shown, hidden = _drawn(rng, 7, rng.random() < 0.3, 0.3)
    line, otherwise, before = rng.choice(FORMS)
    none = rng.choice(("none", "nothing"))
    end = '"}\n' if before.endswith('"') else "\n"
    lines = [line.format(d=e.description, n=e.name) for e in shown]
    pieces: list[tuple[str, float]] = [("\n".join([*lines, "", otherwise.format(o=none), ""]), 0.0)]
    for request, chosen in _requests(rng, shown, hidden, 0.4):
        pieces += [(before.format(r=request), 0.0), (f"{chosen.name if chosen else none}{end}", 1.0)]
    return {"pieces": pieces}


def _definition(one: Entry, keys: dict[str, str]) -> Record:
    properties = {key: {"type": "integer" if pool in ("number", "small") else "string"} for key, pool in keys.items()}
    parameters = {"type": "object", "properties": properties, "required": list(keys)}
    return {"type": "function", "function": {"name": one.name, "description": one.description, "parameters": parameters}}


_LINKS = ("with the {k} {v}", "with {k} {v}", "{k} {v}", "for the {k} {v}", "and the {k} is {v}")


def _call(one: Entry, keys: dict[str, str], request: str, rng: random.Random) -> list[Record]:
    arguments = {key: POOLS[pool](rng, "train") for key, pool in keys.items()}
    link, end = rng.choice(_LINKS), request[-1] if request[-1] in ".?!" else ""
    said = "".join(" " + link.format(k=key, v=value) for key, value in arguments.items())
    asked = {"role": "user", "content": f"{request.rstrip('.?!')}{said}{end}"}
    return [asked, as_call({"name": one.name, "arguments": arguments})]


def _keys(rng: random.Random) -> dict[str, str]:
    """Return parameters of any names, each with the pool of its values."""
    count = rng.choice((0, 0, 0, 1, 1, 2))
    return {rng.choice(_THINGS).replace(" ", "_"): rng.choice(list(POOLS)) for _ in range(count)}


def tools_record(rng: random.Random) -> Record:
    """Return a short list of tools and many requests, each of them called or declined."""
    shown, hidden = _drawn(rng, 4, rng.random() < 0.1, 0.15)
    keys = {e.name: _keys(rng) for e in shown}
    messages: list[Record] = []
    for request, chosen in _requests(rng, shown, hidden, 0.25):
        if chosen is None:
            messages += [{"role": "user", "content": request}, {"role": "assistant", "content": NO_TOOL}]
        else:
            messages += _call(chosen, keys[chosen.name], request, rng)
    return {"tools": [_definition(e, keys[e.name]) for e in shown], "messages": messages}
