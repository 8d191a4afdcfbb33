"""Conversations put together from exchanges, and the shares of each kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from . import json_answers, memory, thinking
from .base import Exchange, Split, a, lines, phrasings, typed, values, words
from .facts import follow_up, one_word_fact, random_fact
from .measures import conversion, dates
from .names import person
from .numbers import addition, comparison, counting, large, subtraction
from .practice import copy_record, fields_record, identifier_record, lookup_record
from .rewriting import count_items, rewrite, sort, summary
from .smalltalk import feeling, intent_exchange, jokes
from .stories import plain_story, story_exchanges
from .tool_chats import drill, tool_record
from .transforms import VOCABULARY, transform
from .unknowns import unknown

Messages = list[dict[str, str]]
Record = dict[str, object]

SYSTEM_PROMPTS = lines("""
    You are a helpful assistant.
    You are a helpful, friendly assistant.
    Answer briefly.
    You are a helpful AI assistant.
    Be kind and short.
    You are an assistant.
    Keep your answers short.
    You are a friendly chat model.
    You are Octavo Mini, a small language model.
    Help the user.
    You are Octavo Mini.
    Be polite.
""")
ROLES = {
    "pirate": "Arr!", "robot": "Beep!", "ghost": "Boo!", "cat": "Meow!", "cowboy": "Howdy!", "dog": "Woof!",
    "butler": "", "teacher": "", "gardener": "", "wizard": "", "guide": "", "baker": "", "librarian": "", "friend": "",
}
PERSONA_PROMPTS = lines("""
    You are {n}, {r}.
    Your name is {n} and you are {r}.
    You are {r} called {n}.
    You are {n}. You are {r}.
    Your name is {n}. You are {r}.
    You are {r} and your name is {n}.
    Play {n}, {r}.
""")
NAME_ASKS = lines("""
    What is your name?
    What's your name?
    Tell me your name.
    Who am I talking to?
    Do you have a name?
    What are you called?
    May I know your name?
""")
WHO_ASKS = ["Who are you?", "What are you?", "Tell me about yourself.", "Introduce yourself."]
THINGS = words("""
    secret_word password code_word name_of_the_ship name_of_the_shop name_of_the_project meeting_room
    name_of_the_cat boss magic_word name_of_the_city name_of_the_king wifi_password name_of_the_house
    winner captain name_of_the_dog name_of_the_team owner guest name_of_the_street key_word
""")
THING_ASKS = lines("""
    What is the {t}?
    Tell me the {t}.
    Do you know the {t}?
    What's the {t}?
    What was the {t}?
    Can you tell me the {t}?
    Do you remember the {t}?
""")


_SINGLE: list[tuple[Callable[[random.Random], list[Exchange]], float]] = [
    (lambda rng: [intent_exchange("small talk", rng)], 11), (lambda rng: [feeling(rng)], 3),
    (lambda rng: [intent_exchange("identity", rng)], 8), (lambda rng: [intent_exchange("server", rng)], 6),
    (jokes, 1), (lambda rng: [addition(rng)], 11), (lambda rng: [subtraction(rng)], 6),
    (lambda rng: [large(rng)], 6), (lambda rng: [counting(rng)], 3), (lambda rng: [conversion(rng)], 3),
    (lambda rng: [dates(rng)], 3), (lambda rng: [random_fact(rng)], 21), (follow_up, 2),
    (lambda rng: [transform(rng)], 7), (lambda rng: [rng.choice((rewrite, rewrite, sort, count_items))(rng)], 4),
    (lambda rng: [summary(rng)], 0.8), (lambda rng: [unknown(rng)], 9), (story_exchanges, 1.5),
]


def single(rng: random.Random) -> list[Exchange]:
    """Return one exchange (or a short run that belongs together) of any kind."""
    return rng.choices([maker for maker, _ in _SINGLE], [share for _, share in _SINGLE])[0](rng)


KEEP_CASE = ("told", "repeat", "reverse", "lower case", "upper case", "story", "recall", "rewrite", "summary",
             "sort", "spell")


def chatter(rng: random.Random, count: int) -> list[Exchange]:
    """Return about `count` exchanges that leave the conversation's facts alone."""
    found: list[Exchange] = []
    while len(found) < count:
        found += [e for e in single(rng) if e.kind not in ("story", "recall", "summary") or rng.random() < 0.2]
    return found


def to_messages(exchanges: list[Exchange], system: str | None, rng: random.Random) -> Messages:
    """Turn exchanges into chat messages, typed the way people type."""
    messages: Messages = [] if system is None else [{"role": "system", "content": system}]
    for exchange in exchanges:
        keep = exchange.kind in KEEP_CASE
        messages.append({"role": "user", "content": typed(exchange, rng, keep).user})
        messages.append({"role": "assistant", "content": exchange.answer})
    return messages


def plain_chat(rng: random.Random) -> Messages:
    """Return a chat without anything to remember."""
    system = rng.choice(SYSTEM_PROMPTS) if rng.random() < 0.25 else None
    turns = rng.choice((1, 1, 1, 2, 3, 4))
    found: list[Exchange] = []
    for _ in range(turns):
        found += single(rng)
    return to_messages(found, system, rng)


def sums_chat(rng: random.Random) -> Messages:
    """Return several sums in a row; they are short, so this is cheap practice."""
    makers = rng.choices((addition, subtraction, large, comparison), (5, 3, 3, 3), k=rng.randint(2, 6))
    found = [maker(rng) for maker in makers]
    return to_messages(found, None, rng)


def talk_chat(rng: random.Random) -> Messages:
    """Return several short exchanges of small talk and identity in a row."""
    groups = rng.choices(("small talk", "identity", "server"), (4, 5, 2), k=rng.randint(2, 6))
    return to_messages([intent_exchange(group, rng) for group in groups], None, rng)


def _recall_exchanges(rng: random.Random, split: Split, gap: int) -> tuple[list[Exchange], list[Exchange]]:
    """Return the exchanges that tell details, and those that ask for them."""
    details = memory.choose(rng, rng.choice((1, 1, 2, 3)))
    told = [(d, d.make(rng, split)) for d in details]
    if len(told) >= 2 and rng.random() < 0.4:
        opening = [memory.tell_two(*told[0], *told[1], rng)]
        opening += [memory.tell(d, v, rng) for d, v in told[2:]]
    else:
        opening = [memory.tell(d, v, rng) for d, v in told]
    opening += chatter(rng, gap) if gap else []
    asked = [memory.ask(d, v, rng) for d, v in rng.sample(told, rng.randint(1, len(told)))]
    others = [d for d in memory.DETAILS if d.name not in {d.name for d in details}]
    if rng.random() < 0.25:
        asked.append(memory.ask_unknown(rng.choice(others), rng))
    return opening, asked


def recall_chat(rng: random.Random, gap: int | None = None) -> Messages:
    """Return a chat in which the user tells something and asks for it later."""
    gap = rng.choice((0, 0, 1, 2, 3)) if gap is None else gap
    opening, asked = _recall_exchanges(rng, "train", gap)
    system = rng.choice(SYSTEM_PROMPTS) if rng.random() < 0.2 else None
    return to_messages(opening + asked, system, rng)


def not_told_chat(rng: random.Random) -> Messages:
    """Return a chat that asks for something nobody told."""
    asked = rng.sample(memory.DETAILS, rng.choice((1, 1, 2)))
    others = [d for d in memory.DETAILS if d not in asked]
    told = rng.sample(others, rng.choice((0, 1, 1, 2)))
    before = [memory.tell(d, d.make(rng, "train"), rng) for d in told] + (chatter(rng, 1) if rng.random() < 0.3 else [])
    return to_messages([*before, *(memory.ask_unknown(d, rng) for d in asked)], None, rng)


def _affix(exchange: Exchange, cry: str) -> Exchange:
    return replace(exchange, answer=f"{cry} {exchange.answer}") if cry else exchange


def persona_case(rng: random.Random, split: Split = "train") -> tuple[str, list[Exchange]]:
    """Return a system prompt with a persona and the questions about it."""
    name, role = person(rng, split), rng.choice(list(ROLES))
    system = rng.choice(phrasings(PERSONA_PROMPTS, "train")).format(n=name, r=a(role))
    asked = [
        Exchange(rng.choice(phrasings(NAME_ASKS, "train")), f"My name is {name}.", "recall"),
        Exchange(rng.choice(WHO_ASKS), f"I am {name}, {a(role)}.", "recall"),
    ]
    if rng.random() < 0.15:
        system = rng.choice([f"Your name is {name}.", f"You are {name}."])
        asked[1] = replace(asked[1], answer=f"I am {name}.")
        return system, asked
    return system, [_affix(e, ROLES[role]) for e in asked]


def persona_chat(rng: random.Random) -> Messages:
    """Return a chat with a persona, mixed with other questions."""
    system, asked = persona_case(rng)
    cry = next((c for r, c in ROLES.items() if c and a(r) in system), "")
    extra = [_affix(e, cry) for e in chatter(rng, rng.choice((1, 1, 2))) if e.kind != "identity"]
    found = rng.sample(asked, rng.choice((1, 1, 2))) + extra
    rng.shuffle(found)
    return to_messages(found, system, rng)


def style_chat(rng: random.Random) -> Messages:
    """Return a chat whose system prompt fixes the form of the answers."""
    if rng.random() < 0.35:
        system = rng.choice(["Answer in one word.", "Answer with one word.", "Give one-word answers.",
                             "Use only one word for each answer."])
        return to_messages([one_word_fact(rng) for _ in range(rng.randint(1, 3))], system, rng)
    word = rng.choice(VOCABULARY)
    found = [e for e in chatter(rng, rng.choice((1, 2, 3))) if e.kind not in ("story", "joke")]
    if rng.random() < 0.5:
        system = rng.choice(["Begin every answer with the word {w}.", "Start each answer with {w}.",
                             "Begin your answers with {w}."]).format(w=word)
        cry = word[:1].upper() + word[1:] + "!"
        return to_messages([_affix(e, cry) for e in found], system, rng)
    system = rng.choice(["End every answer with the word {w}.", "End each answer with {w}.",
                         "Always end with the word {w}."]).format(w=word)
    ended = [replace(e, answer=f"{e.answer} {word[:1].upper() + word[1:]}.") for e in found]
    return to_messages(ended, system, rng)


def thing_case(rng: random.Random, split: Split = "train") -> tuple[list[str], list[Exchange]]:
    """Return sentences that name things, and questions for some of them."""
    chosen = rng.sample(THINGS, rng.randint(1, 3))
    pool = values(VOCABULARY, split)
    given = {t: rng.choice(pool) if rng.random() < 0.4 else person(rng, split) for t in chosen}
    asked = [
        Exchange(rng.choice(phrasings(THING_ASKS, "train")).format(t=t), f"The {t} is {given[t]}.", "recall")
        for t in rng.sample(chosen, rng.randint(1, len(chosen)))
    ]
    return [f"The {t} is {v}." for t, v in given.items()], asked


def thing_chat(rng: random.Random) -> Messages:
    """Return a chat about given things; a missing one is declined."""
    sentences, asked = thing_case(rng)
    if rng.random() < 0.3:
        other = rng.choice([t for t in THINGS if not any(t in s for s in sentences)])
        ask = rng.choice(phrasings(THING_ASKS, "train")).format(t=other)
        asked.insert(rng.randint(0, len(asked)), Exchange(ask, f"I do not know the {other}.", "not told"))
    gap = chatter(rng, 1) if rng.random() < 0.3 else []
    if rng.random() < 0.6:
        lead = rng.choice(SYSTEM_PROMPTS[:6]) + " " if rng.random() < 0.3 else ""
        return to_messages(gap + asked, lead + " ".join(sentences), rng)
    told = [Exchange(s, "I will remember that.", "told") for s in sentences]
    return to_messages(told + gap + asked, None, rng)


def system_detail_case(rng: random.Random, split: Split = "train") -> tuple[str, list[Exchange]]:
    """Return a system prompt with details of the user, and questions for them."""
    details = memory.choose(rng, rng.choice((1, 2, 3)))
    told = [(d, d.make(rng, split)) for d in details]
    system = " ".join(d.system.format(v=v) for d, v in told)
    return system, [memory.ask(d, v, rng) for d, v in rng.sample(told, rng.randint(1, len(told)))]


def system_detail_chat(rng: random.Random) -> Messages:
    """Return a chat whose system prompt describes the user."""
    system, asked = system_detail_case(rng)
    if rng.random() < 0.3:
        others = [d for d in memory.DETAILS if d.system[:16] not in system]
        asked += [memory.ask_unknown(rng.choice(others), rng)] if others else []
    lead = rng.choice(SYSTEM_PROMPTS) + " " if rng.random() < 0.4 else ""
    gap = chatter(rng, 1) if rng.random() < 0.3 else []
    return to_messages(gap + asked, lead + system, rng)


def recall_test(rng: random.Random) -> tuple[Messages, Exchange]:
    """Return a conversation with held-out values, and the question that ends it."""
    roll = rng.random()
    if roll < 0.5:
        opening, asked = _recall_exchanges(rng, "test", rng.choice((0, 1, 2, 3)))
        return to_messages(opening, None, rng), asked[0]
    maker = rng.choice((persona_case, system_detail_case, thing_case))
    system, asked = maker(rng, "test")
    text = system if isinstance(system, str) else " ".join(system)
    gap = chatter(rng, 1) if rng.random() < 0.3 and maker is not persona_case else []
    return to_messages(gap, text, rng), asked[0]


def long_recall_test(rng: random.Random) -> tuple[Messages, Exchange]:
    """Return a conversation of many turns with held-out values, and the question that ends it."""
    opening, asked = _recall_exchanges(rng, "test", rng.randint(15, 40))
    return to_messages(opening, None, rng), asked[0]


def not_told_case(rng: random.Random) -> tuple[Messages, Exchange]:
    """Return a conversation, and a question for a detail that it does not hold."""
    asked = rng.choice(memory.DETAILS)
    told = rng.choice([d for d in memory.DETAILS if d.name != asked.name])
    before = [memory.tell(told, told.make(rng, "test"), rng)] if rng.random() < 0.6 else []
    return to_messages(before, None, rng), memory.ask_unknown(asked, rng)


def json_record(rng: random.Random) -> Record:
    """Return a request for JSON, or several texts for the schema of a system prompt."""
    return json_answers.case(rng) if rng.random() < 0.5 else json_answers.series(rng)


def direct_record(rng: random.Random) -> Record:
    """Return a chat answered without reasoning because the template was told so."""
    messages = plain_chat(rng)
    messages[-1]["content"] = f"<think>\n\n</think>\n\n{messages[-1]['content']}"
    return {"messages": messages, "enable_thinking": False}


CHATS = {
    plain_chat: 46, talk_chat: 16, sums_chat: 6, recall_chat: 13, not_told_chat: 7, persona_chat: 7, style_chat: 3,
    thing_chat: 7, system_detail_chat: 6,
}
RECORDS = {tool_record: 16, json_record: 10, thinking.record: 5, direct_record: 1}


def conversation(rng: random.Random) -> Record:
    """Return one conversation of the training split."""
    makers = {**CHATS, **RECORDS}
    maker = rng.choices(list(makers), list(makers.values()))[0]
    return {"messages": maker(rng)} if maker in CHATS else maker(rng)


def long_conversation(rng: random.Random) -> Messages:
    """Return a conversation of many turns with something to remember at its start."""
    gap = rng.randint(8, 26) if rng.random() < 0.6 else rng.randint(26, 50)
    return recall_chat(rng, gap=gap)


def practice(rng: random.Random) -> dict[str, object]:
    """Return a record of the skills that take most practice: copying, sums, tools and JSON."""
    roll = rng.random()
    if roll < 0.08:
        return copy_record(rng)
    if roll < 0.12:
        return identifier_record(rng)
    if roll < 0.19:
        return lookup_record(rng)
    if roll < 0.30:
        return fields_record(rng)
    if roll < 0.43:
        return rng.choice((drill, tool_record))(rng)
    if roll < 0.54:
        return json_record(rng)
    if roll < 0.61:
        return {"messages": sums_chat(rng)}
    if roll < 0.64:
        return {"messages": to_messages(story_exchanges(rng), None, rng)}
    if roll < 0.87:
        makers = rng.choices((transform, rewrite, count_items), (5, 2, 1), k=rng.randint(1, 4))
        return {"messages": to_messages([maker(rng) for maker in makers], None, rng)}
    return {"messages": rng.choice((recall_chat, thing_chat, persona_chat, not_told_chat))(rng)}


def plain_text(rng: random.Random) -> str:
    """Return a text without chat markers."""
    return plain_story(rng)
