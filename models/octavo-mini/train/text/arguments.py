"""Practice in filling in arguments: which value of a request belongs to which parameter.

A value is chosen with its first token: by the kind that the parameter's name asks
for, by the word before the value, or by the name itself where the request says it.
So requests hold two or three values, in any order, under names of any words, and
the tool is plain from the start.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from .base import a, capital, lines, words
from .choosing import MORE_THINGS, MORE_VERBS
from .names import syllables
from .tool_tables import TEST_WORDS
from .tools import COMPOSED_VERBS, POOLS, Record, Tool, Value, as_call
from .transforms import VOCABULARY
from .vocabulary import MANY_THINGS, MANY_VERBS

# Names of a parameter, the pool of its values, and how a request says it.
_ROLES = lines("""
    city location place town where | city | in {v} / near {v} / at {v} / somewhere in {v}
    origin from start departure source | city | from {v} / starting in {v} / out of {v}
    destination to end arrival target | city | to {v} / going to {v} / towards {v}
    person name owner customer user guest | person | for {v} / of {v} / that belongs to {v} / with {v}
    recipient to receiver contact addressee | person | to {v} / and give it to {v} / so that {v} gets it
    author by sender artist from | person | by {v} / from {v} / made by {v}
    id number item_id reference key user_id | number | with the id {v} / number {v} / with the number {v} / no. {v}
    amount price value cost sum budget | number | for {v} euros / that costs {v} / at a price of {v} / worth {v}
    count quantity times copies repeat | small | {v} times / in {v} copies / {v} times over
    size width height length | small | of size {v} / {v} metres wide / {v} metres long
    minutes duration length wait | small | for {v} minutes / during {v} minutes / within {v} minutes
    days duration period stay | small | for {v} days / over {v} days / within {v} days
    people guests seats persons | small | for {v} people / with {v} people / for a group of {v}
    day weekday date when | day | on {v} / next {v} / this {v} / before {v}
    date day when deadline | date | on {v} / by {v} / before {v} / until {v}
    time at hour clock when | time | at {v} / by {v} / around {v} / after {v}
    room place location where | room | in the {v} / of the {v} / next to the {v}
    colour color paint shade | colour | in {v} / painted {v} / so that it is {v}
    language lang into target | language | in {v} / written in {v} / into {v}
    path file source filename | path | from {v} / in the file {v} / out of {v}
    output target to file_name | path | into {v} / to the file {v} / as {v}
    topic subject about query | topic | about {v} / on the topic of {v} / concerning {v}
    text message note content body | phrase | with the text "{v}" / saying "{v}" / that says "{v}"
    title label name tag | title | called {v} / named {v} / with the title {v} / under the name {v}
    category kind type group | thing | of the kind {v} / of the type {v} / in the group {v}
    code account serial | code | with the code {v} / under the code {v}
    currency unit money | currency | in {v} / paid in {v}
    food dish meal order | food | with {v} / made of {v} / together with {v}
""")
_NAMED = ("with the {k} {v}", "with {k} {v}", "{k} {v}", "where the {k} is {v}", "and the {k} is {v}", "{k}: {v}", "with {v} as the {k}", "({k} {v})")
# The first value as what the verb is done to; {0} and {1} are the values, {t} the rest.
_OBJECT = (
    "{V} {0}{t}.", "{V} the {n} {0}{t}.", "Please {v} {0}{t}.", "Can you {v} {0}{t}?", "I want to {v} {0}{t}.", "{V} {0} now{t}.",
    "{0} is the {n}, {v} it{t}.", "Is there {an} {0}{t}?", "What about {0}{t}?", "{0}, please{t}.",
)
_TWO_OBJECTS = (
    "{V} {0} to {1}{t}.", "{V} {1} {0}{t}.", "{V} {0} for {1}{t}.", "{1} wants {0}, {v} it{t}.", "{V} {1} with {0}{t}.", "{1} gets {0}, {v} it{t}.", "I promised {1} {0}, so {v} it{t}.", "{V} {1} {0} for the {n}{t}.",
    "{V} {0} {n} for {1}{t}.", "Give {1} the {n} {0}{t}.", "{0} belongs to {1}, {v} it{t}.", "I need {0} {n} of {1}{t}.",
    "{V} the {n} {1} {0}{t}.", "{V} {0} away from {1}{t}.", "From {1}, {v} {0}{t}.", "{V} {1} by {0}{t}.", "{V} {0} and {1}{t}.",
)
_LEADS = (
    "{V} the {n}{t}.", "{V} {an}{t}.", "Please {v} the {n}{t}.", "Can you {v} {an}{t}?", "I want to {v} the {n}{t}.",
    "{V} my {n}{t}, please.", "Could you {v} the {n}{t}?", "I have to {v} {an}{t}.", "{v} {n}{t}",
)
_FRONTS = ("{F}, {v} the {n}{t}.", "{F} please {v} {an}{t}.", "{F} I want to {v} the {n}{t}.")

# Two values that stand close together, so that the one has to end where the other begins, and file names that are
# copied whole, whatever their parameter is called: pools, names of the first and of the second, requests.
_PAIRS = lines("""
    person number | person name customer who to recipient | amount value sum count points | {V} {0} {1} {n}s. / {0} {1}, {v} the {n}. / \
{V} the {n} of {0} {1} times. / {0} has {1}, {v} that. / {V} {1} for {0}, the {n}. / {0} gets {1} for the {n}. / The {n} is {1} for {0}. / \
{V} {0} {1} times. / {V} the {n} {0} {1}. / Please {v} {0} {1} euros. / {0} wants {1} {n}s, {v} them. / {1} {n}s are for {0}.
    person small | owner name user friend guest | hours days seats number size | {V} {0} {1} hours. / {V} {n} {0} {1}. / {0} needs {1} {n}s. / \
{V} it for {0} {1} days. / {0} {1} {n}s, please. / Is {0} {1} {n}s ahead? / {V} {1} {n}s to {0}.
    path path | path file source old_name document | name new_name title target to label | {V} {0} to {1}. / {V} {0} as {1}. / \
{V} {0} into {1}. / {0} should be {1}, {v} it. / {V} the {n} {0} {1}. / {V} from {0} to {1}. / Make {1} out of {0}. / {0} is {1} now. / \
Can you {v} {0} and call it {1}? / The {n} {0}, {v} it as {1}. / I want {0} to be {1}. / {V} {0}, it is {1} from today. / Use {1} for {0}.
    path thing | path file input | name label tag owner | {V} {0} as {1}. / {V} {0} {1}. / {V} the {n} {0} for {1}. / {0} is {1}. / {1} for {0}, please.
    thing path | topic name title | output name target | {V} {0} in {1}. / {V} the {0} to {1}. / Let {1} have {0}. / {V} {0} {1}.
    room colour | room place where name | colour shade paint name | {V} the {0} {1}. / {V} {an} in the {0}, {1}. / {1} for the {0}, please. / \
The {0} should be {1}, {v} it. / I would like the {n} of the {0} in {1}. / {V} a {1} {n} for the {0}.
    room small | room where place | minutes time count | {V} the {0} {1} minutes. / {V} the {0} {n} for {1} minutes. / {1} minutes of {n} in the {0}. / \
The {0} {n} needs {1} minutes.
    thing day | kind sign name group | day date when | {V} the {0} {n} for {1}. / {0} {n} on {1}, please. / The {n} of {1}, I am {0}. / \
{V} {1}'s {n} for {0}. / Is there a {0} {n} on {1}? / {1}: {0}. / {V} the {0} of {1}.
    city small | city town where place | nights days people count | {V} {0} {1} days. / {1} days in {0}, please. / Where in {0} is {an} for {1} people? / \
{V} {an} near {0} for {1} weeks. / I am in {0} for {1} days, {v} the {n}. / {0}, {1} people.
    title small | title name show event | count seats number | {V} {1} {n}s of {0}. / {1} {n}s for {0}, please. / {V} {0} {1} times. / {0} {1}. / \
I want {0}, {1} of it.
    number number | a from first start | b by second end | {V} {0} by {1}. / {V} {0} and {1}. / {V} the {n} from {0} to {1}. / {0} with {1}, {v} it. / {V} {0} {1}.
""")

# Pools whose values look alike.
_KINDS = {pool: "words" for pool in ("city", "person", "title", "thing", "phrase", "topic", "food", "room")} | {"small": "number"}
_VERBS = sorted(({*COMPOSED_VERBS, *MORE_VERBS} - {*words(TEST_WORDS)}) | {*MANY_VERBS})
_THINGS = sorted(({*VOCABULARY, *MORE_THINGS} - {*words(TEST_WORDS)}) | {*MANY_THINGS})


@dataclass(frozen=True)
class _Role:
    names: tuple[str, ...]
    pool: str
    says: tuple[str, ...]


def _read(line: str) -> _Role:
    names, pool, says = (part.strip() for part in line.split("|"))
    return _Role(tuple(names.split()), pool, tuple(say.strip() for say in says.split(" / ")))


ROLES = [_read(line) for line in _ROLES]


@dataclass(frozen=True)
class _Pair:
    pools: tuple[str, str]
    names: tuple[tuple[str, ...], tuple[str, ...]]
    asks: tuple[str, ...]

    def practised(self, rng: random.Random) -> _Practised:
        """Return a tool of two parameters, one for each value."""
        first = _any_word(rng) if rng.random() < 0.2 else rng.choice(self.names[0])
        # A value is copied whole also where its parameter's name asks for another kind: a file under "person".
        others = rng.choice(ROLES).names if rng.random() < 0.25 else self.names[1]
        second = rng.choice([name for name in others if name != first])
        named = [_Parameter(name, pool, (), by_kind=True) for name, pool in zip((first, second), self.pools)]
        return replace(_practised(rng, named), asks=self.asks)


def _read_pair(line: str) -> _Pair:
    pools, first, second, asks = (part.strip() for part in line.split("|"))
    left, right = pools.split()
    return _Pair((left, right), (tuple(first.split()), tuple(second.split())), tuple(ask.strip() for ask in asks.split(" / ")))


PAIRS = [_read_pair(line) for line in _PAIRS]


@dataclass(frozen=True)
class _Parameter:
    name: str
    pool: str
    says: tuple[str, ...]
    by_kind: bool


def _any_word(rng: random.Random) -> str:
    word = syllables(rng).lower() if rng.random() < 0.2 else rng.choice(_THINGS).replace(" ", "_")
    return word if rng.random() < 0.8 else f"{word}_{rng.choice(('id', 'name', 'value', 'number', 'text'))}"


def _parameters(rng: random.Random) -> list[_Parameter]:
    """Return parameters that a request can tell apart: by kind, by what is said before them, or by name."""
    found: dict[str, _Parameter] = {}
    for role in rng.sample(ROLES, rng.choice((1, 2, 2, 2, 3, 3))):
        if rng.random() < 0.35:
            name = _any_word(rng)
            says = tuple(say.replace("{k}", name.replace("_", " ")) for say in _NAMED)
            found[name] = _Parameter(name, role.pool, says, by_kind=False)
        else:
            name = rng.choice(role.names)
            found.setdefault(name, _Parameter(name, role.pool, role.says, by_kind=True))
    shuffled = list(found.values())
    rng.shuffle(shuffled)
    return shuffled


def _plain(parameters: list[_Parameter]) -> list[_Parameter]:
    """Return those whose values show by themselves what they are for, without a word before them."""
    kinds = [_KINDS.get(p.pool, p.pool) for p in parameters]
    return [p for p, kind in zip(parameters, kinds) if p.by_kind and kinds.count(kind) == 1]


def _request(rng: random.Random, verb: str, thing: str, parameters: list[_Parameter], values: dict[str, Value]) -> str:
    order = list(parameters)
    rng.shuffle(order)
    bare = _plain(order)
    roll, front = rng.random(), ""
    objects: list[_Parameter] = []
    if len(bare) >= 2 and roll < 0.25:
        form, objects = rng.choice(_TWO_OBJECTS), bare[:2]
    elif bare and roll < 0.5:
        form, objects = rng.choice(_OBJECT), bare[:1]
    elif roll < 0.62:
        form, front = rng.choice(_FRONTS), capital(rng.choice(order[0].says).format(v=values[order.pop(0).name]))
    else:
        form = rng.choice(_LEADS)
    rest = "".join(" " + rng.choice(p.says).format(v=values[p.name]) for p in order if p not in objects)
    shown = [str(values[p.name]) for p in objects]
    return form.format(*shown, V=capital(verb), v=verb, n=thing, an=a(thing), t=rest, F=front)


@dataclass(frozen=True)
class _Practised:
    tool: Tool
    verb: str
    thing: str
    parameters: list[_Parameter]
    asks: tuple[str, ...] = ()

    def asked(self, rng: random.Random) -> list[Record]:
        """Return a request and the call that answers it."""
        values = {p.name: POOLS[p.pool](rng, "train") for p in self.parameters}
        if self.asks:
            verb, thing = self.verb, self.thing
            request = rng.choice(self.asks).format(*values.values(), V=capital(verb), v=verb, n=thing, an=a(thing))
        else:
            request = _request(rng, self.verb, self.thing, self.parameters, values)
        return [{"role": "user", "content": request}, as_call({"name": self.tool.name, "arguments": values})]


def _practised(rng: random.Random, parameters: list[_Parameter]) -> _Practised:
    verb, thing = rng.choice(_VERBS), rng.choice(_THINGS)
    flat = thing.replace(" ", "_")
    name = rng.choice((f"{verb}_{flat}", f"{verb}_{flat}", f"{flat}_{verb}", f"{verb}{capital(flat)}", flat, verb))
    description = rng.choice((f"{capital(verb)} {a(thing)}", f"{capital(verb)} the {thing}"))
    return _Practised(Tool(name, description, tuple((p.name, p.pool) for p in parameters), ()), verb, thing, parameters)


def arguments_record(rng: random.Random) -> Record:
    """Return one tool or two, and many requests whose values have to find their parameters."""
    pair = rng.random() < 0.4
    drawn = (rng.choice(PAIRS).practised(rng) if pair else _practised(rng, _parameters(rng)) for _ in range(rng.choice((1, 1, 2))))
    found = {one.tool.name: one for one in drawn}
    offered = list(found.values())
    messages = [m for _ in range(rng.randint(3, 7)) for m in rng.choice(offered).asked(rng)]
    return {"tools": [one.tool.definition(rng) for one in offered], "messages": messages}
