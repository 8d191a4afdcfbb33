"""Questions outside the model's world, and the answer that declines them."""

from __future__ import annotations

import random

from .base import Exchange, Split, lines, phrasings, values, words
from .names import invented

DECLINE = "I do not know that. I am a very small model."
NO_VIEW = "I do not know. I cannot see anything outside this conversation."
NO_TASK = "I cannot do that. I am a very small model."
NO_SUM = "I do not know. I can only add and subtract numbers up to 999."

_THINGS = words("""
    telephone microscope radio compass typewriter elevator zipper violin umbrella bicycle refrigerator
    submarine parachute thermometer calculator television helicopter piano dishwasher satellite laser
    battery steam_engine printing_press light_bulb internet toaster tractor telescope guitar
""")
_PEOPLE = words("""
    president minister mayor emperor composer painter champion poet director captain general bishop
    philosopher explorer inventor novelist astronaut singer
""")
_LANDS = words("""
    Mongolia Bolivia Paraguay Latvia Estonia Albania Angola Zambia Uganda Senegal Laos Bhutan Malta
    Cyprus Slovakia Slovenia Moldova Jordan Qatar Oman Fiji Samoa Haiti Panama Honduras Guyana Chad
    Niger Mali Togo Benin Gabon Rwanda Malawi Tunisia Sudan Somalia Georgia Armenia Belize
""")
_TOPICS = words("""
    quantum_mechanics inflation photosynthesis the_stock_market democracy volcanoes black_holes chemistry
    economics blockchain genetics philosophy algebra the_Roman_Empire the_Second_World_War electricity
    magnetism evolution vitamins opera architecture the_Olympic_Games insurance taxes mortgages
    earthquakes relativity thermodynamics dinosaurs viruses
""")
_LANGUAGES = words("French German Spanish Italian Latin Greek Russian Chinese Japanese Dutch Polish Arabic Hindi Turkish")
_TASKS = lines("""
    Write a Python program.
    Write code that sorts a list.
    Write a program in C.
    Write a function in JavaScript.
    Write a poem about {t}.
    Write an essay about {t}.
    Send an email to {n}.
    Book a flight to {l}.
    Order a pizza for me.
    Draw a picture of {n}.
    Play some music.
    Translate this into {g}.
    Translate hello into {g}.
    How do you say thank you in {g}?
    How do I say good morning in {g}?
    Write a letter to {n}.
    Search the internet for {t}.
    Set an alarm for seven.
    Call {n}.
    Make a plan for my trip to {l}.
    Fix this bug in my code.
    Write a long novel.
    Summarise the news about {t}.
    Write my homework about {t}.
""")
_NOW = lines("""
    What time is it?
    What is the weather today?
    What day is it today?
    What is the date today?
    What is the news today?
    Will it rain tomorrow?
    How is the weather in {n}?
    What is the price of gold?
    Who won the game yesterday?
    What is the weather like in {l}?
    What year is it?
    Who won the last election in {l}?
    Is it raining in {l}?
    How warm is it outside?
    Is the shop in {n} open now?
    What is on television tonight?
    When does the next train to {n} leave?
    What is the time now?
    How much does a ticket to {l} cost?
    What happened today?
    Who is standing behind me?
    What am I wearing?
    What will happen tomorrow?
    What is the time in {l}?
""")
_GENERAL = lines("""
    Who invented the {h}?
    Who is {n}?
    Who was the first {p} of {l}?
    What is the population of {l}?
    How many people live in {l}?
    Who wrote the book about {n}?
    What is the capital of {l}?
    How tall is {n}?
    Explain {t}.
    When was {n} born?
    Tell me about {t}.
    What is {n} known for?
    Who is the {p} of {l}?
    When was the {h} invented?
    How does a {h} work?
    What is the capital of {n}?
    What do you know about {t}?
    Where is {n} buried?
    What is {t}?
    How far is it from {l} to {n}?
    Which river flows through {n}?
    What is the highest mountain of {l}?
    Who painted {n}?
    How many {h}s are there in {l}?
    What is the currency of {l}?
    What is the meaning of the word {w}?
    In which year did {n} die?
    How heavy is a {h}?
    What does {w} mean?
    Who discovered {t}?
    How do I repair a {h}?
    Why is {t} important?
    Who founded {n}?
    How does {t} work?
    What is the history of {l}?
    Can you explain {t}?
    What is the best {h}?
    Who was {n}?
    Tell me something about {n}.
    When did {n} become {p}?
    Where was the {p} of {l} born?
    What language do people speak in {l}?
    Who directed the film {n}?
    How old is the {p} of {l}?
    What is the square root of {d}?
    What is {d} times {e}?
    What is {d} divided by {e}?
    How many legs does a {w} have?
    Who owns {n}?
    What happened in {l} in the year {b}?
    Do you know who {n} is?
    Do you know who invented the {h}?
    Tell me who {n} was.
    Tell me who the {p} of {l} is.
    Tell me the population of {l}.
    Can you tell me who wrote {n}?
    Can you tell me how a {h} works?
    I want to know who {n} is.
    I want to know how {t} works.
    Explain how a {h} works.
    Which country is {n} in?
    What colour is a {w}?
    What is the opposite of {w}?
    What is the plural of {w}?
    What does a {w} eat?
    What does a {w} say?
    Where does a {w} live?
    What is {w} made of?
    What is a baby {w} called?
    Which continent is {n} in?
    What do you call a {w}?
    Who is the author of {n}?
    Tell me what {t} is.
    Describe {t}.
    What are the causes of {t}?
    Give me facts about {t}.
    Give me facts about {n}.
    Where is {n}?
    What is {n}?
    What kind of thing is a {h}?
    How much does a {h} cost?
    How fast is a {h}?
    Who made the first {h}?
    How long is the river {n}?
    How big is {l}?
    Which team did {n} play for?
    Is {n} still alive?
    How many books did {n} write?
    Who is married to {n}?
    Which king ruled {l}?
    What is the flag of {l}?
    Define {t}.
    Define {w}.
    What year was {n} founded?
    Name a {p} from {l}.
""")
_BIG_SUMS = lines("""
    What is {b} + {c}?
    {b} + {c}
    How much is {b} plus {c}?
    Add {b} and {c}.
    What is {b} - {c}?
    Calculate {b} + {c}.
    Subtract {c} from {b}.
""")
_WORLD = lines("""
    Who is the president of the United States?
    What is the tallest building in the world?
    Who won the last world cup?
    How do I bake a cake?
    Who wrote Romeo and Juliet?
    Who painted the Mona Lisa?
    What is the speed of light?
    How old is the universe?
    How deep is the ocean?
    What is love?
    Who was the first man on the moon?
    Who is the richest person in the world?
    What is the longest river in the world?
    How many stars are there?
    How many people live on the earth?
    How many countries are in the world?
    Who discovered America?
    When did the war end?
    What is the best phone?
    Which car should I buy?
    How do I lose weight?
    What is the recipe for pancakes?
    How do I cook rice?
    How can I get rich?
    What medicine should I take?
    Why do I have a headache?
    How do I learn to play the guitar?
    What is the fastest car?
    Who is the best football player?
    What is the square root of two?
    What is the value of pi?
    What is a prime number?
    How do computers work?
    How does the internet work?
    What is Linux?
    What is JavaScript?
    What is a neural network?
    What is artificial intelligence?
    How do I install Python?
    What is Docker?
    Who invented the computer?
    Who is the king of England?
    What is the largest country?
    Which is the largest city in the world?
    What is the highest mountain in the world?
    How far away is the moon?
    How hot is the sun?
    How big is the earth?
    Why do cats purr?
    Why do leaves fall?
    Why is the sea salty?
    How do birds find their way?
    How do planes fly?
    Who built the pyramids?
    How long do turtles live?
    What did people eat in the Middle Ages?
    When was the first book printed?
    Is there life on other planets?
    What is time?
    Who wrote the Bible?
    What is a good film?
    Which book should I read?
    Who is your favourite singer?
    What should I wear today?
    What is the best restaurant in town?
    How do I get to the station?
    Can you recommend a hotel?
    What is my bank balance?
    How tall am I?
    What is in my pocket?
    What is the phone number of the police?
    How do I fix my bicycle?
""")
KINDS: dict[str, tuple[list[str], str]] = {
    "general": (_GENERAL, DECLINE),
    "world": (_WORLD, DECLINE),
    "now": (_NOW, NO_VIEW),
    "task": (_TASKS, NO_TASK),
    "big sum": (_BIG_SUMS, NO_SUM),
}
ANSWERS = (DECLINE, NO_VIEW, NO_TASK, NO_SUM)


def _slots(rng: random.Random, split: Split) -> dict[str, str]:
    pools = {"h": _THINGS, "p": _PEOPLE, "l": _LANDS, "t": _TOPICS, "g": _LANGUAGES}
    slots = {key: rng.choice(values(pool, split) or pool) for key, pool in pools.items()}
    slots |= {"n": invented(rng, split), "w": invented(rng, split).lower()}
    slots |= {"d": str(rng.randrange(2, 99)), "e": str(rng.randrange(2, 99))}
    big = [rng.randrange(1000, 10 ** rng.randint(4, 6)) for _ in range(2)]
    slots |= {"b": str(max(big)), "c": str(min(big))}
    return slots


def unknown(rng: random.Random, split: Split = "train", held_phrasing: bool = False) -> Exchange:
    """Return a question that the model has to decline."""
    kind = rng.choices(list(KINDS), (6, 3, 2, 2, 1))[0]
    asks, answer = KINDS[kind]
    ask = rng.choice(phrasings(asks, "test" if held_phrasing else "train"))
    return Exchange(ask.format(**_slots(rng, split)), answer, "declined", ANSWERS)
