import {
  type Body,
  firstOf,
  functionsOf,
  type ModelProfile,
  NO_TEMPERATURE,
  pairedCalls,
  type Refusal,
  schemasIn,
  tokensOf,
  WINDOW,
} from './profile.ts';

export const VENDORS: ModelProfile[] = [
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

function mistralError(message: string, code: number): Refusal {
  return { status: 400, body: { object: 'error', message, type: 'invalid_request_error', param: null, code: String(code) } };
}

function geminiError(message: string): Refusal {
  return { status: 400, body: [{ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }] };
}

function anthropicError(message: string): Refusal {
  return { status: 400, body: { type: 'error', error: { type: 'invalid_request_error', message } } };
}
