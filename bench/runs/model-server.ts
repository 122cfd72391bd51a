/**
 * Child process with a model server on the loopback interface that implements the protocol of OpenAI and streams tokens at a steady
 * rate. Each token encodes the time it was sent, so that receivers can compute its age. The user message sets number and rate.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { now, paceOf, tokenAt } from './token.ts';

interface Stream {
  response: ServerResponse;
  left: number;
  everyMs: number;
  dueAt: number;
}

/** All streams share one timer, to avoid the cost of 50 timers. */
const TICK_MS = 2;
const ROUND = { id: 'chat-1', object: 'chat.completion.chunk', created: 1, model: 'clock' };
const [before, after] = JSON.stringify({ ...ROUND, choices: [{ index: 0, delta: { content: '%' }, finish_reason: null }] }).split(
  '%',
);
const LAST = JSON.stringify({ ...ROUND, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const USAGE = JSON.stringify({ ...ROUND, choices: [], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } });

const streams = new Set<Stream>();

setInterval(() => {
  const at = now();
  for (const stream of streams) {
    if (stream.dueAt > at) continue;
    // A late stream does not catch up, so that tokens never come in bursts.
    stream.dueAt = Math.max(stream.dueAt + stream.everyMs, at);
    stream.response.write(`data: ${before}${tokenAt(now())}${after}\n\n`);
    if (--stream.left > 0) continue;
    streams.delete(stream);
    stream.response.end(`data: ${LAST}\n\ndata: ${USAGE}\n\ndata: [DONE]\n\n`);
  }
}, TICK_MS);

const server = createServer(async (request, response) => {
  const { messages } = JSON.parse(await text(request));
  const pace = paceOf(messages.at(-1).content);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const stream = { response, left: pace.tokens, everyMs: pace.everyMs, dueAt: now() + Math.random() * pace.everyMs };
  response.once('close', () => streams.delete(stream));
  streams.add(stream);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.once('disconnect', () => process.exit(0));
process.send?.({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` });
