/**
 * A sample model to try agents without a provider: it implements OpenAI's streaming protocol, calls the tool that the last message names, as in
 * `echo {"message": "Hello"}`, and quotes the result of the tool.
 *
 *     node scripts/sample-model.ts 4010
 */
import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

interface ChatRequest {
  model: string;
  messages: { role: string; content: string | null }[];
  tools?: { function: { name: string } }[];
}

/** Delay between two pieces of an answer. */
const PIECE_MS = 60;

/** Returns the tool that the text names directly before a JSON object, and the object. */
function toolIn(text: string, tools: string[]): { name: string; arguments: string } | undefined {
  const [, word, given] = /([\w-]+)\s*(\{[\s\S]*\})/.exec(text) ?? [];
  const name = tools.find((tool) => word !== undefined && (tool === word || tool.endsWith(`__${word}`)));
  return name === undefined || given === undefined ? undefined : { name, arguments: given };
}

async function answer({ model, messages, tools = [] }: ChatRequest, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (delta: object, finish: string | null = null) =>
    response.write(
      `data: ${JSON.stringify({ id: 'sample', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
    );
  const last = messages.at(-1);
  const text = last?.content ?? '';
  const names = tools.map((tool) => tool.function.name);
  const call = last?.role === 'user' ? toolIn(text, names) : undefined;
  if (call) {
    send({ role: 'assistant', tool_calls: [{ index: 0, id: `call_${randomUUID()}`, type: 'function', function: call }] });
    send({}, 'tool_calls');
  } else {
    const answer =
      last?.role === 'tool'
        ? `The tool returned: ${text}`
        : `I am a sample model and call only the tool that you name with its arguments, such as echo {"message": "Hello"}. Tools: ${names.join(', ') || 'none'}.`;
    for (const piece of answer.split(/(?<=\s)/)) {
      send({ content: piece });
      await delay(PIECE_MS);
    }
    send({}, 'stop');
  }
  const size = (of: unknown) => Math.ceil(JSON.stringify(of).length / 4);
  const usage = { prompt_tokens: size(messages), completion_tokens: 20, total_tokens: size(messages) + 20 };
  response.write(
    `data: ${JSON.stringify({ id: 'sample', object: 'chat.completion.chunk', created: 1, model, choices: [], usage })}\n\n`,
  );
  response.end('data: [DONE]\n\n');
}

const port = Number(process.argv[2] ?? 4010);
createServer((request, response) => {
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
    response.writeHead(404).end();
    return;
  }
  json(request)
    .then((body) => answer(body as ChatRequest, response))
    .catch(() => response.destroy());
}).listen(port, '127.0.0.1', () => console.log(`The sample model listens on http://127.0.0.1:${port}/v1`));
