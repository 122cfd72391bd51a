// An MCP server over stdio without the SDK, so that it can violate the protocol.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

interface Message {
  id?: number;
  method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: arbitrary messages
  params?: any;
}

const [mode = 'well', ...rest] = process.argv.slice(2);
const { JOURNAL, GATE, SECRET } = process.env;

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

const text = (words: string, more: object = {}) => ({ content: [{ type: 'text', text: words }], ...more });
const allocate = 'const held = []; setInterval(() => held.push(Buffer.alloc(8 * 1024 * 1024, 1)), 5);';

let running = 0;
let mostAtOnce = 0;

/** Waits until the test creates the gate file. */
async function gate(): Promise<void> {
  while (!existsSync(GATE as string)) await new Promise((resolve) => setTimeout(resolve, 10));
}

// biome-ignore lint/suspicious/noExplicitAny: each tool has its own input
const tools: Record<string, (id: number, input: any) => unknown> = {
  where: () => text(JSON.stringify({ pid: process.pid, cwd: process.cwd(), env: process.env, mostAtOnce })),
  async wait() {
    mostAtOnce = Math.max(mostAtOnce, ++running);
    await gate();
    running--;
    return text('waited');
  },
  never: () => new Promise(() => {}),
  exit: () => process.exit(3),
  eat() {
    new Function(allocate)();
    return new Promise(() => {});
  },
  eatElsewhere() {
    spawn(process.execPath, ['-e', allocate], { stdio: 'ignore' });
    return new Promise(() => {});
  },
  child() {
    const { pid } = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], {
      stdio: 'ignore',
    });
    return text(String(pid));
  },
  endless() {
    const write = () => {
      while (process.stdout.write('x'.repeat(65_536)));
      process.stdout.once('drain', write);
    };
    write();
    return new Promise(() => {});
  },
  big: (_, { bytes }) => text('x'.repeat(bytes)),
  /** Nested deeper than JSON.stringify supports. */
  deep(id) {
    const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"a":${nested}}}}\n`);
    return new Promise(() => {});
  },
  flood() {
    const write = () => {
      while (process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: 'f', method: 'ping' })}\n`));
      process.stdout.once('drain', write);
    };
    write();
    return new Promise(() => {});
  },
  chatter() {
    process.stdout.write('this is not JSON\n'.repeat(200));
    return new Promise(() => {});
  },
  greet() {
    process.stdout.write('hello\n\n{"also":"no message"}\n');
    process.stderr.write(`the secret is ${SECRET}\n`);
    return text('greeted');
  },
  nonsense: () => ({ content: 'not a list' }),
  refuse: () => Promise.reject(new Error(`no, by ${SECRET}\nand so on`)),
};

async function answer({ id, method, params }: Message): Promise<void> {
  if (JOURNAL) appendFileSync(JOURNAL, `${JSON.stringify({ method, params })}\n`);
  if (id === undefined || method === undefined) return;
  const reply = (result: unknown) => send({ id, result });
  if (method === 'initialize') {
    if (mode === 'silent') return;
    if (mode === 'slow') await gate();
    const { protocolVersion } = params;
    reply({
      protocolVersion,
      capabilities: mode === 'bare' ? {} : { tools: {} },
      serverInfo: { name: 'scripted', version: '1' },
    });
  } else if (method === 'tools/list') {
    const [count = 0, size = 0] = rest.map(Number);
    const from = Number(params?.cursor ?? 0);
    const page = Array.from({ length: Math.min(100, count - from) }, (_, index) => ({
      name: `tool-${from + index}`,
      description: 'x'.repeat(size),
      inputSchema: { type: 'object' },
    }));
    if (mode === 'round') reply({ tools: [], nextCursor: 'again' });
    else reply({ tools: page, ...(from + 100 < count ? { nextCursor: String(from + 100) } : {}) });
  } else if (method === 'tools/call') {
    const tool = tools[params.name];
    if (!tool) return send({ id, error: { code: -32602, message: `Unknown tool: ${params.name}` } });
    try {
      reply(await tool(id, params.arguments));
    } catch (error) {
      send({ id, error: { code: -32000, message: (error as Error).message } });
    }
  }
}

if (mode === 'stubborn') process.on('SIGTERM', () => {});
if (mode === 'ends') process.exit(1);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void answer(JSON.parse(line)));
if (mode === 'stubborn') setInterval(() => {}, 1_000);
else lines.on('close', () => process.exit());
