import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createDraftWriter } from '../../../src/modules/conversations/drafts/draft-writer.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { Logger } from '../../../src/platform/lib/logger.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import type { Database } from '../../../src/platform/postgres/database.ts';
import { currentScope } from '../../../src/platform/postgres/request-scope.ts';
import { quiet, range } from '../../platform/live/live-harness.ts';
import { testGraph } from '../../testkit/graph.ts';
import { createDraftHarness } from './draft-harness.ts';

const graph = await testGraph();

interface Statement {
  text: string;
  values: unknown[];
}

/** A fake database that stores nothing and returns results like PostgreSQL, on a clock that the test advances. */
function createDesk() {
  const transactions: { tenantId: string; statements: Statement[] }[] = [];
  const notices: ChangeNotice[] = [];
  const logged: string[] = [];
  const state = { away: false, gate: Promise.resolve() };
  const database = {
    preparedStatements: false,
    batch: (statements: Statement[]): Promise<unknown[]> =>
      database.transactionAs(currentScope().context as { tenantId: string }, () =>
        Promise.all(statements.map((statement) => database.query(statement))),
      ),
    async transactionAs<T>({ tenantId }: { tenantId: string }, work: () => Promise<T>) {
      await state.gate;
      if (state.away) throw new Error('away');
      transactions.push({ tenantId, statements: [] });
      return work();
    },
    async query({ text, values }: Statement): Promise<{ fields: { name: string }[]; rows: unknown[][] }> {
      transactions.at(-1)?.statements.push({ text, values });
      const fields = [{ name: 'id' }, { name: 'version' }];
      if (text.startsWith('DELETE')) return { fields: [], rows: [] };
      const inserts = text.startsWith('INSERT');
      const lists = values.filter((value) => Array.isArray(value)) as [string[], ...unknown[][]];
      const versions = inserts ? lists[0].map(() => 2 ** 20) : (lists[2] as number[]);
      return { fields, rows: lists[0].map((id, index) => [id, versions[index]]) };
    },
  };
  const note = (_fields: unknown, message: string) => void logged.push(message);
  const log = { warn: note, info: (message: string) => void logged.push(message) } as unknown as Logger;
  const writer = createDraftWriter({
    database: database as unknown as Database,
    log,
    live: { announce: (notice) => void notices.push(notice) },
  });
  const keyOf = (tenantId = newId()) => ({ tenantId, conversationId: newId(), runId: newId(), messageId: newId() });
  /** The texts of the last write. */
  const written = () => {
    const { values } = transactions.at(-1)?.statements.at(-1) ?? { values: [] };
    const lists = values.filter((value) => Array.isArray(value)) as string[][];
    return lists.find((list) => list.some((text) => !/^[0-9a-f-]{36}$/.test(text))) ?? [];
  };
  return { transactions, notices, logged, state, writer, keyOf, written };
}

describe('write interval', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('writes a draft at most 20 times per second', async () => {
    const { transactions, notices, writer, keyOf, written } = createDesk();
    const draft = writer.open(keyOf());
    let text = '';
    for (const number of range(1, 1000)) {
      draft.append(`${number} `);
      text += `${number} `;
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(transactions.length).toBeLessThanOrEqual(20);
    expect(transactions.length).toBeGreaterThan(14);
    expect(notices).toHaveLength(transactions.length);
    await vi.advanceTimersByTimeAsync(60);
    expect(written()).toEqual([text]);
    const quietSince = transactions.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(transactions).toHaveLength(quietSince);
    // Text after a pause is written at once.
    draft.append('at once');
    await vi.advanceTimersByTimeAsync(0);
    expect(transactions).toHaveLength(quietSince + 1);
    await writer.close();
  });

  test('writes the drafts of a tenant in one statement, concurrently with other tenants', async () => {
    const { transactions, writer, keyOf } = createDesk();
    const tenants = range(1, 6).map(() => newId());
    const drafts = tenants.flatMap((tenantId) => range(1, 50).map(() => writer.open(keyOf(tenantId))));
    await vi.advanceTimersByTimeAsync(60);
    transactions.length = 0;
    for (const draft of drafts) draft.append('Hello');
    await vi.advanceTimersByTimeAsync(60);
    expect(transactions.map(({ tenantId }) => tenantId).sort()).toEqual([...tenants].sort());
    for (const { statements } of transactions) {
      expect(statements).toHaveLength(1);
      expect(statements[0]?.values).toContainEqual(range(1, 50).map(() => 'Hello'));
    }
    await writer.close();
  });

  test('never writes a tenant concurrently: text waits for the next write', async () => {
    const { transactions, state, writer, keyOf, written } = createDesk();
    const draft = writer.open(keyOf());
    await vi.advanceTimersByTimeAsync(60);
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    for (const number of range(1, 9)) {
      draft.append(`${number}`);
      await vi.advanceTimersByTimeAsync(60);
    }
    expect(transactions).toHaveLength(1);
    gate.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(transactions).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(60);
    expect(transactions).toHaveLength(3);
    expect(written()).toEqual(['123456789']);
    await writer.close();
  });

  test('writes a long text less often', async () => {
    const { transactions, writer, keyOf, written } = createDesk();
    const draft = writer.open(keyOf());
    draft.append('x'.repeat(500_000));
    for (const _ of range(1, 1000)) {
      draft.append('y');
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(transactions.length).toBeLessThan(5);
    const flushed = draft.flush();
    await vi.advanceTimersByTimeAsync(60);
    await flushed;
    expect(written()).toEqual([`${'x'.repeat(500_000)}${'y'.repeat(1000)}`]);
    await writer.close();
  });

  test('logs a failed write once and retries it without an error for the caller', async () => {
    const { transactions, notices, logged, state, writer, keyOf, written } = createDesk();
    const draft = writer.open(keyOf());
    await vi.advanceTimersByTimeAsync(60);
    state.away = true;
    draft.append('a');
    const flushed = draft.flush();
    await vi.advanceTimersByTimeAsync(600);
    await flushed;
    draft.append('b');
    await vi.advanceTimersByTimeAsync(600);
    expect(transactions).toHaveLength(1);
    expect(logged).toEqual(['draft write failed; retrying']);
    state.away = false;
    await vi.advanceTimersByTimeAsync(60);
    expect(written()).toEqual(['ab']);
    expect(notices).toHaveLength(2);
    expect(logged.slice(1)).toEqual(['draft writes recovered']);
    state.away = true;
    await draft.discard();
    expect(logged.slice(2)).toEqual(['draft deletion failed']);
    await writer.close();
  });

  test('close waits for running writes and starts no more', async () => {
    const { transactions, state, writer, keyOf } = createDesk();
    const [draft, other] = [writer.open(keyOf()), writer.open(keyOf())];
    await vi.advanceTimersByTimeAsync(60);
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    draft.append('on its way');
    await vi.advanceTimersByTimeAsync(60);
    draft.append(', too late');
    const [flushed, closed] = [draft.flush(), draft.close()];
    let over = false;
    void closed.then(() => {
      over = true;
    });
    await vi.advanceTimersByTimeAsync(60);
    expect(over).toBe(false);
    gate.resolve();
    await Promise.all([flushed, closed]);
    const before = transactions.length;
    draft.append(', much too late');
    draft.restart();
    await draft.flush();
    other.append('never written');
    const waiting = other.flush();
    await writer.close();
    await waiting;
    const late = writer.open(keyOf());
    late.append('nor this');
    await late.flush();
    await vi.advanceTimersByTimeAsync(600);
    expect(transactions).toHaveLength(before);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('written text', () => {
  const contentOf = async (messageId: string) => {
    const [row] = await graph.ownerQuery<{ content: string }>('SELECT content FROM message_drafts WHERE id = $1', [messageId]);
    return row?.content;
  };

  test.each([
    [
      'a text as it is, but for NUL and halves of characters',
      ['a\0b', '\ud83d', '\ude00', '\udc00 ', '\ufeff{"\\', '}\ud83d'],
      'ab😀\ufffd \ufeff{"\\}',
    ],
    ['nothing', ['', '\0'], ''],
    ['a mebibyte, and no half of a character', ['x', '€'.repeat(400_000), 'z'], `x${'€'.repeat(349_525)}`],
  ])('%s', async (_name, tokens, content) => {
    const { answerer, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const draft = answerer.writer.open(of);
    for (const token of tokens) draft.append(token);
    await draft.flush();
    expect(await contentOf(of.messageId)).toBe(content);
    draft.restart();
    draft.append('Once more');
    await draft.flush();
    expect(await contentOf(of.messageId)).toBe('Once more');
    await draft.discard();
    expect(await contentOf(of.messageId)).toBeUndefined();
    await close();
  });

  test('a discarded draft can be opened again', async () => {
    const { answerer, close } = await createDraftHarness(graph);
    const of = await answerer.start();
    const draft = answerer.writer.open(of);
    draft.append('Given up');
    await draft.flush();
    await draft.discard();
    const again = answerer.writer.open(of);
    again.append('Not given up');
    await again.flush();
    expect(await contentOf(of.messageId)).toBe('Not given up');
    await close();
  });

  test('writes in the context of its tenant, independent of the caller', async () => {
    const [mine, theirs] = [await createDraftHarness(graph), await createDraftHarness(graph)];
    const of = await mine.answerer.start();
    const forged = createDraftWriter({ database: graph.database, live: mine.live, log: quiet, intervalMs: 1 });
    const draft = forged.open({ ...of, tenantId: theirs.tenant.id });
    draft.append('Not here');
    await draft.flush();
    expect(await contentOf(of.messageId)).toBeUndefined();
    await forged.close();
    const own = await theirs.answerer.transaction(async () => {
      const opened = mine.answerer.writer.open(of);
      opened.append('Here');
      return opened;
    });
    await own.flush();
    expect(await contentOf(of.messageId)).toBe('Here');
    await Promise.all([mine.close(), theirs.close()]);
  });
});
