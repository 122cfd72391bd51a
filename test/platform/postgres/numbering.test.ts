import { expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { testDatabase } from '../../testkit/database.ts';
import { contextOf, createConversation, createTenant } from '../../testkit/tenants.ts';

const oneTo = (last: number) => Array.from({ length: last }, (_, n) => n + 1);

test('20 concurrent appends leave no gap in the numbers, also if some roll back', async () => {
  const db = await testDatabase();
  const tenant = await createTenant(db);
  const { id: tenantId } = tenant;
  const { id: conversationId } = await createConversation(tenant);
  const outcomes = await Promise.allSettled(
    oneTo(20).map((n) =>
      db.database.transactionAs(contextOf(tenant), async () => {
        await db.prisma.message.create({
          data: { tenantId, id: newId(), conversationId, role: 'USER', content: `${n}`, tokenCount: 10 },
        });
        if (n % 4 === 0) throw new Error('given up');
      }),
    ),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(15);

  const messages = await db.ownerQuery('SELECT sequence FROM messages WHERE conversation_id = $1 ORDER BY sequence', [
    conversationId,
  ]);
  expect(messages.map(({ sequence }) => sequence)).toEqual(oneTo(17));
  const events = await db.ownerQuery<{ sequence: number; type: string; message: number | null }>(
    `SELECT sequence, type, (payload ->> 'messageSequence')::int AS message FROM conversation_events WHERE conversation_id = $1 ORDER BY sequence`,
    [conversationId],
  );
  expect(events.map(({ sequence }) => sequence)).toEqual(oneTo(events.length));
  expect(events.filter(({ type }) => type === 'MESSAGE_APPENDED').map(({ message }) => message)).toEqual(oneTo(17));
  expect(
    await db.ownerQuery(
      'SELECT last_sequence, last_event_sequence, message_count, total_tokens::int FROM conversations WHERE id = $1',
      [conversationId],
    ),
  ).toEqual([{ last_sequence: 17, last_event_sequence: events.length, message_count: 17, total_tokens: 155 }]);
});

test('concurrent versions of an agent are numbered without a gap', async () => {
  const db = await testDatabase();
  const tenant = await createTenant(db);
  const { id: tenantId } = tenant;
  const agentId = await tenant.anyId('agents');
  await tenant.row('agent_versions');
  await Promise.all(
    oneTo(8).map(() =>
      db.database.transactionAs(contextOf(tenant), async () => {
        await db.prisma.agentVersion.create({ data: { tenantId, id: newId(), agentId, number: 1, snapshot: {} } });
      }),
    ),
  );
  const versions = await db.ownerQuery('SELECT number FROM agent_versions WHERE agent_id = $1 ORDER BY number', [agentId]);
  expect(versions.map(({ number }) => number)).toEqual(oneTo(9));
});

test('the database assigns numbers and counters and ignores those of an insert', async () => {
  const db = await testDatabase();
  const tenant = await createTenant(db);
  const { id: tenantId } = tenant;
  const agentId = await tenant.anyId('agents');
  const conversationId = newId();
  const message = await db.database.transactionAs(contextOf(tenant), async () => {
    await db.prisma.conversation.create({
      data: { tenantId, id: conversationId, agentId, lastSequence: 40, messageCount: 40, totalTokens: 40 },
    });
    return db.prisma.message.create({
      data: { tenantId, id: newId(), conversationId, role: 'USER', content: 'Hello', sequence: 99 },
    });
  });
  expect(message.sequence).toBe(1);
  expect(
    await db.ownerQuery('SELECT message_count, total_tokens::int FROM conversations WHERE id = $1', [conversationId]),
  ).toEqual([{ message_count: 1, total_tokens: 0 }]);
});
