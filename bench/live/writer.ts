/** Child process that appends messages through the API, at a steady rate and as fast as the server responds. */
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { CONTENT } from './document.ts';

export interface Target {
  credential: string;
  /** The GraphQL id of the conversation. */
  id: string;
}

export interface Write {
  url: string;
  forMs: number;
  /** Appends to the targets in turn at a fixed rate, independent of responses. */
  paced?: { targets: Target[]; perSecond: number };
  /** Appends by `atOnce` concurrent clients, each waiting for its response. */
  closed?: { targets: Target[]; atOnce: number };
}

export interface Written {
  paced: number;
  closed: number;
  /** Duration of the closed-loop appends. */
  closedMs: number;
}

const MUTATION = `mutation Append($input: AppendMessageInput!) {
  appendMessage(input: $input) { ... on AppendMessagePayload { appendedMessage { id sequence } } ... on UserError { message } } }`;

async function append(pool: Pool, { credential, id }: Target): Promise<void> {
  const { statusCode, body } = await pool.request({
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
    body: JSON.stringify({ query: MUTATION, variables: { input: { conversationId: id, role: 'USER', content: CONTENT } } }),
  });
  const answer = await body.text();
  if (statusCode !== 200 || !answer.includes('"sequence":')) throw new Error(`appendMessage: ${statusCode} ${answer}`);
}

async function writePaced(pool: Pool, { targets, perSecond }: NonNullable<Write['paced']>, forMs: number): Promise<number> {
  const start = performance.now();
  const sent: Promise<void>[] = [];
  for (let at = start; at < start + forMs; at = start + (sent.length * 1_000) / perSecond) {
    const early = at - performance.now();
    if (early > 0) await delay(early);
    sent.push(append(pool, targets[sent.length % targets.length] as Target));
  }
  await Promise.all(sent);
  return sent.length;
}

async function writeClosed(pool: Pool, { targets, atOnce }: NonNullable<Write['closed']>, forMs: number): Promise<number> {
  const end = performance.now() + forMs;
  let count = 0;
  const worker = async () => {
    while (performance.now() < end) await append(pool, targets[count++ % targets.length] as Target);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count;
}

async function write({ url, forMs, paced, closed }: Write): Promise<Written> {
  const pool = new Pool(url, { connections: 64 });
  try {
    const pacedCount = paced ? writePaced(pool, paced, forMs) : Promise.resolve(0);
    const start = performance.now();
    const closedCount = closed ? await writeClosed(pool, closed, forMs) : 0;
    const closedMs = performance.now() - start;
    return { paced: await pacedCount, closed: closedCount, closedMs };
  } finally {
    await pool.close();
  }
}

process.once('disconnect', () => process.exit(0));
process.on('message', async (message: Write) => {
  process.send?.(await write(message));
});
