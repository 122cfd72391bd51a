import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { protocolOf, type Stream } from './model-streams.ts';

export interface ScriptedCall {
  name: string;
  arguments?: unknown;
  /** Sent as it is, in the place of arguments. */
  rawArguments?: string;
  id?: string;
}

/** What a model does in one round: it says something, calls tools, and ends well unless it is told otherwise. */
export interface ScriptedRound {
  say?: string;
  /** How many pieces the text is sent in. A word each when absent. */
  pieces?: number;
  /** Before each piece. */
  delayMs?: number;
  call?: ScriptedCall[];
  /** Waits, before the text, for the test to open the gate of that name. */
  gate?: string;
  /** The same, in the middle of the text. */
  gateInside?: string;

  /** Answers with this status and nothing else. */
  fail?: number;
  message?: string;
  retryAfter?: string;
  /** Sends never another byte: before the answer, or after the text and calls. */
  stall?: 'start' | 'end';
  /** Ends the connection after the text and calls; `cleanly` as if the answer were whole. */
  cutOff?: 'hard' | 'cleanly';
  /** Sends this as a line of the stream after the text and calls. */
  data?: string;
  /** Sends this instead of a stream. */
  body?: string;
  /** Sends something without end after the text and calls. */
  endless?: 'text' | 'arguments' | 'calls' | 'line' | 'pings';
  /** How many requests get the trouble of the lines above. Those after them, of the same messages, are spared it. Always when absent. */
  times?: number;

  /** What the provider calls the end. `null` for none. */
  finish?: string | null;
  /** 100 and 10 when absent; `false` for none. */
  usage?: false | { input: number; output: number; cached?: number };
}

export interface ModelRequest {
  path: string;
  headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent, for tests to look into
  body: any;
  /** Milliseconds of the epoch, with fractions: the same clock in all processes of a machine. */
  at: number;
  /** From 0, counted from the answers since the last message of the user. */
  round: number;
}

export interface SentPiece {
  request: ModelRequest;
  text: string;
  /** On the same clock, before it was written. */
  at: number;
}

export interface Barrier {
  /** A request waits, or waited. */
  readonly reached: Promise<void>;
  open(): void;
}

export interface ScriptedModel {
  /** With `/v1`, for providers of every kind. */
  baseUrl: string;
  requests: ModelRequest[];
  /** The pieces of text, as they were sent. */
  sent: SentPiece[];
  /** Requests that are open. */
  readonly open: number;
  /** What the next requests get, one each, before any script is looked for. */
  next(...rounds: ScriptedRound[]): void;
  /** What requests get that have no script, until `reset`. They are told what they said when absent. */
  always(round: (request: ModelRequest) => ScriptedRound): void;
  gate(name: string): Barrier;
  reset(): void;
  close(): Promise<void>;
}

const MARK = 'SCRIPT ';

/** A message of a user that tells the model what to do in this round and the next ones. It says "Done." in those that follow. */
export function script(...rounds: ScriptedRound[]): string {
  return MARK + JSON.stringify(rounds);
}

const now = () => performance.timeOrigin + performance.now();

/**
 * A server on the loopback that streams as the APIs of OpenAI and Anthropic do: `/v1/chat/completions` and `/v1/messages`. What it
 * says depends on the request alone, so that workers may die and others go on: see `script`.
 */
export async function startScriptedModel({ port = 0 } = {}): Promise<ScriptedModel> {
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
    if (round.fail) return fail(response, round.fail, round);
    if (round.body !== undefined) return void response.writeHead(200, { 'content-type': 'text/html' }).end(round.body);
    if (round.stall === 'start') return;
    const stream = protocolOf(request.path)?.(response, request.body);
    if (!stream) return fail(response, 404, { message: `Nothing at ${request.path}` });
    const pass = async (name: string | undefined) => {
      if (name !== undefined) await gate(name).pass(closed.signal);
    };
    stream.begin(usageOf(round));
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
    // What was written before has to be on its way.
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

/** Empty for results of tools, which Anthropic's protocol has the user say. */
function saidBy({ content }: Message): string {
  if (typeof content === 'string') return content;
  return (content ?? []).flatMap((part: Message) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

function lastQuestion(body: Message): number {
  return (body?.messages ?? []).findLastIndex((message: Message) => message.role === 'user' && saidBy(message) !== '');
}

function roundOf(body: Message): number {
  return (body?.messages ?? []).slice(lastQuestion(body) + 1).filter(({ role }: Message) => role === 'assistant').length;
}

function scripted({ body, round }: ModelRequest): ScriptedRound | undefined {
  const question = body?.messages?.[lastQuestion(body)];
  const said: string = question ? saidBy(question) : '';
  const start = said.indexOf(MARK);
  if (start < 0) return undefined;
  try {
    const rounds = JSON.parse(said.slice(start + MARK.length)) as ScriptedRound[];
    return rounds[round] ?? { say: 'Done.' };
  } catch {
    return { fail: 400, message: 'The script cannot be read.' };
  }
}

function echo({ body }: ModelRequest): ScriptedRound {
  return { say: `You said: ${saidBy(body?.messages?.[lastQuestion(body)] ?? {})}` };
}

/** Of the same messages, the same. */
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

/** Until nobody reads any more. */
async function pour(stream: Stream, what: NonNullable<ScriptedRound['endless']>, response: ServerResponse) {
  const chunk = 'x'.repeat(16_384);
  for (let count = 0; !response.destroyed; count++) {
    if (what === 'text') stream.text(chunk);
    else if (what === 'arguments') stream.callPiece(chunk);
    else if (what === 'calls') stream.call(`call_endless_${count}`, 'endless', '{}');
    else if (what === 'pings') stream.ping();
    else response.write(chunk);
    if (what === 'pings') await setTimeout(5);
    else if (response.writableNeedDrain) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    else await setTimeout(0);
  }
}
