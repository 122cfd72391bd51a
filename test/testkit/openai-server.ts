import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RecordedRequest {
  path: string;
  authorization: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect bodies of any shape
  body: any;
  /** Time of arrival, by `performance.now()`. */
  at: number;
}

/** Answers one request. */
export type Behaviour = (response: ServerResponse, request: RecordedRequest) => void | Promise<void>;

export interface OpenAiServer {
  /** Base URL with `/v1`. */
  baseUrl: string;
  requests: RecordedRequest[];
  /** Sets the behaviour for the next requests, one each. Later requests get the default. */
  next(...behaviours: Behaviour[]): void;
  /** Sets the default behaviour until `reset`. */
  always(behaviour: Behaviour): void;
  /** Maximum number of concurrent requests. */
  readonly mostAtOnce: number;
  reset(): void;
  close(): Promise<void>;
}

/** A server on the loopback interface with OpenAI's protocol: `/v1/embeddings` and `/v1/chat/completions`. */
export async function startOpenAiServer(): Promise<OpenAiServer> {
  const requests: RecordedRequest[] = [];
  const script: Behaviour[] = [];
  let otherwise: Behaviour = answerWell();
  let open = 0;
  let mostAtOnce = 0;

  async function handle(request: IncomingMessage, response: ServerResponse) {
    open++;
    mostAtOnce = Math.max(mostAtOnce, open);
    response.once('close', () => open--);
    const at = performance.now();
    const payload = await text(request);
    const recorded = {
      path: request.url ?? '',
      authorization: request.headers.authorization,
      body: JSON.parse(payload || 'null'),
      at,
    };
    requests.push(recorded);
    await (script.shift() ?? otherwise)(response, recorded);
  }

  const server = createServer((request, response) => void handle(request, response).catch((error) => response.destroy(error)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    next: (...behaviours) => void script.push(...behaviours),
    always: (behaviour) => {
      otherwise = behaviour;
    },
    get mostAtOnce() {
      return mostAtOnce;
    },
    reset() {
      requests.length = script.length = mostAtOnce = 0;
      otherwise = answerWell();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A vector of letter frequencies, never all zeros. */
export function letterCounts(of: string, width = 8): number[] {
  const counts = new Array<number>(width).fill(0);
  counts[0] = 1;
  for (const letter of of) counts[letter.charCodeAt(0) % width] = (counts[letter.charCodeAt(0) % width] ?? 0) + 1;
  return counts;
}

function json(response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Returns embeddings by `vector` with ten tokens per text, or a chat completion with the text `answer`. */
export function answerWell({ vector = letterCounts, answer = 'In the old town [1].' } = {}): Behaviour {
  return (response, { path, body }) => {
    if (path === '/v1/embeddings') {
      const texts: string[] = body.input;
      const data = texts.map((of, index) => ({ object: 'embedding', index, embedding: vector(of) }));
      const usage = { prompt_tokens: 10 * texts.length, total_tokens: 10 * texts.length };
      json(response, { object: 'list', model: body.model, data, usage });
    } else if (path === '/v1/chat/completions') {
      const choices = [{ index: 0, message: { role: 'assistant', content: answer }, finish_reason: 'stop' }];
      const usage = { prompt_tokens: 120, completion_tokens: 7, total_tokens: 127 };
      json(response, { id: 'chat-1', object: 'chat.completion', created: 1, model: body.model, choices, usage });
    } else {
      json(response, { error: { message: `Not found: ${path}` } }, 404);
    }
  };
}

/** Returns a body unchanged. */
export function raw(body: string, contentType = 'application/json'): Behaviour {
  return (response) => void response.writeHead(200, { 'content-type': contentType }).end(body);
}

/** Returns the given embeddings. */
export function embeddings(...data: unknown[]): Behaviour {
  return (response) => json(response, { object: 'list', data: data.map((embedding, index) => ({ index, embedding })) });
}

export function fail(status: number, message = 'It failed.', { retryAfter = '', code = '' } = {}): Behaviour {
  const headers: Record<string, string> = retryAfter ? { 'retry-after': retryAfter } : {};
  return (response) => json(response, { error: { message, type: 'test', ...(code && { code }) } }, status, headers);
}

/** Never responds. */
export const stall: Behaviour = () => {};

/** Closes the connection in the middle of the response. */
export const cutOff: Behaviour = async (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  await new Promise((resolve) => response.write('{"data":[{"index":0,"embedding":[1,', resolve));
  response.destroy();
};

export const html: Behaviour = raw('<!doctype html><title>Sign in</title>', 'text/html');

/** Sends spaces until the client disconnects. JSON allows them before the first brace. */
export const huge: Behaviour = async (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const spaces = ' '.repeat(1 << 20);
  while (!response.destroyed) {
    await new Promise((resolve) => (response.write(spaces, resolve) ? undefined : response.once('close', resolve)));
  }
};
