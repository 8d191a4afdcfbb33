"""OpenAI's SDK for Python against the server under test. The model says what it likes: only shapes are looked at."""

import asyncio
import json
import os
from typing import Literal

import openai
from pydantic import BaseModel
from case_lines import MODEL, tell

MESSAGES = [{"role": "user", "content": "What is 12 + 30?"}]
REQUEST = {"model": MODEL, "messages": MESSAGES, "max_tokens": 24}
client = openai.OpenAI(max_retries=0, timeout=60)


class Mood(BaseModel):
    mood: Literal["glad", "sad"]
    sure: bool


class GetWeather(BaseModel):
    """The weather in a city."""

    city: Literal["Oslo", "Rome"]
    metric: bool


WEATHER = openai.pydantic_function_tool(GetWeather, name="get_weather")
CASES = []


def case(name):
    def add(body):
        CASES.append((name, body))
        return body

    return add


@case("chat: a whole answer, with nothing that its type does not know")
def whole():
    completion = client.chat.completions.create(**REQUEST)
    assert completion.object == "chat.completion" and completion.model == MODEL
    assert completion.choices[0].message.role == "assistant"
    assert isinstance(completion.choices[0].message.content, str)
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    type(completion).model_validate(completion.to_dict(), strict=True)


@case("chat: with_raw_response and with_streaming_response")
def raw():
    answer = client.chat.completions.with_raw_response.create(**REQUEST)
    assert answer.headers["x-request-id"] and answer.parse().choices
    with client.chat.completions.with_streaming_response.create(**REQUEST) as streamed:
        assert json.loads("".join(streamed.iter_text()))["object"] == "chat.completion"


@case("chat: n choices with logprobs")
def choices():
    completion = client.chat.completions.create(**REQUEST, n=2, logprobs=True, top_logprobs=3)
    assert [choice.index for choice in completion.choices] == [0, 1]
    for choice in completion.choices:
        assert choice.logprobs.content
        assert all(len(token.top_logprobs) == 3 for token in choice.logprobs.content)


@case("chat: extra_body reaches the server")
def extra_body():
    completion = client.chat.completions.create(**REQUEST, extra_body={"top_k": 1, "min_tokens": 3})
    assert completion.usage.completion_tokens >= 3


@case("stream: chunks, usage last")
def stream():
    chunks = list(client.chat.completions.create(**REQUEST, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-2].choices[0].finish_reason in ("stop", "length")


@case("stream: the helper's events and final completion")
def stream_helper():
    with client.chat.completions.stream(**REQUEST) as events:
        kinds = {event.type for event in events}
        final = events.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content


@case("stream: left early")
def left_early():
    with client.chat.completions.create(**{**REQUEST, "max_tokens": 1500}, stream=True) as chunks:
        next(iter(chunks))
    assert client.chat.completions.create(**REQUEST).choices


@case("async: whole answers and streams side by side")
def side_by_side():
    async def talk():
        async with openai.AsyncOpenAI(max_retries=0, timeout=60) as other:

            async def streamed():
                text = ""
                async for chunk in await other.chat.completions.create(**REQUEST, stream=True):
                    text += chunk.choices[0].delta.content or ""
                return text

            whole = [other.chat.completions.create(**REQUEST) for _ in range(8)]
            answers = await asyncio.gather(*whole, *(streamed() for _ in range(8)))
            assert len(answers) == 16

    asyncio.run(talk())


@case("structured: json_object")
def json_object():
    request = {**REQUEST, "max_tokens": 200, "response_format": {"type": "json_object"}}
    choice = client.chat.completions.create(**request).choices[0]
    if choice.finish_reason == "stop":
        assert isinstance(json.loads(choice.message.content), dict)
    else:
        assert choice.message.content.lstrip().startswith("{")


@case("structured: parse with pydantic")
def parse():
    completion = client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Mood)
    assert isinstance(completion.choices[0].message.parsed, Mood)


@case("structured: the stream helper parses")
def parse_stream():
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES, response_format=Mood) as events:
        final = events.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Mood)


@case("structured: vLLM's structured_outputs and guided_choice")
def choice_lists():
    for extra in ({"structured_outputs": {"choice": ["yes", "no"]}}, {"guided_choice": ["yes", "no"]}):
        completion = client.chat.completions.create(**REQUEST, extra_body=extra)
        assert completion.choices[0].message.content in ("yes", "no")


@case("tools: required, parsed with pydantic")
def tools_required():
    completion = client.chat.completions.parse(
        model=MODEL, messages=MESSAGES, tools=[WEATHER], tool_choice="required"
    )
    call = completion.choices[0].message.tool_calls[0]
    assert completion.choices[0].finish_reason == "tool_calls" and call.id
    assert isinstance(call.function.parsed_arguments, GetWeather)


@case("tools: the stream helper joins the deltas")
def tools_streamed():
    with client.chat.completions.stream(
        model=MODEL, messages=MESSAGES, tools=[WEATHER], tool_choice="required"
    ) as events:
        kinds = {event.type for event in events}
        final = events.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    assert isinstance(final.choices[0].message.tool_calls[0].function.parsed_arguments, GetWeather)


@case("tools: a round trip")
def tools_round_trip():
    first = client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=[WEATHER], tool_choice="required")
    message = first.choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
    second = client.chat.completions.create(**{**REQUEST, "messages": [*MESSAGES, message, *results]}, tools=[WEATHER])
    assert second.choices


RESPONSE = {"model": MODEL, "input": "What is 12 + 30?", "max_output_tokens": 24}


@case("responses: a whole one, with nothing that its type does not know")
def response_whole():
    response = client.responses.create(**RESPONSE, instructions="Be short.", top_logprobs=2)
    assert response.object == "response" and response.output_text
    assert len(response.output[0].content[0].logprobs[0].top_logprobs) == 2
    type(response).model_validate(response.to_dict(), strict=True)


@case("responses: streamed, with the helper's final response")
def response_streamed():
    with client.responses.stream(**RESPONSE) as events:
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        final = events.get_final_response()
    assert final.output_text == text and final.status in ("completed", "incomplete")


@case("responses: parse with pydantic")
def response_parsed():
    response = client.responses.parse(model=MODEL, input="How are you?", text_format=Mood)
    assert isinstance(response.output_parsed, Mood)


@case("responses: tools, a round trip of items")
def response_tools():
    function = {"type": "function", **WEATHER["function"]}
    question = {"role": "user", "content": "Weather in Oslo?"}
    first = client.responses.create(model=MODEL, input=[question], tools=[function], tool_choice="required")
    calls = [item for item in first.output if item.type == "function_call"]
    assert calls and all(GetWeather.model_validate_json(call.arguments) for call in calls)
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls]
    second = client.responses.create(**{**RESPONSE, "input": [question, *first.output, *results]}, tools=[function])
    assert second.status in ("completed", "incomplete")


@case("responses: one that goes on from another, retrieved, listed and deleted")
def response_stored():
    first = client.responses.create(**RESPONSE)
    second = client.responses.create(**{**RESPONSE, "input": "And 1 more?"}, previous_response_id=first.id)
    again = client.responses.retrieve(second.id)
    type(again).model_validate(again.to_dict(), strict=True)
    assert again.previous_response_id == first.id and again.output_text == second.output_text
    items = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert [item.role for item in items] == ["user", "assistant", "user"]
    assert items[1].id == first.output[0].id
    client.responses.delete(second.id)
    try:
        client.responses.retrieve(second.id)
    except openai.NotFoundError as error:
        assert error.code == "response_not_found"
    else:
        raise AssertionError("still there")


@case("responses: what is not in the store is refused by name")
def response_not_stored():
    try:
        client.responses.create(**RESPONSE, previous_response_id="resp_1")
    except openai.BadRequestError as error:
        assert error.param == "previous_response_id" and error.code == "previous_response_not_found"
    else:
        raise AssertionError("taken")


@case("completions: token ids, echo and logprobs")
def completions():
    completion = client.completions.create(model=MODEL, prompt=[5, 6, 7], max_tokens=2, echo=True, logprobs=1)
    logprobs = completion.choices[0].logprobs
    assert len(logprobs.tokens) == 5 and logprobs.token_logprobs[0] is None


@case("completions: streamed")
def completions_streamed():
    chunks = list(client.completions.create(model=MODEL, prompt="Once", max_tokens=4, stream=True))
    assert chunks[-1].choices[0].finish_reason in ("stop", "length")


@case("models: listed and retrieved")
def models():
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


@case("errors: each status has its class")
def errors():
    for wanted, fields in (
        (openai.BadRequestError, {"temperature": 9}),
        (openai.NotFoundError, {"model": "gpt-4o"}),
    ):
        try:
            client.chat.completions.create(**{**REQUEST, **fields})
            raise AssertionError(f"no {wanted.__name__}")
        except wanted as error:
            assert error.request_id and error.code and error.type
    try:
        client.with_options(api_key="wrong").models.list()
        raise AssertionError("no AuthenticationError")
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"


@case("retries: 429 is a RateLimitError, and with retries an answer")
def retries():
    narrow = client.with_options(base_url=os.environ["CONFORMANCE_NARROW_URL"])
    holder = narrow.chat.completions.create(
        model=MODEL, messages=MESSAGES, max_tokens=1900, stream=True, extra_body={"ignore_eos": True}
    )
    try:
        narrow.chat.completions.create(**REQUEST)
        raise AssertionError("no RateLimitError")
    except openai.RateLimitError as error:
        assert int(error.response.headers["retry-after"]) >= 1
    holder.close()
    assert narrow.with_options(max_retries=8).chat.completions.create(**REQUEST).choices


tell(CASES)
