"""Pools of values that people give about themselves, and invented ones."""

from __future__ import annotations

import random
from collections.abc import Callable

from . import wide_values as wide
from .base import Split, capital, held_out, values, words

Pool = Callable[[random.Random, Split], str]

NAMES = words("""
    Ada Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Mia Noah Olive Paul Rosa Sam Tina
    Victor Wendy Xavier Yara Zoe Anna Boris Carla Diego Elena Frank Gina Hugo Ivan Julia Karl Laura
    Marco Nina Oscar Petra Robin Sofia Thomas Ursula Vera Walter Alice Bruno Cora Daniel Esther Finn
    Greta Hannah Igor Jonas Kira Lucas Maria Nora Otto Peter Quinn Ruth Stella Tom Uma Valerie Will
    Amir Bella Chen Dara Emil Fatima Georg Hana Ines Jamal Kofi Lena Mei Nadia Omar Priya Rania Samir
    Tariq Umar Vikram Wanda Yuki Zara Aisha Bianca Cyril Dora Edgar Fiona Gabriel Helen Isaac Jane
    Kevin Linda Martin Natalie Oliver Pam Rachel Simon Theo Violet Alan Betty Carl Diana Eric Flora
    Gus Holly Ian Joan Ken Lily Max Nick Opal Pia Rex Sara Tim Vince Ella Max Luna Milo Arthur Mary
""")
CITIES = words("""
    London Paris Berlin Madrid Rome Vienna Oslo Tokyo Cairo Lima Boston Chicago Dublin Geneva Hamburg
    Istanbul Kyoto Lisbon Milan Naples Porto Prague Quito Riga Seville Toronto Utrecht Venice Warsaw
    Zurich Athens Bergen Cardiff Delhi Nairobi Sydney Leeds Ghent Basel Turin
""")
COLOURS = words("red blue green yellow purple orange pink black white brown grey silver gold turquoise violet")
FOODS = words("""
    pizza pasta soup rice bread cheese chocolate salad pancakes noodles apples curry fish potatoes
    dumplings cake tomatoes ice_cream strawberries sushi
""")
JOBS = words("""
    teacher doctor baker farmer cook nurse librarian sailor pilot judge gardener painter writer driver
    scientist programmer carpenter singer dentist engineer
""")
PETS = words("cat dog rabbit parrot hamster horse turtle goldfish mouse lizard canary snake")
HOBBIES = words("""
    reading painting swimming chess cooking dancing running fishing singing gardening hiking cycling
    knitting football tennis climbing sewing drawing
""")
_STARTS = words("Ba Be Bo Ca Co Da De Do Fa Fe Ga Go Ha Ho Ja Jo Ka Ke Ko La Le Lo Ma Me Mo Na Ne Pa Pe Po Ra Re "
                "Ro Sa Se So Ta Te To Va Ve Vi Wa We Ya Yo Za Ze Zo Bri Cra Dro Fla Gri Kro Pli Sta Tri")
_MIDDLES = words("l r n m d v b z k t s nd rl st lm rv ss ll nn rt")
_ENDS = words("a o i e an en in on us is ar er or il el ix ek ia io ette una ora")


_ONSETS = ("b c d f g h j k l m n p r s t v w z br ch dr fl gr kl pl sh st th tr").split()
_VOWELS = "a e i o u ai ea oo".split()
_CODAS = ["", "", "", "n", "r", "l", "s", "m", "t", "nd", "x", "k"]


def syllables(rng: random.Random) -> str:
    """Return a word of random syllables."""
    word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.randint(1, 3)))
    return word.capitalize() if rng.random() < 0.4 else word


def invented(rng: random.Random, split: Split = "train") -> str:
    """Return an invented name; it has to be copied, as it cannot be known."""
    while True:
        name = rng.choice(_STARTS) + rng.choice(_MIDDLES) + rng.choice(_ENDS)
        if rng.random() < 0.3:
            name += rng.choice(_MIDDLES) + rng.choice(_ENDS)
        if held_out(name, 6) == (split == "test"):
            return name


# What the test holds out of these tables; no wider pool of the training may hold it either.
HELD_OUT = frozenset(v for pool in (NAMES, CITIES, COLOURS, FOODS, JOBS, HOBBIES) for v in values(pool, "test"))


def _pool(pool: list[str], more: list[str]) -> Pool:
    """Return a pool of short and of many values; those of the test come from the short one alone."""
    known, wider = values(pool, "train"), sorted({*more} - HELD_OUT)
    held = values(pool, "test") or pool

    def draw(rng: random.Random, split: Split) -> str:
        if split == "test":
            return rng.choice(held)
        roll = rng.random()
        if roll < 0.12:
            return syllables(rng).lower()
        return rng.choice(known if roll < 0.45 else wider)

    return draw


colour, food, job = _pool(COLOURS, wide.COLOURS), _pool(FOODS, wide.FOODS), _pool(JOBS, wide.JOBS)
hobby, pet = _pool(HOBBIES, wide.HOBBIES), _pool(PETS, wide.PETS)
_MORE_NAMES, _MORE_CITIES = (sorted({*pool} - HELD_OUT) for pool in (wide.NAMES, wide.CITIES))


def _proper(rng: random.Random, split: Split, known: list[str], wider: list[str], coined: float) -> str:
    if rng.random() < coined:
        return invented(rng, split) if split == "test" or rng.random() < 0.75 else syllables(rng).capitalize()
    more = split == "train" and rng.random() < 0.55
    return rng.choice(wider if more else values(known, split))


def person(rng: random.Random, split: Split = "train") -> str:
    """Return the name of a person."""
    return _proper(rng, split, NAMES, _MORE_NAMES, 0.45)


def place(rng: random.Random, split: Split = "train") -> str:
    """Return the name of a town."""
    return capital(_proper(rng, split, CITIES, _MORE_CITIES, 0.4))
