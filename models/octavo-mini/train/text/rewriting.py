"""Work on sentences: summarise, rewrite, replace, sort, count."""

from __future__ import annotations

import random

from . import names
from .base import Exchange, Split, a, capital, join, lines, phrasings, values, words
from .stories import HEROES, TRAITS, WISHES, tell
from .transforms import NUMBER_WORDS, VOCABULARY

SUMMARY_ASKS = lines("""
    Summarise this story: {t}
    Summarise: {t}
    Give me a summary: {t}
    Summarize this in one sentence: {t}
    What is this story about? {t}
    Say this in one sentence: {t}
    Sum this up: {t}
    Make this shorter: {t}
    Short version, please: {t}
    Please summarise this text: {t}
    Tell me in one sentence what happens: {t}
    Write a short summary of this: {t}
""")
_SUBJECTS = words("cat dog horse king queen farmer teacher baker bird fox house garden river car boat book door cake")
_ADJECTIVES = words("black white old young small big happy sad quiet loud tired hungry clean cold warm new red green")
_VERBS = {"opens": "opened", "paints": "painted", "cleans": "cleaned", "carries": "carried", "wants": "wanted",
          "finds": "found", "sees": "saw", "buys": "bought", "sells": "sold", "takes": "took", "brings": "brought",
          "likes": "liked", "needs": "needed", "washes": "washed", "loses": "lost", "breaks": "broke"}
SORT_ASKS = lines("""
    Sort these {w}: {p}
    Sort: {p}
    Put these {w} in order: {p}
    Order these {w}: {p}
    Arrange these {w}: {p}
    Can you sort these {w}: {p}
    Sort the {w} {p}.
    Please sort: {p}
    Bring these {w} into order: {p}
    Sort this list: {p}
    Put in order: {p}
    Write these {w} in order: {p}
""")


def summary(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return a story to sum up: who the hero is and what was looked for."""
    hero, trait, name = rng.choice(HEROES), rng.choice(TRAITS), names.person(rng, split)
    text = tell(hero, name, trait, rng)
    wish = next(w for w, need in WISHES.items() if f"{need} and looked for {w}" in text)
    ask = rng.choice(phrasings(SUMMARY_ASKS, asks)).format(t=text)
    return Exchange(ask, f"{capital(a(trait))} {hero} called {name} looked for {wish} and found help.", "summary")


def _sentence(rng: random.Random) -> tuple[str, str, str]:
    return rng.choice(_SUBJECTS), rng.choice(list(_VERBS)), rng.choice(_SUBJECTS)


def _past(rng: random.Random, split: Split) -> Exchange:
    subject, verb, thing = _sentence(rng)
    ask = rng.choice(phrasings(["Put this into the past tense: {p}", "Write this in the past: {p}",
                                "Rewrite in the past tense: {p}", "Past tense: {p}",
                                "Change this to the past tense: {p}", "Say this in the past tense: {p}"], split))
    return Exchange(ask.format(p=f"The {subject} {verb} the {thing}."),
                    f"The {subject} {_VERBS[verb]} the {thing}.", "rewrite")


def _question(rng: random.Random, split: Split) -> Exchange:
    subject, adjective = rng.choice(_SUBJECTS), rng.choice(_ADJECTIVES)
    ask = rng.choice(phrasings(["Make this a question: {p}", "Turn this into a question: {p}",
                                "Rewrite as a question: {p}", "Write this as a question: {p}",
                                "As a question: {p}", "Change this into a question: {p}"], split))
    return Exchange(ask.format(p=f"The {subject} is {adjective}."), f"Is the {subject} {adjective}?", "rewrite")


def _negation(rng: random.Random, split: Split) -> Exchange:
    subject, adjective = rng.choice(_SUBJECTS), rng.choice(_ADJECTIVES)
    ask = rng.choice(phrasings(["Say the opposite with not: {p}", "Negate this: {p}", "Make this negative: {p}",
                                "Put a not into this: {p}", "Deny this: {p}", "Turn this into a negative: {p}"],
                               split))
    return Exchange(ask.format(p=f"The {subject} is {adjective}."), f"The {subject} is not {adjective}.", "rewrite")


def _replaced(rng: random.Random, split: Split, asks: Split) -> Exchange:
    subject, verb, thing = _sentence(rng)
    old, new = names.person(rng, split), names.person(rng, split)
    text = f"{old} {verb} the {thing}." if rng.random() < 0.6 else f"The {subject} {verb} {old}."
    ask = rng.choice(phrasings(["Replace {o} with {n}: {p}", "Write {n} instead of {o}: {p}",
                                "Put {n} in the place of {o}: {p}", "Rewrite with {n} for {o}: {p}",
                                "Change {o} to {n}: {p}", "Swap {o} for {n}: {p}"], asks))
    return Exchange(ask.format(o=old, n=new, p=text), text.replace(old, new), "rewrite")


def _polite(rng: random.Random, split: Split) -> Exchange:
    verb, thing = rng.choice(words("open close bring take clean wash carry find sell read write paint")), \
        rng.choice(_SUBJECTS)
    ask = rng.choice(phrasings(["Make this polite: {p}", "Say this politely: {p}", "Rewrite politely: {p}",
                                "Make this sound polite: {p}", "Write this in a polite way: {p}",
                                "Please make this polite: {p}"], split))
    return Exchange(ask.format(p=f"{capital(verb)} the {thing}."), f"Could you please {verb} the {thing}?", "rewrite")


def rewrite(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return a sentence to write anew."""
    if rng.random() < 0.35:
        return _replaced(rng, split, asks)
    return rng.choice((_past, _question, _negation, _polite))(rng, asks)


def sort(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return numbers to sort by size, or words by the alphabet."""
    if rng.random() < 0.6:
        items: list[str] = [str(n) for n in sorted(rng.sample(range(100), rng.randint(3, 5)))]
        kind = "numbers"
    else:
        pool = VOCABULARY if split == "train" else values(VOCABULARY, "test")
        items, kind = sorted(rng.sample(pool, rng.randint(3, 4))), "words"
    mixed = rng.sample(items, len(items))
    ask = rng.choice(phrasings(SORT_ASKS, asks))
    return Exchange(ask.format(w=kind, p=", ".join(mixed)), ", ".join(items), "sort")


def count_items(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return a list whose items are to be counted."""
    pool = VOCABULARY if split == "train" else values(VOCABULARY, "test")
    items = rng.sample(pool, rng.randint(2, 8))
    ask = rng.choice(phrasings(["How many things are in this list: {p}", "Count the items: {p}",
                                "How many items are there: {p}", "Count this list: {p}",
                                "How long is this list: {p}", "How many items does this list have: {p}"], asks))
    text = join(items) if rng.random() < 0.3 else ", ".join(items)
    return Exchange(ask.format(p=text), f"There are {NUMBER_WORDS[len(items)]} items.", "count items")
