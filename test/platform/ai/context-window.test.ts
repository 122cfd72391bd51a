import { expect, test } from 'vitest';
import { overflowOf, smallerPrompt } from '../../../src/platform/ai/compatibility/context-window.ts';

const WINDOW = "This model's maximum context length is 8192 tokens.";

test.each<[string, number | undefined, string, { limit?: number; sent?: number }]>([
  ['OpenAI', 400, `${WINDOW} However, your messages resulted in 10000 tokens.`, { limit: 8192, sent: 10000 }],
  ['OpenAI without a number', 400, 'Your input exceeds the context window of this model.', {}],
  [
    'OpenAI by rate',
    429,
    'Request too large for gpt on tokens per min (TPM): Limit 30,000, Requested 48,000.',
    { limit: 30000, sent: 48000 },
  ],
  [
    'vLLM',
    400,
    `${WINDOW} However, you requested 9000 tokens (8488 in the messages, 512 in the completion).`,
    { limit: 8192, sent: 8488 },
  ],
  [
    'llama.cpp',
    400,
    'request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it',
    { limit: 8192, sent: 9000 },
  ],
  [
    'llama.cpp by fields',
    400,
    'the request exceeds the available context size {"code":400,"n_prompt_tokens":9000,"n_ctx":8192}',
    { limit: 8192, sent: 9000 },
  ],
  ['Ollama', 400, 'prompt too long; exceeded max context length by 4000 tokens', {}],
  [
    'LM Studio',
    400,
    'Trying to keep the first 5000 tokens, but the model is loaded with context length of only 4096 tokens',
    { limit: 4096 },
  ],
  [
    'Mistral',
    400,
    'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
    { limit: 32768, sent: 40000 },
  ],
  [
    'Groq',
    413,
    'Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 8000',
    { limit: 6000, sent: 8000 },
  ],
  ['Anthropic', 400, 'prompt is too long: 210000 tokens > 200000 maximum', { limit: 200000, sent: 210000 }],
  [
    'Anthropic with an output',
    400,
    'input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000',
    { limit: 200000, sent: 190000 },
  ],
  [
    'Gemini',
    400,
    'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
    { limit: 1048576, sent: 1200000 },
  ],
  [
    'OpenRouter',
    400,
    "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (139000 of text input, 1000 in the output).",
    { limit: 131072, sent: 139000 },
  ],
  [
    'TGI',
    422,
    'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 512 `max_new_tokens`',
    { limit: 4096, sent: 5000 },
  ],
  [
    'Cohere',
    400,
    'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.',
    { limit: 4081, sent: 5000 },
  ],
  [
    'xAI',
    400,
    "This model's maximum prompt length is 131072 but the request contains 150000 tokens.",
    { limit: 131072, sent: 150000 },
  ],
  ['DashScope', 400, 'Range of input length should be [1, 30720]', { limit: 30720 }],
  ['Bedrock', 400, 'Input is too long for requested model.', {}],
])('recognises what %s says about a prompt that is too long', (_, status, text, { limit, sent }) => {
  const overflow = overflowOf(status, text);
  expect(overflow).toEqual({ limit, sent });
  const next = smallerPrompt(overflow as never, 300_000, 500);
  expect(next).toBeGreaterThan(0);
  expect(next).toBeLessThan(300_000);
});

test.each([
  [429, 'Rate limit reached for gpt on tokens per min (TPM): Limit 30000, Used 29000, Requested 5000. Try again in 8s.'],
  [400, 'max_tokens is too large: 100000. This model supports at most 16384 completion tokens.'],
  [400, "Invalid 'tools[0].function.description': string too long. Expected a string with maximum length 1024."],
  [400, 'Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.'],
])('takes no other refusal for a prompt that is too long: %d %s', (status, text) => {
  expect(overflowOf(status, text)).toBeUndefined();
});
