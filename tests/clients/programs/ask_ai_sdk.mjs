// Vercel's AI SDK: generateText, streamText, generateObject, tools. `cascade` is in the response's body.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, streamText, tool } from "ai";
import { z } from "zod";

const { GATEWAY, MODEL } = process.env;
const QUESTIONS = ["What is the capital of France?", "A hard one: what is the capital of Japan?"];
const gateway = createOpenAICompatible({
  name: "gateway",
  baseURL: GATEWAY,
  apiKey: "none",
  supportsStructuredOutputs: true,
});
const asked = { model: gateway(MODEL), maxOutputTokens: 100, temperature: 0, maxRetries: 0 };

const streamed = async (prompt) => {
  let text = "";
  for await (const piece of streamText({ ...asked, prompt }).textStream) text += piece;
  return text;
};

const failure = async (more) => {
  try {
    await generateText({ ...asked, prompt: "?", ...more });
  } catch (error) {
    return { raised: error.name, status: error.statusCode, sentence: error.message };
  }
  return null;
};

const whole = [];
for (const prompt of QUESTIONS) whole.push(await generateText({ ...asked, prompt }));
const weather = tool({ inputSchema: z.object({ city: z.string() }) });
const called = await generateText({
  ...asked,
  prompt: "What is the weather in Oslo?",
  tools: { weather },
  toolChoice: "required",
});
const person = await generateObject({
  ...asked,
  prompt: "Ann is 30 years old. Who is she?",
  schema: z.object({ name: z.string(), age: z.number().int() }),
});
console.log(
  JSON.stringify({
    whole: whole.map((one) => one.text),
    streamed: [await streamed(QUESTIONS[0]), await streamed(QUESTIONS[1])],
    call: [called.toolCalls[0].toolName, called.toolCalls[0].input],
    person: person.object,
    unknown_model: await failure({ model: gateway("nobody") }),
    refused: await failure({ providerOptions: { gateway: { textVerbosity: "low" } } }),
    tiers: whole.map((one) => one.response.body.cascade.tier),
  }),
);
