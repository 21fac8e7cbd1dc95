"""The official client: whole, streamed, by asyncio, parsed, with tools, with the headers."""

import asyncio
import json

import openai
from common import ANN, LIMITS, MODEL, QUESTIONS, REFUSED, TOOL, URL, WEATHER, Person, failure, tell, user

client = openai.OpenAI(base_url=URL, api_key="none", max_retries=0)
chats = client.chat.completions


def streamed(question):
    with chats.stream(model=MODEL, **LIMITS, messages=user(question)) as stream:
        return stream.get_final_completion().choices[0].message.content


async def by_asyncio(question):
    async with openai.AsyncOpenAI(base_url=URL, api_key="none", max_retries=0) as other:
        stream = await other.chat.completions.create(
            model=MODEL, **LIMITS, messages=user(question), stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


raw = [chats.with_raw_response.create(model=MODEL, **LIMITS, messages=user(text)) for text in QUESTIONS]
whole = [one.parse() for one in raw]
asked = {"model": MODEL, **LIMITS, "messages": user(WEATHER), "tools": [TOOL], "tool_choice": "required"}
call = chats.create(**asked).choices[0].message.tool_calls[0].function
parsed = chats.parse(model=MODEL, **LIMITS, messages=user(ANN), response_format=Person)
tell(
    whole=[one.choices[0].message.content for one in whole],
    streamed=[streamed(text) for text in QUESTIONS],
    by_asyncio=[asyncio.run(by_asyncio(text)) for text in QUESTIONS],
    call=[call.name, json.loads(call.arguments)],
    person=parsed.choices[0].message.parsed.model_dump(),
    unknown_model=failure(lambda: chats.create(model="nobody", messages=user("?"))),
    refused=failure(lambda: chats.create(model=MODEL, messages=user("?"), **REFUSED)),
    tiers=[one.cascade["tier"] for one in whole],
    headers=[one.headers["x-cascade-tier"] for one in raw],
)
