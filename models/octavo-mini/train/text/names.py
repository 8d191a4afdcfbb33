"""Pools of values that people give about themselves, and invented ones."""

from __future__ import annotations

import random

from .base import Split, capital, held_out, values, words

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


def invented(rng: random.Random, split: Split = "train") -> str:
    """Return an invented name; it has to be copied, as it cannot be known."""
    while True:
        name = rng.choice(_STARTS) + rng.choice(_MIDDLES) + rng.choice(_ENDS)
        if rng.random() < 0.3:
            name += rng.choice(_MIDDLES) + rng.choice(_ENDS)
        if held_out(name, 6) == (split == "test"):
            return name


def person(rng: random.Random, split: Split = "train") -> str:
    """Return the name of a person."""
    if rng.random() < 0.45:
        return invented(rng, split)
    return rng.choice(values(NAMES, split))


def place(rng: random.Random, split: Split = "train") -> str:
    """Return the name of a town."""
    if rng.random() < 0.4:
        return capital(invented(rng, split))
    return rng.choice(values(CITIES, split))
