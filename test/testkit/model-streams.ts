import type { ServerResponse } from 'node:http';

interface Usage {
  input: number;
  output: number;
  cached?: number;
}

/** Writes an answer in one protocol. */
export interface Stream {
  begin(usage: Usage | undefined): void;
  text(piece: string): void;
  call(id: string, name: string, argumentsJson: string): void;
  /** A chunk of the arguments of one endless call. */
  callPiece(piece: string): void;
  ping(): void;
  data(line: string): void;
  end(finish: string | null | undefined, usage: Usage | undefined): void;
}

type Protocol = (response: ServerResponse, body: { model?: string }) => Stream;

export function protocolOf(path: string): Protocol | undefined {
  if (path === '/v1/chat/completions') return chatCompletions;
  return path === '/v1/messages' ? messages : undefined;
}

/** Two chunks, because providers split arguments. */
function halves(of: string): string[] {
  return [of.slice(0, of.length / 2), of.slice(of.length / 2)];
}

const chatCompletions: Protocol = (response, { model }) => {
  let calls = 0;
  let endless = false;
  const data = (line: string) => void response.write(`data: ${line}\n\n`);
  const chunk = (rest: object) =>
    data(JSON.stringify({ id: 'chat-1', object: 'chat.completion.chunk', created: 1, model, ...rest }));
  const delta = (what: object, finish_reason: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: what, finish_reason }] });
  const begun = (index: number, id: string, name: string) =>
    delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] });
  const more = (index: number, piece: string) => delta({ tool_calls: [{ index, function: { arguments: piece } }] });
  return {
    begin() {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      delta({ role: 'assistant', content: '' });
    },
    text: (content) => delta({ content }),
    call(id, name, argumentsJson) {
      begun(calls, id, name);
      for (const piece of halves(argumentsJson)) more(calls, piece);
      calls++;
    },
    callPiece(piece) {
      if (!endless) begun(calls, 'call_endless', 'endless');
      endless = true;
      more(calls, piece);
    },
    ping: () => void response.write(': ping\n\n'),
    data,
    end(finish = calls > 0 ? 'tool_calls' : 'stop', usage) {
      if (finish !== null) delta({}, finish);
      if (usage) {
        const { input, output, cached = 0 } = usage;
        const counts = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
        chunk({ choices: [], usage: { ...counts, prompt_tokens_details: { cached_tokens: cached } } });
      }
      data('[DONE]');
      response.end();
    },
  };
};

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
