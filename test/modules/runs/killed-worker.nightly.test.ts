import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseId } from '../../../src/platform/graphql/kit/global-id.ts';
import { until } from '../../testkit/knowledge.ts';
import { startWorkers, type Workers } from './processes/chaos.ts';
import { type Household, type Installation, install, settle } from './processes/run-cluster.ts';
import { anyPlay, type Play, randomNumbers, stall } from './processes/scripted-runs.ts';
import { type SubscriptionObserver, watchConversation } from './processes/subscription-observer.ts';

const KILLS = 50;
/** One of them is starting most of the time. */
const WORKERS = 3;
const CONVERSATIONS = 40;
/** Conversations of an agent that has little time, with a model that falls silent. */
const HASTY = 4;
/** Runs that wait or go on at any time while workers die, so that there is always somebody to hit. */
const OPEN_RUNS = 80;
const HASTY_MS = 2_500;
const AGENT_MS = 3_600_000;

interface Sent {
  conversationId: string;
  play: Play;
}

let place: Installation;
let household: Household;
let workers: Workers;
/** What models do is the same in every run of the test; when workers die is not, for that depends on how far they got. */
const random = randomNumbers(4);
const runs = new Map<string, Sent>();
const ended = new AbortController();

beforeAll(async () => {
  place = await install();
  household = await settle(place);
});
afterAll(async () => {
  ended.abort();
  workers?.killAll();
  await place?.close();
});

async function statuses(): Promise<Record<string, number>> {
  const rows = await place.db.ownerQuery<{ status: string; count: number }>(
    'SELECT status, count(*)::integer AS count FROM agent_runs GROUP BY status',
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

const openOf = ({ QUEUED = 0, RUNNING = 0 }: Record<string, number>) => QUEUED + RUNNING;

async function openConversations(agentId: string, count: number): Promise<string[]> {
  const conversations: string[] = [];
  while (conversations.length < count) conversations.push(await household.conversation(agentId));
  return conversations;
}

async function send(conversationId: string, play: Play): Promise<void> {
  runs.set(await household.send(conversationId, play.content), { conversationId, play });
}

test(`${KILLS} workers killed at random moments lose no run, repeat no finished tool call and leave no gap`, {
  timeout: 240_000,
}, async () => {
  const { db, server, environment } = place;
  const { toolServer, accessToken } = household;
  const names = { pay: `${toolServer}__pay`, look: `${toolServer}__look` };
  const given = [{ name: 'calculator' }, { mcp: toolServer, name: '*' }];
  const patient = await household.agent({ timeoutMs: AGENT_MS, tools: given });
  const hasty = await household.agent({ timeoutMs: HASTY_MS });
  const conversations = await openConversations(patient, CONVERSATIONS);
  const hastyConversations = await openConversations(hasty, HASTY);
  workers = await startWorkers({
    count: WORKERS,
    environment: { ...environment, RUNS_CONCURRENCY: '4', RUN_LEASE_SECONDS: '4' },
    random: randomNumbers(5),
    inCriticalSection: () => place.tools.paying,
  });
  const witnesses = [...conversations, ...hastyConversations].map((conversationId, index) =>
    watchConversation(
      { url: server.url, credential: accessToken, conversationId, signal: ended.signal, onEvent: workers.saw },
      index,
    ),
  );

  // The database refuses two at once in a conversation; that it never has to is seen in what it was told.
  const sending = (async () => {
    for (const conversation of hastyConversations) {
      await send(conversation, stall(random));
      await send(conversation, stall(random));
    }
    for (let index = 0; workers.kills < KILLS; index++) {
      await send(conversations[index % CONVERSATIONS] as string, anyPlay(random, names));
      while (workers.kills < KILLS && openOf(await statuses()) >= OPEN_RUNS) await delay(100);
    }
  })();
  await Promise.all([sending, workers.killWorkers(KILLS)]);
  expect(workers.kills).toBe(KILLS);
  await until(statuses, (found) => openOf(found) === 0, 120_000);

  // Every run ended as its script says.
  const endings = await db.ownerQuery<{ id: string; status: string; error_code: string | null; text: string | null }>(
    "SELECT id, status, error_code, output ->> 'text' AS text FROM agent_runs",
  );
  expect(endings).toHaveLength(runs.size);
  for (const { id, status, error_code: errorCode, text } of endings) {
    const { play } = runs.get(id) as Sent;
    expect({ id, status, errorCode, text: text ?? undefined, content: play.content }).toMatchObject({
      status: play.status,
      errorCode: play.errorCode,
      ...(play.text === undefined ? {} : { text: play.text }),
    });
  }
  // The deaths did hit them: what a dead worker was at is tried again.
  const [hit] = await db.ownerQuery<{ jobs: number }>(
    "SELECT count(*)::integer AS jobs FROM pgboss.job WHERE name = 'run.execute' AND retry_count > 0",
  );
  expect(hit?.jobs).toBeGreaterThanOrEqual(KILLS / 2);

  await everyCallIsAccountedFor();
  await numbersHaveNoGaps();
  await oneRunAtATime();
  await nothingIsLeftBehind();
  await witnessesSawIt(witnesses);

  const stops = await workers.stop();
  expect(stops.map(({ code }) => code)).toEqual(Array(WORKERS).fill(0));
});

/** Each call of a model was begun once by the tool, unless it may be repeated and had not ended. */
async function everyCallIsAccountedFor(): Promise<void> {
  const calls = await place.db.ownerQuery<{
    status: string;
    name: string;
    source: string;
    key: string | null;
    completed_at: Date;
    executions: number;
  }>(
    `SELECT c.status, c.tool_name AS name, c.source, c.arguments ->> 'key' AS key, c.completed_at,
      (SELECT count(*)::integer FROM tool_executions e WHERE e.tenant_id = c.tenant_id AND e.metadata ->> 'toolCallId' = c.id::text) AS executions
     FROM tool_calls c`,
  );
  const asked = [...runs.values()].reduce((sum, { play }) => sum + play.calls, 0);
  expect(calls).toHaveLength(asked);
  const begun = Map.groupBy(place.tools.calls, ({ key }) => key);
  const statusesSeen = new Set<string>();
  for (const { status, name, source, key, completed_at: completedAt, executions } of calls) {
    const repeatable = !name.endsWith('__pay');
    const times = begun.get(key ?? '') ?? [];
    statusesSeen.add(`${source} ${status}`);
    const context = JSON.stringify({ name, key, status, completedAt, times });
    expect(executions, context).toBe(1);
    if (source !== 'MCP') expect(['SUCCEEDED', 'FAILED'], context).toContain(status);
    else if (status === 'SUCCEEDED') expect(times.length, context).toBeGreaterThanOrEqual(1);
    else expect([status, repeatable], context).toEqual(['INTERRUPTED', false]);
    if (!repeatable) expect(times.length, context).toBeLessThanOrEqual(1);
    // One that has ended is never begun again.
    for (const { at } of times) expect(at, context).toBeLessThanOrEqual(completedAt.getTime());
  }
  expect([...statusesSeen]).toEqual(
    expect.arrayContaining(['MCP SUCCEEDED', 'MCP INTERRUPTED', 'BUILT_IN SUCCEEDED', 'BUILT_IN FAILED', 'UNKNOWN FAILED']),
  );
}

async function numbersHaveNoGaps(): Promise<void> {
  for (const table of ['messages', 'conversation_events']) {
    const gaps = await place.db.ownerQuery(
      `SELECT conversation_id FROM ${table} GROUP BY conversation_id
       HAVING min(sequence) <> 1 OR max(sequence) <> count(*) OR count(*) <> count(DISTINCT sequence)`,
    );
    expect(gaps).toEqual([]);
  }
  const answers = await place.db.ownerQuery(
    "SELECT run_id, iteration FROM llm_calls WHERE status = 'SUCCESS' GROUP BY run_id, iteration HAVING count(*) > 1",
  );
  expect(answers).toEqual([]);
}

/** In the order of their messages, each begun after the one before had ended. */
async function oneRunAtATime(): Promise<void> {
  const overlaps = await place.db.ownerQuery(
    `SELECT * FROM (SELECT r.id, r.conversation_id, r.started_at,
        lag(r.completed_at) OVER (PARTITION BY r.conversation_id ORDER BY m.sequence) AS before_ended_at
      FROM agent_runs r JOIN messages m ON m.tenant_id = r.tenant_id AND m.id = r.message_id) turns
     WHERE started_at < before_ended_at`,
  );
  expect(overlaps).toEqual([]);
}

async function nothingIsLeftBehind(): Promise<void> {
  expect(await place.db.ownerQuery('SELECT id, run_id FROM message_drafts')).toEqual([]);
  expect(await place.db.ownerQuery('SELECT id FROM agent_runs WHERE lease_owner IS NOT NULL OR completed_at IS NULL')).toEqual(
    [],
  );
  expect(await place.db.ownerQuery('SELECT id FROM tool_calls WHERE completed_at IS NULL')).toEqual([]);
}

async function witnessesSawIt(witnesses: SubscriptionObserver[]): Promise<void> {
  let deltas = 0;
  for (const witness of witnesses) {
    const there = await place.db.ownerQuery<{ sequence: number; type: string; subject: string | null }>(
      `SELECT sequence, type, coalesce(payload ->> 'messageId', payload ->> 'toolExecutionId', payload ->> 'runId') AS subject
       FROM conversation_events WHERE conversation_id = $1 ORDER BY sequence`,
      [parseId('Conversation', witness.conversationId, [])],
    );
    await until(
      async () => witness.events.length,
      (count) => count === there.length,
      5_000,
    );
    expect(witness.violations).toEqual([]);
    expect(witness.events).toEqual(there);
    deltas += witness.deltas;
  }
  expect(deltas).toBeGreaterThan(runs.size);
}
