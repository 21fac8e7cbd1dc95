"""LiteLLM as a client. A parameter that it does not know goes in `extra_body`."""

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks an address outside for prices
import litellm
from common import ANN, LIMITS, MODEL, QUESTIONS, REFUSED, TOOL, URL, WEATHER, Person, failure, tell, user

litellm.suppress_debug_info = True  # else it prints advertisements into the report


def ask(question, model=MODEL, **more):
    at = {"model": f"openai/{model}", "api_base": URL, "api_key": "none", "max_retries": 0}
    return litellm.completion(messages=user(question), **at, **LIMITS, **more)


def streamed(question):
    chunks = ask(question, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


whole = [ask(text) for text in QUESTIONS]
call = ask(WEATHER, tools=[TOOL], tool_choice="required").choices[0].message.tool_calls[0].function
tell(
    whole=[one.choices[0].message.content for one in whole],
    streamed=[streamed(text) for text in QUESTIONS],
    call=[call.name, json.loads(call.arguments)],
    person=json.loads(ask(ANN, response_format=Person).choices[0].message.content),
    unknown_model=failure(lambda: ask("?", model="nobody")),
    refused=failure(lambda: ask("?", extra_body=REFUSED)),
    tiers=[one.cascade["tier"] for one in whole],
)
