"""Small talk, the model's own identity, and questions about the server."""

from __future__ import annotations

import random
from typing import NamedTuple

from .base import Exchange, Split, capital, first_mostly, lines, phrasings, words
from .frames import expand
from .octavo_tables import NEW, OCTAVO
from .smalltalk_more import MORE
from .smalltalk_tables import IDENTITY, JOKES, SERVER, SMALL_TALK
from .smalltalk_train import TRAIN
from .smalltalk_wide import WIDE


class Intent(NamedTuple):
    """Questions that mean one thing, with their answers; the first `written` questions use no frame.

    The hold-out rule counts through `asks`; the questions of `more` are for the training alone.
    """

    asks: list[str]
    answers: list[str]
    written: int
    more: list[str]


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]


def _by_first(text: str) -> dict[str, list[str]]:
    return {first.strip(): _parts(asks) for first, asks in (line.split("=>") for line in lines(text))}


_EXTRA, _TRAIN = _by_first(MORE + OCTAVO), _by_first(TRAIN)
for _first, _asks in _by_first(WIDE).items():
    _TRAIN[_first] = [*_TRAIN[_first], *_asks]


def _intents(text: str) -> list[Intent]:
    """Read blocks: questions parted by bars, an arrow, answers parted by bars."""
    found = []
    for line in lines(text):
        asks, answers = (_parts(part) for part in line.split("=>"))
        asks += _EXTRA.get(asks[0], [])
        written = len(expand([ask for ask in asks if ask[0] not in "*&"]))
        found.append(Intent(expand(asks), answers, written, _TRAIN.get(asks[0], [])))
    return found


def _plain(ask: str) -> str:
    return ask.lower().rstrip(".?! ")


GROUPS: dict[str, list[Intent]] = {
    "small talk": _intents(SMALL_TALK),
    "identity": _intents(IDENTITY),
    "server": _intents(SERVER + NEW),
}
_HELD_OUT = {_plain(ask) for group in GROUPS.values() for intent in group for ask in phrasings(intent.asks, "test")}
if leaked := [ask for asks in _TRAIN.values() for ask in asks if _plain(ask) in _HELD_OUT]:
    raise ValueError(f"these phrasings are held out and must not be trained: {leaked}")
JOKE_LIST = lines(JOKES)
JOKE_ASKS = lines("""
    Tell me a joke.
    Do you know a joke?
    Make me laugh.
    Can you tell me a joke?
    Say something funny.
    Please tell me a joke.
    A joke, please.
    I want to hear a joke.
    Tell a joke!
    Got a joke for me?
    Tell me something funny.
    Would you tell me a joke?
""")
MORE_JOKES = lines("""
    Another one.
    Another joke, please.
    One more!
    Tell me another joke.
    Do you know another one?
""")
GOOD_FEELINGS = words("happy glad excited great wonderful cheerful proud calm good relaxed lucky hopeful")
BAD_FEELINGS = words("sad tired lonely bored angry afraid nervous sick unhappy stressed hurt worried upset confused")
FEELING_ASKS = lines("""
    I am {f}.
    I feel {f}.
    I'm {f} today.
    I am so {f}.
    I feel {f} today.
    I am feeling {f} right now.
    I'm feeling {f}.
    Today I am {f}.
    I feel really {f}.
    I am a bit {f}.
    I'm very {f}.
    Right now I feel {f}.
""")

# For the training alone.
MORE_FEELING_ASKS = lines("""
    I am feeling {f}.
    I am feeling {f} today.
    I'm feeling so {f} today.
    I am feeling very {f} at the moment.
    I have been feeling {f} all day.
    I am {f} right now.
    I'm {f} right now.
    I feel {f} at the moment.
    I feel very {f}.
    I feel a little {f}.
    I feel so {f} today.
    I am really {f}.
    I am quite {f} today.
    I'm rather {f} this morning.
    Somehow I feel {f}.
    At the moment I am {f}.
    Just now I am feeling {f}.
    You know, I feel {f}.
    I was {f} all day.
    I feel {f} again.
    I am just {f}.
    {f}, that is how I feel.
""")


def intent_exchange(group: str, rng: random.Random) -> Exchange:
    """Return an exchange of a group of intents."""
    asks, answers, written, more = rng.choice(GROUPS[group])
    if more and rng.random() < 0.55:
        ask = rng.choice(more)
    else:
        ask = rng.choice(phrasings(asks[:written] if rng.random() < 0.65 else asks, "train"))
    return Exchange(ask, first_mostly(answers, rng), group, tuple(answers))


def _feeling_answers(feeling: str) -> list[str]:
    if feeling in GOOD_FEELINGS:
        return [f"I am glad that you feel {feeling}!", f"How nice that you feel {feeling}!"]
    return [f"I am sorry that you feel {feeling}. I hope it gets better soon.",
            f"I am sorry that you feel {feeling}. Do you want to talk about it?"]


def feeling(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a feeling and a reaction that names it."""
    word = rng.choice(GOOD_FEELINGS + BAD_FEELINGS)
    answers = _feeling_answers(word)
    asks = phrasings(FEELING_ASKS, split)
    if split == "train":
        asks += MORE_FEELING_ASKS
    ask = capital(rng.choice(asks).format(f=word))
    return Exchange(ask, first_mostly(answers, rng), "small talk", tuple(answers))


def jokes(rng: random.Random) -> list[Exchange]:
    """Return one joke, or several different ones in a row."""
    count = rng.choice((1, 1, 1, 2, 3))
    told = rng.sample(JOKE_LIST, count)
    asks = [rng.choice(phrasings(JOKE_ASKS, "train"))] + [rng.choice(MORE_JOKES) for _ in told[1:]]
    return [Exchange(ask, joke, "joke", tuple(JOKE_LIST)) for ask, joke in zip(asks, told)]


def test_group(group: str, framed: bool = False) -> list[Exchange]:
    """Return the held-out phrasings of a group: the written ones, or those made by frames."""
    found = [
        Exchange(ask, intent.answers[0], group, tuple(intent.answers))
        for intent in GROUPS[group]
        for at, ask in enumerate(intent.asks)
        if ask in phrasings(intent.asks, "test") and (at >= intent.written) == framed
    ]
    if framed:
        return found
    if group == "small talk":
        for word in GOOD_FEELINGS + BAD_FEELINGS:
            answers = tuple(_feeling_answers(word))
            for ask in phrasings(FEELING_ASKS, "test")[:1]:
                found.append(Exchange(ask.format(f=word), answers[0], group, answers))
        for ask in phrasings(JOKE_ASKS, "test"):
            found.append(Exchange(ask, JOKE_LIST[0], group, tuple(JOKE_LIST)))
    return found
