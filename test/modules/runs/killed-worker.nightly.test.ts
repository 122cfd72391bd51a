import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseId } from '../../../src/platform/graphql/kit/global-id.ts';
import { until } from '../../testkit/knowledge.ts';
import { startWorkers, type Workers } from './processes/chaos.ts';
import { createAccount, type Installation, install, type TestAccount } from './processes/run-cluster.ts';
import { anyPlay, type Play, randomNumbers, stall } from './processes/scripted-runs.ts';
import { type SubscriptionObserver, watchConversation } from './processes/subscription-observer.ts';

const KILLS = 50;
/** Usually one of them is starting. */
const WORKERS = 3;
const CONVERSATIONS = 40;
/** Conversations of an agent with a short time limit and a model that stalls. */
const STALLING = 4;
/** Number of queued and running runs to maintain during the kills. */
const OPEN_RUNS = 80;
const SHORT_TIMEOUT_MS = 2_500;
const AGENT_MS = 3_600_000;

interface Sent {
  conversationId: string;
  play: Play;
}

let installation: Installation;
let account: TestAccount;
let workers: Workers;
/** The behaviour of models is deterministic. The times of the kills are not: they depend on progress. */
const random = randomNumbers(4);
const runs = new Map<string, Sent>();
const ended = new AbortController();

beforeAll(async () => {
  installation = await install();
  account = await createAccount(installation);
});
afterAll(async () => {
  ended.abort();
  workers?.killAll();
  await installation?.close();
});

async function statuses(): Promise<Record<string, number>> {
  const rows = await installation.db.ownerQuery<{ status: string; count: number }>(
    'SELECT status, count(*)::integer AS count FROM agent_runs GROUP BY status',
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

const openOf = ({ QUEUED = 0, RUNNING = 0 }: Record<string, number>) => QUEUED + RUNNING;

async function openConversations(agentId: string, count: number): Promise<string[]> {
  const conversations: string[] = [];
  while (conversations.length < count) conversations.push(await account.conversation(agentId));
  return conversations;
}

async function send(conversationId: string, play: Play): Promise<void> {
  runs.set(await account.send(conversationId, play.content), { conversationId, play });
}

test(`${KILLS} workers killed at random lose no run, repeat no finished tool call and leave no gap in sequences`, {
  timeout: 240_000,
}, async () => {
  const { db, server, environment } = installation;
  const { toolServer, accessToken } = account;
  const names = { pay: `${toolServer}__pay`, look: `${toolServer}__look` };
  const given = [{ name: 'calculator' }, { mcp: toolServer, name: '*' }];
  const patient = await account.agent({ timeoutMs: AGENT_MS, tools: given });
  const impatient = await account.agent({ timeoutMs: SHORT_TIMEOUT_MS });
  const conversations = await openConversations(patient, CONVERSATIONS);
  const stallingConversations = await openConversations(impatient, STALLING);
  workers = await startWorkers({
    count: WORKERS,
    environment: { ...environment, RUNS_CONCURRENCY: '4', RUN_LEASE_SECONDS: '4' },
    random: randomNumbers(5),
    inCriticalSection: () => installation.tools.paying,
  });
  const observers = [...conversations, ...stallingConversations].map((conversationId, index) =>
    watchConversation(
      { url: server.url, credential: accessToken, conversationId, signal: ended.signal, onEvent: workers.countEvent },
      index,
    ),
  );

  const sending = (async () => {
    for (const conversation of stallingConversations) {
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

  // Every run ended as scripted.
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
  // The kills interrupted jobs, which the queue retried.
  const [retried] = await db.ownerQuery<{ jobs: number }>(
    "SELECT count(*)::integer AS jobs FROM pgboss.job WHERE name = 'run.execute' AND retry_count > 0",
  );
  expect(retried?.jobs).toBeGreaterThanOrEqual(KILLS / 2);

  await expectCallsExecutedOnce();
  await expectNoGapsInSequences();
  await expectNoOverlappingRuns();
  await expectNoOpenRows();
  await expectObserversReceivedAllEvents(observers);

  const stops = await workers.stop();
  expect(stops.map(({ code }) => code)).toEqual(Array(WORKERS).fill(0));
});

/** The tool server started each call once, except for repeatable calls that had not ended. */
async function expectCallsExecutedOnce(): Promise<void> {
  const calls = await installation.db.ownerQuery<{
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
  const requested = [...runs.values()].reduce((sum, { play }) => sum + play.calls, 0);
  expect(calls).toHaveLength(requested);
  const started = Map.groupBy(installation.tools.calls, ({ key }) => key);
  const statusesSeen = new Set<string>();
  for (const { status, name, source, key, completed_at: completedAt, executions } of calls) {
    const repeatable = !name.endsWith('__pay');
    const times = started.get(key ?? '') ?? [];
    statusesSeen.add(`${source} ${status}`);
    const context = JSON.stringify({ name, key, status, completedAt, times });
    expect(executions, context).toBe(1);
    if (source !== 'MCP') expect(['SUCCEEDED', 'FAILED'], context).toContain(status);
    else if (status === 'SUCCEEDED') expect(times.length, context).toBeGreaterThanOrEqual(1);
    else expect([status, repeatable], context).toEqual(['INTERRUPTED', false]);
    if (!repeatable) expect(times.length, context).toBeLessThanOrEqual(1);
    // A finished call never starts again.
    for (const { at } of times) expect(at, context).toBeLessThanOrEqual(completedAt.getTime());
  }
  expect([...statusesSeen]).toEqual(
    expect.arrayContaining(['MCP SUCCEEDED', 'MCP INTERRUPTED', 'BUILT_IN SUCCEEDED', 'BUILT_IN FAILED', 'UNKNOWN FAILED']),
  );
}

async function expectNoGapsInSequences(): Promise<void> {
  for (const table of ['messages', 'conversation_events']) {
    const gaps = await installation.db.ownerQuery(
      `SELECT conversation_id FROM ${table} GROUP BY conversation_id
       HAVING min(sequence) <> 1 OR max(sequence) <> count(*) OR count(*) <> count(DISTINCT sequence)`,
    );
    expect(gaps).toEqual([]);
  }
  const answers = await installation.db.ownerQuery(
    "SELECT run_id, iteration FROM llm_calls WHERE status = 'SUCCESS' GROUP BY run_id, iteration HAVING count(*) > 1",
  );
  expect(answers).toEqual([]);
}

/** Runs of a conversation execute in the order of their messages, without overlap. */
async function expectNoOverlappingRuns(): Promise<void> {
  const overlaps = await installation.db.ownerQuery(
    `SELECT * FROM (SELECT r.id, r.conversation_id, r.started_at,
        lag(r.completed_at) OVER (PARTITION BY r.conversation_id ORDER BY m.sequence) AS before_ended_at
      FROM agent_runs r JOIN messages m ON m.tenant_id = r.tenant_id AND m.id = r.message_id) turns
     WHERE started_at < before_ended_at`,
  );
  expect(overlaps).toEqual([]);
}

async function expectNoOpenRows(): Promise<void> {
  expect(await installation.db.ownerQuery('SELECT id, run_id FROM message_drafts')).toEqual([]);
  expect(
    await installation.db.ownerQuery('SELECT id FROM agent_runs WHERE lease_owner IS NOT NULL OR completed_at IS NULL'),
  ).toEqual([]);
  expect(await installation.db.ownerQuery('SELECT id FROM tool_calls WHERE completed_at IS NULL')).toEqual([]);
}

async function expectObserversReceivedAllEvents(observers: SubscriptionObserver[]): Promise<void> {
  let deltas = 0;
  for (const observer of observers) {
    const stored = await installation.db.ownerQuery<{ sequence: number; type: string; subject: string | null }>(
      `SELECT sequence, type, coalesce(payload ->> 'messageId', payload ->> 'toolExecutionId', payload ->> 'runId') AS subject
       FROM conversation_events WHERE conversation_id = $1 ORDER BY sequence`,
      [parseId('Conversation', observer.conversationId, [])],
    );
    await until(
      async () => observer.events.length,
      (count) => count === stored.length,
      5_000,
    );
    expect(observer.violations).toEqual([]);
    expect(observer.events).toEqual(stored);
    deltas += observer.deltas;
  }
  expect(deltas).toBeGreaterThan(runs.size);
}
