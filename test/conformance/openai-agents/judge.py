"""
OpenAI's Agents SDK for Python against the server under test, by chat and by responses. What is compared word for word is
what the model in the box is tested to say (`examples.json` beside it); of the rest only shapes are looked at.
"""

import json
import os
from typing import Literal

import openai
from agents import (
    Agent,
    MaxTurnsExceeded,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    SQLiteSession,
    function_tool,
)
from pydantic import BaseModel

from case_lines import MODEL, example, tell

# Without include_usage this SDK asks for no usage of a streamed chat.
GREEDY = {"temperature": 0, "include_usage": True}
QUIET = RunConfig(tracing_disabled=True)
ONE_CALL = {"tool_choice": "required", "parallel_tool_calls": False}
QUESTION = "What is the weather in Rome?"
CASES = []


def client(**options):
    return openai.AsyncOpenAI(max_retries=0, timeout=60, **options)


def model_of(kind):
    return kind(model=MODEL, openai_client=client())


class Mood(BaseModel):
    mood: Literal["glad", "sad"]
    sure: bool


def weather_tool(stays=False):
    """Unless it stays, it is there until it was called, so that a loop goes round once whatever the model would do."""
    calls = []

    @function_tool(is_enabled=lambda context, agent: stays or not calls)
    def get_weather(city: Literal["Oslo", "Rome"]) -> str:
        """The weather in a city."""
        calls.append(city)
        return f"sunny in {city}"

    return get_weather


def agent(model, *, name="Octavo", settings=None, **options):
    return Agent(name=name, model=model, model_settings=ModelSettings(**{**GREEDY, **(settings or {})}), **options)


async def run(one, question, **options):
    return await Runner.run(one, question, run_config=QUIET, **options)


async def streamed(one, question, **options):
    result = Runner.run_streamed(one, question, run_config=QUIET, **options)
    return result, [event async for event in result.stream_events()]


def case(name):
    def add(body):
        CASES.append((f"chat: {name}", lambda: body(model_of(OpenAIChatCompletionsModel))))
        CASES.append((f"responses: {name}", lambda: body(model_of(OpenAIResponsesModel))))
        return body

    return add


def assert_used(result, requests):
    usage = result.context_wrapper.usage
    assert usage.requests == requests, usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0, usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage


@case("run: instructions reach the model, with usage")
async def whole(model):
    (system, question), answer = example("system", "user")
    result = await run(agent(model, instructions=system["content"]), question["content"])
    assert result.final_output == answer, result.final_output
    assert_used(result, 1)


@case("run_streamed: the deltas add up to the answer, with usage")
async def deltas(model):
    (system, question), answer = example("system", "user")
    result, events = await streamed(agent(model, instructions=system["content"]), question["content"])
    raw = [event.data for event in events if event.type == "raw_response_event"]
    texts = [event.delta for event in raw if event.type == "response.output_text.delta"]
    assert len(texts) > 1 and "".join(texts) == answer == result.final_output, texts
    assert raw[-1].type == "response.completed", raw[-1].type
    assert_used(result, 1)


@case("run: a conversation given as items is read")
async def history(model):
    messages, answer = example("user", "assistant", "user", "assistant", "user")
    result = await run(agent(model), messages)
    assert result.final_output == answer, result.final_output


@case("run: a session keeps what was said")
async def session(model):
    kept = SQLiteSession("one")
    first = await run(agent(model), "My name is Ada.", session=kept)
    second = await run(agent(model), "What is my name?", session=kept)
    assert [item["role"] for item in await kept.get_items()] == ["user", "assistant"] * 2
    before, after = first.context_wrapper.usage, second.context_wrapper.usage
    assert after.input_tokens > before.input_tokens + before.output_tokens


def assert_looped(result):
    call, output, *rest = [item for item in result.new_items if item.type != "reasoning_item"]
    assert [call.type, output.type] == ["tool_call_item", "tool_call_output_item"], result.new_items
    assert [item.type for item in rest] == ["message_output_item"], rest
    assert call.raw_item.name == "get_weather" and output.raw_item["call_id"] == call.raw_item.call_id
    assert output.output == f"sunny in {json.loads(call.raw_item.arguments)['city']}"
    assert_used(result, 2)


@case("tools: a loop of a forced call, its result and a text")
async def tools(model):
    one = agent(model, tools=[weather_tool()], settings={**ONE_CALL, "tool_choice": "get_weather"})
    result = await run(one, QUESTION)
    assert_looped(result)
    assert isinstance(result.final_output, str)


@case("tools: the loop streamed, with a typed answer")
async def tools_streamed(model):
    one = agent(model, tools=[weather_tool()], settings=ONE_CALL, output_type=Mood)
    result, events = await streamed(one, QUESTION)
    assert_looped(result)
    assert isinstance(result.final_output, Mood)
    names = [event.name for event in events if event.type == "run_item_stream_event"]
    assert names == ["tool_called", "tool_output", "message_output_created"], names


@case("tools: stop_on_first_tool")
async def first_tool(model):
    one = agent(model, tools=[weather_tool()], settings=ONE_CALL, tool_use_behavior="stop_on_first_tool")
    result = await run(one, QUESTION)
    assert result.final_output in ("sunny in Oslo", "sunny in Rome")
    assert_used(result, 1)


@case("tools: calls without end run into max_turns")
async def turns(model):
    one = agent(model, tools=[weather_tool(stays=True)], settings=ONE_CALL, reset_tool_choice=False)
    try:
        await run(one, QUESTION, max_turns=2)
    except MaxTurnsExceeded as error:
        assert [item.type for item in error.run_data.new_items].count("tool_call_item") == 2
    else:
        raise AssertionError("no MaxTurnsExceeded")


@case("handoffs: forced, whole and streamed")
async def handoffs(model):
    clerk = agent(model, name="Clerk", instructions="Be short.")
    desk = agent(model, name="Desk", handoffs=[clerk], settings=ONE_CALL)
    result = await run(desk, QUESTION)
    assert result.last_agent is clerk and isinstance(result.final_output, str)
    result, events = await streamed(desk, QUESTION)
    assert result.last_agent is clerk
    assert "handoff_occured" in [event.name for event in events if event.type == "run_item_stream_event"]


@case("typed: output_type, whole and streamed")
async def typed(model):
    one = agent(model, output_type=Mood)
    assert isinstance((await run(one, "How are you?")).final_output, Mood)
    result, _events = await streamed(one, "How are you?")
    assert isinstance(result.final_output, Mood)
    assert_used(result, 1)


@case("errors: each status has its class, whole and streamed")
async def errors(model):
    of = type(model)
    wrong = of(model=MODEL, openai_client=client(api_key="wrong"))
    for wanted, code, other, question, settings in (
        (openai.BadRequestError, None, model, "Hello!", {"temperature": 9}),
        (openai.BadRequestError, "context_length_exceeded", model, "word " * 5000, {}),
        (openai.NotFoundError, "model_not_found", of(model="gpt-4o", openai_client=client()), "Hello!", {}),
        (openai.AuthenticationError, "invalid_api_key", wrong, "Hello!", {}),
    ):
        for go in (run, streamed):
            try:
                await go(agent(other, settings=settings), question)
            except wanted as error:
                assert error.code == (code or error.code) and error.code and error.request_id, error
            else:
                raise AssertionError(f"no {wanted.__name__} by {go.__name__}")


@case("errors: 429 is a RateLimitError that says when to try again")
async def rate_limit(model):
    narrow = client(base_url=os.environ["CONFORMANCE_NARROW_URL"])
    request = {"model": MODEL, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 1900, "stream": True}
    # Retried, since the server may not have noticed yet that an earlier holder has gone.
    patient = narrow.with_options(max_retries=8)
    holder = await patient.chat.completions.create(**request, extra_body={"ignore_eos": True})
    try:
        await run(agent(type(model)(model=MODEL, openai_client=narrow)), "Hello!")
    except openai.RateLimitError as error:
        assert int(error.response.headers["retry-after"]) >= 1
    else:
        raise AssertionError("no RateLimitError")
    finally:
        await holder.close()


async def stored(model):
    one = agent(model, tools=[weather_tool()], settings={**ONE_CALL, "store": True})
    first = await run(one, QUESTION, auto_previous_response_id=True)
    assert_looped(first)
    call, text = [response.response_id for response in first.raw_responses]
    kept = await client().responses.retrieve(text)
    assert kept.previous_response_id == call
    second = await run(agent(model), "Thanks.", previous_response_id=first.last_response_id)
    assert second.context_wrapper.usage.input_tokens > first.raw_responses[-1].usage.input_tokens


CASES.append(("responses: run: turns that go on from stored ones", lambda: stored(model_of(OpenAIResponsesModel))))


tell(CASES)
