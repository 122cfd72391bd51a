import {
  type Body,
  firstOf,
  functionsOf,
  imagesIn,
  type ModelProfile,
  openAiError,
  pairedCalls,
  type Refusal,
  schemasIn,
  tokensOf,
  WINDOW,
} from './profile.ts';

export const LOCAL: ModelProfile[] = [
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
      (body) =>
        body.messages.some(({ tool_calls: calls }: Body) => calls?.length > 1) &&
        vllmError('This model only supports single tool-calls at once!'),
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
      ({ messages }) =>
        messages.some(({ role }: Body, index: number) => role === 'user' && messages[index - 1]?.role === 'user') &&
        llamaError(500, 'Conversation roles must alternate user/assistant/user/assistant/...', 'server_error'),
      ({ messages }) => messages[0]?.role === 'system' && llamaError(500, 'System role not supported', 'server_error'),
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
];

function vllmError(message: string): Refusal {
  return { status: 400, body: { object: 'error', message, type: 'BadRequestError', param: null, code: 400 } };
}

function llamaError(code: number, message: string, type: string): Refusal {
  return { status: code, body: { error: { code, message, type } } };
}
