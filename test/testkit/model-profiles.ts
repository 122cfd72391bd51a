import type { LanguageProviderOptions } from '../../src/platform/ai/language/language-model-registry.ts';
import type { StreamStyle } from './model-streams.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of either protocol
type Body = any;

export interface Refusal {
  status: number;
  body: unknown;
}

/** A scripted model that behaves like a known server: what it refuses, in its words, and how it streams. */
export interface ModelProfile {
  name: string;
  kind: LanguageProviderOptions['kind'];
  /** Whether it takes images. */
  sees: boolean;
  /** What it refuses of a request with tools, a temperature of 0.3 and at most 500 tokens of output, each as the run reports it. */
  adjusts: RegExp[];
  style: StreamStyle;
  refuse(body: Body): Refusal | undefined;
}

/** The context window of all profiles, in tokens of four characters. */
export const WINDOW = 6_000;

function tokensOf(body: Body): number {
  const text = JSON.stringify([body.system, body.messages, body.tools], (key, value) =>
    key === 'url' || key === 'data' ? '' : value,
  );
  return Math.ceil(text.length / 4);
}

function imagesIn(body: Body): boolean {
  return /"type":"image(_url)?"/.test(JSON.stringify(body.messages));
}

interface FunctionTool {
  name: string;
  description?: string;
  parameters?: Body;
}

function functionsOf(body: Body): FunctionTool[] {
  return (body.tools ?? []).map((tool: Body) => tool.function ?? { ...tool, parameters: tool.input_schema });
}

/** Every object in a schema. */
function schemasIn(schema: Body): Body[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return [schema, ...Object.values(schema).flatMap(schemasIn)];
}

/** The first refusal of several rules. */
function firstOf(...rules: ((body: Body) => Refusal | undefined | false)[]): ModelProfile['refuse'] {
  return (body) => {
    for (const rule of rules) {
      const refusal = rule(body);
      if (refusal) return refusal;
    }
    return undefined;
  };
}

const openAiError = (message: string, rest: object = {}): Refusal => ({
  status: 400,
  body: { error: { message, type: 'invalid_request_error', param: null, code: null, ...rest } },
});

const openAiWindow = (body: Body) =>
  tokensOf(body) > WINDOW &&
  openAiError(
    `This model's maximum context length is ${WINDOW} tokens. However, your messages resulted in ${tokensOf(body)} tokens. Please reduce the length of the messages.`,
    { param: 'messages', code: 'context_length_exceeded' },
  );

/** Rules of reasoning models of OpenAI. */
const openAiReasoning = (body: Body) =>
  (body.max_tokens !== undefined &&
    openAiError("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", {
      param: 'max_tokens',
      code: 'unsupported_parameter',
    })) ||
  (body.temperature !== undefined &&
    openAiError(
      `Unsupported value: 'temperature' does not support ${body.temperature} with this model. Only the default (1) value is supported.`,
      { param: 'temperature', code: 'unsupported_value' },
    ));

const openAiTools = (body: Body) => {
  if ((body.tools?.length ?? 0) > 128) {
    const message = `Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length ${body.tools.length} instead.`;
    return openAiError(message, { param: 'tools', code: 'array_above_max_length' });
  }
  for (const [index, { name, description = '', parameters }] of functionsOf(body).entries()) {
    if (description.length > 1_024) {
      const param = `tools[${index}].function.description`;
      const message = `Invalid '${param}': string too long. Expected a string with maximum length 1024, but got a string with length ${description.length} instead.`;
      return openAiError(message, { param, code: 'string_above_max_length' });
    }
    const invalid = (why: string) =>
      openAiError(`Invalid schema for function '${name}': ${why}`, {
        param: `tools[${index}].function.parameters`,
        code: 'invalid_function_parameters',
      });
    if (parameters?.type !== 'object')
      return invalid(`schema must be a JSON Schema of 'type: "object"', got 'type: "${parameters?.type}"'.`);
    if (!parameters.properties) return invalid('In context=(), object schema missing properties.');
    if (['oneOf', 'anyOf', 'allOf', 'enum', 'not'].some((key) => key in parameters)) {
      return invalid("schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.");
    }
    if (schemasIn(parameters).some(({ type, items }) => type === 'array' && !items))
      return invalid('array schema missing items.');
  }
  return undefined;
};

const stringsOnly = (body: Body) => {
  const index = body.messages.findIndex(({ role, content }: Body) => role === 'tool' && typeof content !== 'string');
  return index >= 0 && openAiError(`messages[${index}].content must be a string`);
};

/** What every tool result needs, in each protocol of OpenAI. */
const pairedCalls = (body: Body) => {
  const asked = new Set<string>();
  for (const { role, tool_calls: calls = [], tool_call_id: id } of body.messages) {
    for (const call of calls) asked.add(call.id);
    if (role === 'tool' && !asked.delete(id))
      return openAiError("messages with role 'tool' must be a response to a preceding message with 'tool_calls'.");
  }
  return (
    asked.size > 0 && openAiError(`An assistant message with 'tool_calls' must be followed by tool messages: ${[...asked]}.`)
  );
};

const NO_TEMPERATURE = /refuses a temperature: 0.3 was not sent/;

export const PROFILES: ModelProfile[] = [
  {
    name: 'openai',
    kind: 'openai',
    sees: true,
    adjusts: [NO_TEMPERATURE, /description of the tool .*wide was cut to 1024 characters/],
    style: {},
    refuse: firstOf(openAiReasoning, openAiTools, stringsOnly, pairedCalls, openAiWindow),
  },
  {
    name: 'azure',
    kind: 'openai-compatible',
    sees: true,
    adjusts: [NO_TEMPERATURE, /description of the tool .*wide was cut to 1024 characters/],
    style: { before: [{ choices: [], prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }] }] },
    refuse: firstOf(
      (body) => body.stream_options && openAiError('Unrecognized request argument supplied: stream_options'),
      openAiReasoning,
      openAiTools,
      stringsOnly,
      pairedCalls,
      openAiWindow,
    ),
  },
  {
    name: 'ollama',
    kind: 'openai-compatible',
    sees: false,
    adjusts: [],
    style: { reasoning: 'reasoning', calls: 'whole, all with index 0', finish: { calls: 'stop' } },
    refuse: firstOf(
      (body) =>
        imagesIn(body) && {
          status: 500,
          body: {
            error: { message: 'this model is missing data required for image input', type: 'api_error', param: null, code: null },
          },
        },
      (body) =>
        tokensOf(body) > WINDOW &&
        openAiError(`prompt too long; exceeded max context length by ${tokensOf(body) - WINDOW} tokens`),
    ),
  },
  {
    name: 'vllm',
    kind: 'openai-compatible',
    sees: false,
    adjusts: [],
    style: { reasoning: 'reasoning_content' },
    refuse: firstOf(
      (body) => imagesIn(body) && vllmError('At most 0 image(s) may be provided in one prompt: m is not a multimodal model.'),
      pairedCalls,
      (body) => {
        const [sent, output] = [tokensOf(body), body.max_tokens ?? 0];
        return (
          sent + output > WINDOW &&
          vllmError(
            `This model's maximum context length is ${WINDOW} tokens. However, you requested ${sent + output} tokens (${sent} in the messages, ${output} in the completion). Please reduce the length of the messages or completion.`,
          )
        );
      },
    ),
  },
  {
    name: 'llama-cpp',
    kind: 'openai-compatible',
    sees: false,
    adjusts: [/schema of the tool .*match: it was simplified/],
    style: { reasoning: '</think>' },
    refuse: firstOf(
      (body) =>
        imagesIn(body) &&
        llamaError(
          500,
          'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
          'server_error',
        ),
      (body) =>
        functionsOf(body).some(({ parameters }) =>
          schemasIn(parameters).some(({ pattern }) => pattern && !/^\^.*\$$/.test(pattern)),
        ) &&
        llamaError(400, "JSON schema conversion failed: Pattern must start with '^' and end with '$'", 'invalid_request_error'),
      (body) =>
        tokensOf(body) > WINDOW && {
          status: 400,
          body: {
            error: {
              code: 400,
              message: 'the request exceeds the available context size. try increasing the context size or enable context shift',
              type: 'exceed_context_size_error',
              n_prompt_tokens: tokensOf(body),
              n_ctx: WINDOW,
            },
          },
        },
    ),
  },
  {
    name: 'mistral',
    kind: 'openai-compatible',
    sees: true,
    adjusts: [],
    style: { reasoning: 'parts', usage: 'in every chunk' },
    refuse: firstOf(
      (body) =>
        body.stream_options && {
          status: 422,
          body: {
            detail: [
              { type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted', input: {} },
            ],
          },
        },
      (body) => {
        const calls = body.messages.flatMap(({ tool_calls = [] }: Body) => tool_calls);
        const wrong = calls.find(({ id }: Body) => !/^[a-zA-Z0-9]{9}$/.test(id));
        return wrong && mistralError(`Tool call id was ${wrong.id} but must be a-z, A-Z, 0-9, with a length of 9.`, 3280);
      },
      pairedCalls,
      (body) =>
        tokensOf(body) > WINDOW &&
        mistralError(
          `Prompt contains ${tokensOf(body)} tokens and 0 draft tokens, too large for model with ${WINDOW} maximum context length`,
          3051,
        ),
    ),
  },
  {
    name: 'groq',
    kind: 'openai-compatible',
    sees: false,
    adjusts: [],
    style: { reasoning: 'reasoning', usage: 'x_groq' },
    refuse: firstOf(
      (body) => {
        const index = body.messages.findIndex(({ content }: Body) => Array.isArray(content));
        return index >= 0 && openAiError(`messages[${index}].content must be a string`);
      },
      (body) => (body.tools?.length ?? 0) > 128 && openAiError("'tools' : maximum number of items is 128"),
      pairedCalls,
      (body) =>
        tokensOf(body) > WINDOW && {
          status: 413,
          body: {
            error: {
              message: `Request too large for model \`m\` in organization \`org_1\` service tier \`on_demand\` on tokens per minute (TPM): Limit ${WINDOW}, Requested ${tokensOf(body)}, please reduce your message size and try again.`,
              type: 'tokens',
              code: 'rate_limit_exceeded',
            },
          },
        },
    ),
  },
  {
    name: 'openrouter',
    kind: 'openai-compatible',
    sees: false,
    adjusts: [NO_TEMPERATURE],
    style: { reasoning: 'reasoning', comment: 'OPENROUTER PROCESSING', finish: { text: null } },
    refuse: firstOf(
      (body) =>
        imagesIn(body) && { status: 404, body: { error: { message: 'No endpoints found that support image input', code: 404 } } },
      (body) =>
        body.temperature !== undefined && {
          status: 400,
          body: {
            error: {
              message: 'Provider returned error',
              code: 400,
              metadata: { raw: '{"error":{"message":"`temperature` is deprecated for this model."}}', provider_name: 'Other' },
            },
          },
        },
      pairedCalls,
      (body) =>
        tokensOf(body) > WINDOW &&
        openAiError(
          `This endpoint's maximum context length is ${WINDOW} tokens. However, you requested about ${tokensOf(body) + 500} tokens (${tokensOf(body)} of text input, 500 in the output). Please reduce the length of either one.`,
          { code: 400 },
        ),
    ),
  },
  {
    name: 'gemini',
    kind: 'openai-compatible',
    sees: true,
    adjusts: [/schema of the tool .*anything: it was simplified/],
    style: {
      reasoning: '<think>',
      calls: 'whole, without index and id',
      signature: 'c2lnbmF0dXJl',
      finish: { calls: 'stop' },
      usage: 'in every chunk',
    },
    refuse: firstOf(
      (body) => {
        for (const [index, { parameters }] of functionsOf(body).entries()) {
          const at = `* GenerateContentRequest.tools[0].function_declarations[${index}].parameters`;
          const empty = schemasIn(parameters)
            .slice(1)
            .find(({ type, properties }) => type === 'object' && Object.keys(properties ?? {}).length === 0);
          if (empty) return geminiError(`${at}.properties: should be non-empty for OBJECT type`);
        }
        return undefined;
      },
      (body) => {
        const since = body.messages.findLastIndex(({ role }: Body) => role === 'user');
        const calls = body.messages.slice(since + 1).flatMap(({ tool_calls = [] }: Body) => tool_calls);
        return (
          calls.some(({ extra_content: extra }: Body) => extra?.google?.thought_signature !== 'c2lnbmF0dXJl') &&
          geminiError('Function call is missing a thought_signature in functionCall parts.')
        );
      },
      pairedCalls,
      (body) =>
        tokensOf(body) > WINDOW &&
        geminiError(`The input token count (${tokensOf(body)}) exceeds the maximum number of tokens allowed (${WINDOW}).`),
    ),
  },
  {
    name: 'anthropic',
    kind: 'anthropic',
    sees: true,
    adjusts: [NO_TEMPERATURE],
    style: {},
    refuse: firstOf(
      (body) => body.temperature !== undefined && anthropicError('`temperature` is deprecated for this model.'),
      (body) => body.messages[0]?.role !== 'user' && anthropicError('messages: first message must use the "user" role'),
      (body) => {
        const index = functionsOf(body).findIndex(
          ({ parameters }) => !parameters?.type || parameters.anyOf || parameters.oneOf || parameters.allOf,
        );
        return (
          index >= 0 &&
          anthropicError(
            `tools.${index}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`,
          )
        );
      },
      (body) => tokensOf(body) > WINDOW && anthropicError(`prompt is too long: ${tokensOf(body)} tokens > ${WINDOW} maximum`),
    ),
  },
];

function vllmError(message: string): Refusal {
  return { status: 400, body: { object: 'error', message, type: 'BadRequestError', param: null, code: 400 } };
}

function llamaError(code: number, message: string, type: string): Refusal {
  return { status: code, body: { error: { code, message, type } } };
}

function mistralError(message: string, code: number): Refusal {
  return { status: 400, body: { object: 'error', message, type: 'invalid_request_error', param: null, code: String(code) } };
}

function geminiError(message: string): Refusal {
  return { status: 400, body: [{ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }] };
}

function anthropicError(message: string): Refusal {
  return { status: 400, body: { type: 'error', error: { type: 'invalid_request_error', message } } };
}
