"""Instructor: a model of pydantic by a forced tool, by a schema, and in pieces; the completion beside it."""

import instructor
import openai
from common import ANN, LIMITS, MODEL, REFUSED, URL, Person, failure, tell, user

client = openai.OpenAI(base_url=URL, api_key="none", max_retries=0)
by_tool = instructor.from_openai(client, mode=instructor.Mode.TOOLS).chat.completions
by_schema = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA).chat.completions


def asked(text=ANN, model=MODEL, **more):
    return {
        "model": model,
        "messages": user(text),
        "response_model": Person,
        "max_retries": 0,
        **LIMITS,
        **more,
    }


person, whole = by_tool.create_with_completion(**asked())
pieces = list(by_schema.create_partial(**asked()))
tell(
    person=person.model_dump(),
    by_schema=by_schema.create(**asked()).model_dump(),
    in_pieces=pieces[-1].model_dump(),
    unknown_model=failure(lambda: by_tool.create(**asked(model="nobody"))),
    refused=failure(lambda: by_tool.create(**asked(**REFUSED))),
    tiers=[whole.cascade["tier"]],
)
