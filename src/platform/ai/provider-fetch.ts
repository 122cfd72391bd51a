/** The response of a provider exceeds the size limit. */
export class AnswerTooLargeError extends Error {}

/** The finish reason of a stream that ended with `[DONE]` without one. */
export const END_OF_STREAM = 'end_of_stream';

/**
 * A `fetch` with a size limit of the response after decompression; the limit of the SDK is 2 GiB. Does not follow redirects: they would send
 * content of tenants to an address that is not configured. Gives deviating responses the form that the SDK reads.
 */
export function providerFetch(maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, redirect: 'manual' });
    const { status, statusText, headers } = response;
    const body = response.body?.pipeThrough(bounded(maxBytes)) ?? null;
    if (status >= 400) return usualError(new Response(body, { status, statusText, headers }));
    const streams = headers.get('content-type')?.startsWith('text/event-stream') && body;
    return new Response(streams ? body.pipeThrough(finished()) : body, { status, statusText, headers });
  };
}

function bounded(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new AnswerTooLargeError(`The response is larger than ${maxBytes} bytes.`);
      controller.enqueue(chunk);
    },
  });
}

const OVERLAP = 64;
const DONE = /\ndata: ?\[DONE\]/;
/** Quotes within texts are escaped, so that this is always a property. */
const FINISH_REASON = /"finish_reason" ?: ?"/;
const FINAL_CHUNK = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"${END_OF_STREAM}"}]}\n\n`;

/** Adds a finish reason to an OpenAI stream that has none: `[DONE]` states that the answer is whole. */
function finished(): TransformStream<Uint8Array, Uint8Array> {
  let hasReason = false;
  /** The end of the previous chunk, which may hold the beginning of a match. Latin-1 keeps one character per byte. */
  let before = '\n';
  return new TransformStream({
    transform(chunk, controller) {
      if (hasReason) return controller.enqueue(chunk);
      const text = before + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      hasReason = FINISH_REASON.test(text);
      const done = hasReason ? null : DONE.exec(text);
      if (!done) {
        before = text.slice(-OVERLAP);
        return controller.enqueue(chunk);
      }
      hasReason = true;
      // The SDK ignores `[DONE]`: the chunk may follow it.
      const rest = text.slice(done.index + done[0].length);
      controller.enqueue(chunk);
      const separator = rest.includes('\n\n') ? '' : '\n\n';
      controller.enqueue(Buffer.from(`${separator}${FINAL_CHUNK}`));
    },
  });
}

const MAX_ERROR_TEXT = 4_096;

/** Gives an error the form from which the SDK reads its message. Servers report errors as a list, as text, or without the object `error`. */
async function usualError(response: Response): Promise<Response> {
  const { status, statusText, headers } = response;
  const text = await response.text();
  const plain = new Headers(headers);
  for (const name of ['content-length', 'content-encoding']) plain.delete(name);
  return new Response(usualErrorBody(text), { status, statusText, headers: plain });
}

function usualErrorBody(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    const words = text.trim();
    // A page of a gateway says nothing.
    return words === '' || words.startsWith('<') ? text : errorBody({ message: words });
  }
  const first: unknown = Array.isArray(body) ? body[0] : body;
  if (!isObject(first)) return text;
  const error = isObject(first.error) ? first.error : first;
  const said = [error.message, error.detail, error.msg, first.error, first.detail].find((value) => value != null) ?? first;
  // OpenRouter quotes the provider behind it.
  const quoted = isObject(error.metadata) && typeof error.metadata.raw === 'string' ? `: ${error.metadata.raw}` : '';
  return errorBody({ ...error, message: `${typeof said === 'string' ? said : JSON.stringify(said)}${quoted}` });
}

function errorBody({ message, type, code, ...rest }: Record<string, unknown> & { message: string }): string {
  const error = {
    ...rest,
    message: message.slice(0, MAX_ERROR_TEXT),
    type: typeof type === 'string' ? type : 'error',
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
  };
  return JSON.stringify({ type: 'error', error });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
