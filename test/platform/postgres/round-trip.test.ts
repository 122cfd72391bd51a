import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { type AnotherOptions, testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant, unique } from '../../testkit/tenants.ts';

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

/** A separate connection, and the type letters of the protocol messages written to it. */
async function tapped(options: AnotherOptions = {}) {
  const db = await testDatabase();
  const other = db.another({ ...options, max: 1 });
  const client = await other.database.pool.connect();
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  client.release();
  let written: Buffer[] = [];
  const write = stream.write.bind(stream);
  stream.write = ((chunk: Buffer, ...rest: []) => {
    written.push(Buffer.from(chunk));
    return write(chunk, ...rest);
  }) as typeof stream.write;
  undo.push(() => {
    stream.write = write;
    return other.close();
  });
  const sent = () => {
    const bytes = Buffer.concat(written);
    written = [];
    let letters = '';
    for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) letters += String.fromCharCode(bytes[at] ?? 0);
    return { letters, text: bytes.toString('latin1') };
  };
  return { db, other, sent };
}

test('a read and its context take one round trip, without BEGIN or COMMIT', async () => {
  const { db, other, sent } = await tapped();
  const tenant = await createTenant(db, { rows: ['agents'] });
  const read = () => runWithContext(contextOf(tenant), async () => other.prisma.agent.findMany({ take: 5 }));
  await read();
  sent();
  expect(await read()).toHaveLength(1);
  const { letters, text } = sent();
  // Bind and Execute of the context and of the prepared read with known columns, and one Sync.
  expect(letters).toBe('BEBES');
  expect(text).not.toMatch(/BEGIN|COMMIT|SELECT/);
});

test('a read takes one round trip without prepared statements too', async () => {
  const { db, other, sent } = await tapped({ preparedStatements: false });
  const tenant = await createTenant(db, { rows: ['agents'] });
  sent();
  expect(await runWithContext(contextOf(tenant), async () => other.prisma.agent.findMany())).toHaveLength(1);
  expect(sent().letters).toBe('PBEPBDES');
});

test('a transaction takes one round trip each for BEGIN with its context, every statement and COMMIT', async () => {
  const { db, other, sent } = await tapped();
  const tenant = await createTenant(db, { rows: ['agents'] });
  const statements: string[] = [];
  other.database.onStatement = (text) => statements.push(text.split(' ')[0] ?? '');
  const write = () =>
    other.database.transactionAs(contextOf(tenant), async () => {
      await other.prisma.agent.create({
        data: { tenantId: tenant.id, id: newId(), name: 'New', slug: unique('new'), provider: 'local', model: 'echo' },
      });
    });
  await write();
  statements.length = 0;
  sent();
  await write();
  expect(statements).toEqual(['BEGIN', 'INSERT', 'COMMIT']);
  expect(sent().letters).toBe('QBDESQ');
});

test('a batch and its context take one round trip', async () => {
  const { db, other, sent } = await tapped();
  const tenant = await createTenant(db, { rows: ['agents'] });
  const statements: string[] = [];
  other.database.onStatement = (text) => statements.push(text);
  const update = {
    name: 'test_update',
    text: 'UPDATE agents SET name = $1 WHERE id = $2',
    values: ['Renamed', tenant.idOf('agents')],
  };
  const select = { name: 'test_select', text: 'SELECT name FROM agents' };
  const write = () => runWithContext(contextOf(tenant), () => other.database.batch([update, select]));
  await write();
  statements.length = 0;
  sent();
  const [updated, selected] = await write();
  expect(updated).toMatchObject({ command: 'UPDATE', rowCount: 1, rows: [] });
  expect(selected).toMatchObject({ command: 'SELECT', rows: [{ name: 'Renamed' }] });
  expect(statements).toEqual([update.text, select.text]);
  // Bind and Execute of the context and of both prepared statements, and one Sync.
  expect(sent().letters).toBe('BEBDEBES');
});

test('a batch takes one round trip without prepared statements too', async () => {
  const { db, other, sent } = await tapped({ preparedStatements: false });
  const tenant = await createTenant(db, { rows: ['agents'] });
  sent();
  const [, selected] = await runWithContext(contextOf(tenant), () =>
    other.database.batch([
      { text: 'UPDATE agents SET name = $1', values: ['Renamed'] },
      { text: 'SELECT name FROM agents WHERE id = $1', values: [tenant.idOf('agents')] },
    ]),
  );
  expect(selected?.rows).toEqual([{ name: 'Renamed' }]);
  expect(sent().letters).toBe('PBEPBDEPBDES');
});

describe('reads of one turn', () => {
  const number = (n: number) => ({ name: `number_${n}`, text: `SELECT ${n} AS n` });

  test('share one round trip, and each returns its own rows', async () => {
    const { db, other, sent } = await tapped();
    const tenant = await createTenant(db, { rows: ['agents'] });
    const read = (numbers: number[]) =>
      runWithContext(contextOf(tenant), async () =>
        (await Promise.all(numbers.map((n) => other.database.query(number(n))))).map(
          ({ rows }) => (rows as { n: number }[])[0]?.n,
        ),
      );
    await read([1, 2, 3, 4]);
    sent();
    expect(await read([1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
    expect(sent().letters).toBe('BEBEBEBEBES');
    expect(await read([1, 2, 3, 4, 1, 2])).toEqual([1, 2, 3, 4, 1, 2]);
  });
});

describe.each([
  ['in one round trip', true],
  ['with the public interface of pg alone', false],
])('reads of one turn, %s,', (_way, pipelining) => {
  const number = (n: number) => ({ name: `number_${n}`, text: `SELECT ${n} AS n` });

  test('succeed if one of them fails', async () => {
    const { db, other } = await tapped({ pipelining });
    const tenant = await createTenant(db, { rows: ['agents'] });
    const read = () =>
      runWithContext(contextOf(tenant), () =>
        Promise.allSettled([
          other.database.query(number(5)),
          other.database.query({ name: 'wrong', text: 'SELECT 1 / $1::integer', values: [0] }),
          // Sent but not parsed the first time, after the failed statement.
          other.database.query(number(6)),
          other.database.query({ text: 'DELETE FROM agents' }),
          other.database.query(number(7)),
        ]),
      );
    for (let time = 0; time < 2; time++) {
      expect(await read()).toMatchObject([
        { value: { rows: [{ n: 5 }] } },
        { reason: { code: '22012' } },
        { value: { rows: [{ n: 6 }] } },
        { reason: { code: '25006' } },
        { value: { rows: [{ n: 7 }] } },
      ]);
    }
  });

  test('of different actors do not share a round trip', async () => {
    const { db, other } = await tapped({ pipelining });
    const [one, two] = [await createTenant(db, { rows: ['agents'] }), await createTenant(db, { rows: ['agents'] })];
    const tenantOf = (tenant: typeof one) =>
      runWithContext(contextOf(tenant), () => other.database.query({ name: 'mine', text: 'SELECT id FROM tenants' }));
    const [first, second] = await Promise.all([tenantOf(one), tenantOf(two)]);
    expect([first.rows, second.rows]).toEqual([[{ id: one.id }], [{ id: two.id }]]);
  });

  test('a parameter that cannot be serialised fails before anything is sent', async () => {
    const { db, other } = await tapped({ pipelining });
    const tenant = await createTenant(db, { rows: ['agents'] });
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const read = runWithContext(contextOf(tenant), () => other.database.query({ text: 'SELECT $1::jsonb', values: [circular] }));
    await expect(read).rejects.toThrow('circular');
    expect((await runWithContext(contextOf(tenant), () => other.database.query(number(8)))).rows).toEqual([{ n: 8 }]);
  });
});
