import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { ModelProfile } from './model-profiles/index.ts';
import { type Endless, pour, protocolOf } from './model-streams.ts';

export interface ScriptedCall {
  name: string;
  arguments?: unknown;
  /** Sent unchanged in place of `arguments`. */
  rawArguments?: string;
  id?: string;
}

/** One answer of the model: text, tool calls and a normal end, unless other properties change that. */
export interface ScriptedRound {
  say?: string;
  /** Reasoning before the text. */
  think?: string;
  /** Number of chunks of the text. @default one per word */
  pieces?: number;
  /** Delay before each chunk, in milliseconds. */
  delayMs?: number;
  call?: ScriptedCall[];
  /** Name of a gate that the answer waits for before the text. */
  gate?: string;
  /** Name of a gate that the answer waits for in the middle of the text. */
  gateInside?: string;

  /** Responds with this HTTP status and an error. */
  fail?: number;
  message?: string;
  retryAfter?: string;
  /** Sends nothing more, before the answer or after the text and calls, without closing the connection. */
  stall?: 'start' | 'end';
  /** Ends the response after the text and calls: `hard` closes the socket, `cleanly` completes the HTTP response. */
  cutOff?: 'hard' | 'cleanly';
  /** Sends this line after the text and calls. */
  data?: string;
  /** Sends this instead of a stream. */
  body?: string;
  /** Sends endless data of this kind after the text and calls. */
  endless?: Endless;
  /** Number of requests with the same messages to which the failures above apply. @default all */
  times?: number;

  /** Finish reason in the protocol of the provider. `null` for none. */
  finish?: string | null;
  /** Token counts; `false` for none. @default 100 and 10 */
  usage?: false | { input: number; output: number; cached?: number };
}

export interface ModelRequest {
  path: string;
  headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect bodies of any shape
  body: any;
  /** Fractional milliseconds since the epoch, comparable between processes of a machine. */
  at: number;
  /** Number of answers since the last message of the user. */
  round: number;
}

export interface SentPiece {
  request: ModelRequest;
  text: string;
  /** Time before the write, on the clock of `ModelRequest.at`. */
  at: number;
}

export interface Barrier {
  /** Resolves when the first request reaches the gate. */
  readonly reached: Promise<void>;
  open(): void;
}

export interface ScriptedModel {
  /** Base URL with `/v1`, for both protocols. */
  baseUrl: string;
  requests: ModelRequest[];
  /** All sent chunks of text. */
  sent: SentPiece[];
  /** Number of open requests. */
  readonly open: number;
  /** Sets the answers of the next requests, one each, with precedence over scripts. */
  next(...rounds: ScriptedRound[]): void;
  /** Sets the answer of requests without a script, until `reset`. @default echoes the last message of the user */
  always(round: (request: ModelRequest) => ScriptedRound): void;
  gate(name: string): Barrier;
  reset(): void;
  close(): Promise<void>;
}

const MARK = 'SCRIPT ';

/** A user's message that scripts the next answers of the model. Answers after the last one are "Done." */
export function script(...rounds: ScriptedRound[]): string {
  return MARK + JSON.stringify(rounds);
}

const now = () => performance.timeOrigin + performance.now();

/**
 * A server on the loopback interface that streams in the protocols of OpenAI (`/v1/chat/completions`) and Anthropic (`/v1/messages`).
 * Answers depend only on the request, so that another worker can repeat the request of a killed one: see `script`.
 */
export async function startScriptedModel({
  port = 0,
  profile,
}: {
  port?: number;
  profile?: ModelProfile;
} = {}): Promise<ScriptedModel> {
  const requests: ModelRequest[] = [];
  const sent: SentPiece[] = [];
  const queue: ScriptedRound[] = [];
  const troubles = new Map<string, number>();
  const gates = new Map<string, ReturnType<typeof makeBarrier>>();
  let otherwise = echo;
  let open = 0;

  function gate(name: string) {
    const found = gates.get(name) ?? makeBarrier();
    gates.set(name, found);
    return found;
  }

  function planned(request: ModelRequest): ScriptedRound {
    const round = queue.shift() ?? scripted(request) ?? otherwise(request);
    if (round.times === undefined) return round;
    const seen = troubles.get(keyOf(request)) ?? 0;
    troubles.set(keyOf(request), seen + 1);
    if (seen < round.times) return round;
    const { fail, stall, cutOff, data, body, endless, ...spared } = round;
    return spared;
  }

  async function play(round: ScriptedRound, request: ModelRequest, response: ServerResponse) {
    const closed = new AbortController();
    response.once('close', () => closed.abort());
    const refusal = profile?.refuse(request.body);
    if (refusal)
      return void response.writeHead(refusal.status, { 'content-type': 'application/json' }).end(JSON.stringify(refusal.body));
    if (round.fail) return fail(response, round.fail, round);
    if (round.body !== undefined) return void response.writeHead(200, { 'content-type': 'text/html' }).end(round.body);
    if (round.stall === 'start') return;
    const stream = protocolOf(request.path)?.(response, request.body, profile?.style ?? {});
    if (!stream) return fail(response, 404, { message: `Not found: ${request.path}` });
    const pass = async (name: string | undefined) => {
      if (name !== undefined) await gate(name).pass(closed.signal);
    };
    stream.begin(usageOf(round));
    if (round.think !== undefined) stream.reasoning(round.think);
    await pass(round.gate);
    const pieces = piecesOf(round);
    for (const [index, piece] of pieces.entries()) {
      if (index === Math.floor(pieces.length / 2)) await pass(round.gateInside);
      if (round.delayMs) await setTimeout(round.delayMs, undefined, { signal: closed.signal });
      if (closed.signal.aborted) return;
      sent.push({ request, text: piece, at: now() });
      stream.text(piece);
    }
    const key = keyOf(request).slice(0, 12);
    for (const [index, call] of (round.call ?? []).entries()) {
      stream.call(call.id ?? `call_${key}_${index}`, call.name, call.rawArguments ?? JSON.stringify(call.arguments ?? {}));
    }
    if (round.endless) return await pour(stream, round.endless, response);
    if (round.data !== undefined) stream.data(round.data);
    if (round.stall === 'end') return;
    // The callback flushes earlier writes before the socket closes.
    if (round.cutOff === 'hard') return void response.write(': \n\n', () => response.destroy());
    if (round.cutOff === 'cleanly') return void response.end();
    stream.end(round.finish, usageOf(round));
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse) {
    open++;
    response.once('close', () => open--);
    const at = now();
    const body = JSON.parse((await text(incoming)) || 'null');
    const request = { path: incoming.url ?? '', headers: incoming.headers, body, at, round: roundOf(body) };
    requests.push(request);
    await play(planned(request), request, response);
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      if (!response.destroyed) response.destroy(error as Error);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    sent,
    get open() {
      return open;
    },
    next: (...rounds) => void queue.push(...rounds),
    always: (round) => {
      otherwise = round;
    },
    gate,
    reset() {
      requests.length = sent.length = queue.length = 0;
      troubles.clear();
      gates.clear();
      otherwise = echo;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function makeBarrier() {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    open: () => opened.resolve(),
    async pass(signal: AbortSignal) {
      reached.resolve();
      if (!signal.aborted) await Promise.race([opened.promise, once(signal, 'abort')]);
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: messages of either protocol
type Message = any;

/** The text of a message. Empty for tool results, which have the role `user` in Anthropic's protocol. */
function textOf({ content }: Message): string {
  if (typeof content === 'string') return content;
  return (content ?? []).flatMap((part: Message) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

/** Not that with the images of tool results, which some protocols take from the user only. */
function lastUserMessage(body: Message): number {
  return (body?.messages ?? []).findLastIndex(
    (message: Message) => message.role === 'user' && !/^(Images in the result of .*)?$/s.test(textOf(message)),
  );
}

function roundOf(body: Message): number {
  return (body?.messages ?? []).slice(lastUserMessage(body) + 1).filter(({ role }: Message) => role === 'assistant').length;
}

function scripted({ body, round }: ModelRequest): ScriptedRound | undefined {
  const question = body?.messages?.[lastUserMessage(body)];
  const content: string = question ? textOf(question) : '';
  const start = content.indexOf(MARK);
  if (start < 0) return undefined;
  try {
    const rounds = JSON.parse(content.slice(start + MARK.length)) as ScriptedRound[];
    return rounds[round] ?? { say: 'Done.' };
  } catch {
    return { fail: 400, message: 'The script is not valid JSON.' };
  }
}

function echo({ body }: ModelRequest): ScriptedRound {
  return { say: `You said: ${textOf(body?.messages?.[lastUserMessage(body)] ?? {})}` };
}

/** A hash of the messages of a request. */
function keyOf({ body }: ModelRequest): string {
  return createHash('sha256').update(JSON.stringify(body?.messages)).digest('hex');
}

function usageOf({ usage }: ScriptedRound) {
  return usage === false ? undefined : { input: 100, output: 10, ...usage };
}

function piecesOf({ say = '', pieces }: ScriptedRound): string[] {
  if (pieces === undefined) return say.match(/\s*\S+\s*/g) ?? [];
  const letters = [...say];
  const size = Math.max(1, Math.ceil(letters.length / pieces));
  return Array.from({ length: Math.ceil(letters.length / size) }, (_, index) =>
    letters.slice(index * size, (index + 1) * size).join(''),
  );
}

function fail(response: ServerResponse, status: number, { message = 'It failed.', retryAfter }: ScriptedRound) {
  response.writeHead(status, { 'content-type': 'application/json', ...(retryAfter && { 'retry-after': retryAfter }) });
  response.end(JSON.stringify({ type: 'error', error: { type: 'test', message } }));
}
