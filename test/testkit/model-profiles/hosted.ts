import {
  type Body,
  firstOf,
  functionsOf,
  imagesIn,
  type ModelProfile,
  NO_TEMPERATURE,
  openAiError,
  pairedCalls,
  schemasIn,
  tokensOf,
  WINDOW,
} from './profile.ts';

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

export const HOSTED: ModelProfile[] = [
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
];
