import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

interface Usage {
  input: number;
  output: number;
  cached?: number;
}

/** How a server deviates from the protocol that it claims. */
export interface StreamStyle {
  /** Where reasoning stands: in a property of the delta, in the text, in the text without its opening tag, or as a part of the content. */
  reasoning?: 'reasoning_content' | 'reasoning' | '<think>' | '</think>' | 'parts';
  /** How tool calls arrive. @default in pieces, each with its index and id */
  calls?: 'whole, all with index 0' | 'whole, without index and id';
  /** A signature of each tool call, which later requests must contain. */
  signature?: string;
  /** The finish reason of an answer with tool calls, and of others. `null` for none. */
  finish?: { calls?: string; text?: string | null };
  /** Where the token counts stand. @default in a chunk of their own, if the request asks for them */
  usage?: 'never' | 'in every chunk' | 'x_groq';
  /** Chunks before the first of the answer. */
  before?: object[];
  /** A comment before the answer. */
  comment?: string;
}

/** Writes an answer in one protocol. */
export interface Stream {
  /** Called before the text. */
  reasoning(text: string): void;
  begin(usage: Usage | undefined): void;
  text(piece: string): void;
  call(id: string, name: string, argumentsJson: string): void;
  /** A chunk of the arguments of one endless call. */
  callPiece(piece: string): void;
  ping(): void;
  data(line: string): void;
  end(finish: string | null | undefined, usage: Usage | undefined): void;
}

type Protocol = (
  response: ServerResponse,
  body: { model?: string; stream_options?: { include_usage?: boolean } },
  style: StreamStyle,
) => Stream;

export function protocolOf(path: string): Protocol | undefined {
  if (path === '/v1/chat/completions') return chatCompletions;
  return path === '/v1/messages' ? messages : undefined;
}

/** Two chunks, because providers split arguments. */
function halves(of: string): string[] {
  return [of.slice(0, of.length / 2), of.slice(of.length / 2)];
}

const chatCompletions: Protocol = (response, { model, stream_options: options }, style) => {
  let calls = 0;
  let endless = false;
  const everyChunk = style.usage === 'in every chunk' ? { usage: countsOf({ input: 100, output: 10 }) } : {};
  const data = (line: string) => void response.write(`data: ${line}\n\n`);
  const chunk = (rest: object) =>
    data(JSON.stringify({ id: 'chat-1', object: 'chat.completion.chunk', created: 1, model, ...everyChunk, ...rest }));
  const delta = (what: object, finish_reason: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: what, finish_reason }] });
  const begun = (index: number, id: string, name: string) =>
    delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' }, ...signed(style) }] });
  const more = (index: number, piece: string) => delta({ tool_calls: [{ index, function: { arguments: piece } }] });
  return {
    begin() {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (style.comment) response.write(`: ${style.comment}\n\n`);
      for (const before of style.before ?? []) chunk(before);
      delta({ role: 'assistant', content: '' });
    },
    reasoning(text) {
      if (style.reasoning === '<think>') for (const piece of halves(`<think>\n${text}\n</think>\n\n`)) delta({ content: piece });
      else if (style.reasoning === '</think>') for (const piece of halves(`${text}\n</think>\n\n`)) delta({ content: piece });
      else if (style.reasoning === 'parts') delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text }] }] });
      else if (style.reasoning) delta({ [style.reasoning]: text });
    },
    text: (content) => delta({ content }),
    call(id, name, argumentsJson) {
      if (style.calls) {
        const place = style.calls.endsWith('index 0') ? { index: 0, id } : { id: '' };
        const call = { type: 'function', function: { name, arguments: argumentsJson } };
        delta({ tool_calls: [{ ...place, ...call, ...signed(style) }] });
      } else {
        begun(calls, id, name);
        for (const piece of halves(argumentsJson)) more(calls, piece);
      }
      calls++;
    },
    callPiece(piece) {
      if (!endless) begun(calls, 'call_endless', 'endless');
      endless = true;
      more(calls, piece);
    },
    ping: () => void response.write(': ping\n\n'),
    data,
    end(finish, usage) {
      const usual =
        calls > 0 ? (style.finish?.calls ?? 'tool_calls') : style.finish?.text === undefined ? 'stop' : style.finish.text;
      const reason = finish === undefined ? usual : finish;
      const groq = style.usage === 'x_groq' && usage ? { x_groq: { usage: countsOf(usage) } } : {};
      if (reason !== null) chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }], ...groq });
      if (usage && !style.usage && options?.include_usage) chunk({ choices: [], usage: countsOf(usage) });
      data('[DONE]');
      response.end();
    },
  };
};

function signed({ signature }: StreamStyle): object {
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
}

function countsOf({ input, output, cached = 0 }: Usage): object {
  const counts = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  return { ...counts, prompt_tokens_details: { cached_tokens: cached } };
}

const messages: Protocol = (response, { model }) => {
  let index = 0;
  let inText = false;
  let endless = false;
  let calls = 0;
  const event = (type: string, rest: object = {}) =>
    void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
  const start = (content_block: object) => event('content_block_start', { index, content_block });
  const stop = () => event('content_block_stop', { index: index++ });
  const endText = () => {
    if (inText) stop();
    inText = false;
  };
  const tool = (id: string, name: string) => start({ type: 'tool_use', id, name, input: {} });
  const json = (partial_json: string) =>
    event('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } });
  return {
    begin(usage) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const { input = 0, cached = 0 } = usage ?? {};
      // In this protocol, input_tokens excludes cached tokens.
      const counts = { input_tokens: input - cached, cache_read_input_tokens: cached, output_tokens: 1 };
      event('message_start', {
        message: { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null, usage: counts },
      });
      event('ping');
    },
    reasoning(text) {
      start({ type: 'thinking', thinking: '' });
      event('content_block_delta', { index, delta: { type: 'thinking_delta', thinking: text } });
      stop();
    },
    text(piece) {
      if (!inText) start({ type: 'text', text: '' });
      inText = true;
      event('content_block_delta', { index, delta: { type: 'text_delta', text: piece } });
    },
    call(id, name, argumentsJson) {
      endText();
      calls++;
      tool(id, name);
      for (const piece of halves(argumentsJson)) json(piece);
      stop();
    },
    callPiece(piece) {
      endText();
      if (!endless) tool('call_endless', 'endless');
      endless = true;
      json(piece);
    },
    ping: () => event('ping'),
    data: (line) => void response.write(`data: ${line}\n\n`),
    end(finish = calls > 0 ? 'tool_use' : 'end_turn', usage) {
      endText();
      if (finish !== null) {
        const counts = { output_tokens: usage?.output ?? 0 };
        event('message_delta', { delta: { stop_reason: finish, stop_sequence: null }, usage: counts });
        event('message_stop');
      }
      response.end();
    },
  };
};

/** What a server sends without end. */
export type Endless = 'text' | 'arguments' | 'calls' | 'line' | 'pings';

/** Writes until the client disconnects. */
export async function pour(stream: Stream, what: Endless, response: ServerResponse) {
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
