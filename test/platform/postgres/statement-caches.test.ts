import { beforeAll, describe, expect, test } from 'vitest';
import { tableModels } from '../../../src/generated/data-model.ts';
import { cacheStatsOf } from '../../../src/platform/lib/cache-stats.ts';
import { columnList } from '../../../src/platform/postgres/keyset-pagination.ts';
import { connectionOf } from '../../../src/platform/postgres/protocol/pg-internals.ts';
import {
  PreparedStatements,
  preparedStatementsOf,
  StatementNames,
} from '../../../src/platform/postgres/protocol/prepared-statements.ts';
import { camelCase, textRowDecoder, valueRowDecoder } from '../../../src/platform/postgres/protocol/row-decoder.ts';
import { columnsOf } from '../../../src/platform/postgres/readable-columns.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { toText } from '../../../src/platform/postgres/sql.ts';
import { type TestDatabase, testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

/** Returns the counters of a cache for the duration of `work`. */
function counted(name: string, work: () => void): { hits: number; misses: number; evictions: number } {
  const stats = cacheStatsOf(name);
  const { hits, misses, evictions } = stats;
  work();
  return { hits: stats.hits - hits, misses: stats.misses - misses, evictions: stats.evictions - evictions };
}

/** Distinct sorted lists of one to three properties of a table. */
function selections(table: string): string[][] {
  const properties = columnsOf(table).map(camelCase);
  return properties.flatMap((one, index) =>
    properties
      .slice(index + 1)
      .flatMap((two, next) => properties.slice(index + next + 2).map((three) => [one, two, three].sort())),
  );
}

describe('projections', () => {
  test('stay exact beyond the cache size, and the newest stay cached', () => {
    const many = selections('agents').slice(0, 2_000);
    expect(many).toHaveLength(2_000);
    const first = counted('projections', () => {
      for (const selection of many) columnList('agents', selection);
    });
    expect(first.evictions).toBeGreaterThan(0);
    const newest = many.slice(-100);
    const again = counted('projections', () => {
      for (const selection of newest) columnList('agents', selection);
    });
    expect(again).toEqual({ hits: 100, misses: 0, evictions: 0 });
    for (const selection of [...many.slice(0, 50), ...newest]) {
      const wanted = new Set(['id', ...selection]);
      const columns = columnsOf('agents').filter((column) => wanted.has(camelCase(column)));
      expect(toText(columnList('agents', selection))).toBe(columns.map((column) => `"agents"."${column}"`).join(', '));
    }
  });

  test('reject a table that is not in the data model', () => {
    expect(() => columnList('nowhere')).toThrow('the data model has no table nowhere');
    expect(tableModels.every(({ name }) => columnsOf(name).length > 0)).toBe(true);
  });
});

describe('statement names', () => {
  test('are stable across evictions, and the newest stay cached', () => {
    const names = new StatementNames('sql', 10);
    const texts = Array.from({ length: 50 }, (_, index) => `SELECT ${index}`);
    const before = texts.map((text) => names.nameOf(text));
    expect(new Set(before).size).toBe(50);
    const newest = counted('statement_names_sql', () => {
      for (const text of texts.slice(-10)) names.nameOf(text);
    });
    expect(newest).toEqual({ hits: 10, misses: 0, evictions: 0 });
    expect(texts.map((text) => names.nameOf(text))).toEqual(before);
  });

  test('differ between SQL of the application and of Prisma', () => {
    expect(new StatementNames('sql').nameOf('SELECT 1')).not.toBe(new StatementNames('prisma').nameOf('SELECT 1'));
  });
});

describe('row builders', () => {
  const columnsNamed = (index: number) => [{ name: `some_column_${index}`, dataTypeID: 25 }];

  test('stay correct beyond the cache size, and the newest stay cached', () => {
    for (let index = 0; index < 2_000; index++) {
      expect(textRowDecoder(columnsNamed(index))(['value'])).toEqual({ [camelCase(`some_column_${index}`)]: 'value' });
      expect(valueRowDecoder(columnsNamed(index))([index])).toEqual({ [camelCase(`some_column_${index}`)]: index });
    }
    for (const [name, builderOf] of [
      ['row_readers', textRowDecoder],
      ['row_decoders', valueRowDecoder],
    ] as const) {
      const newest = counted(name, () => builderOf(columnsNamed(1_999)));
      expect(newest).toEqual({ hits: 1, misses: 0, evictions: 0 });
    }
  });
});

describe('prepared statements of a connection', () => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await testDatabase();
  });

  test('are deallocated after eviction unless they are used again', () => {
    const parsedStatements: Record<string, string> = {};
    const prepared = new PreparedStatements({ parsedStatements } as never, 10);
    const use = (name: string) => {
      prepared.use(name);
      parsedStatements[name] = `SELECT '${name}'`;
    };
    use('again');
    for (let index = 0; index < 20; index++) use(`statement ${index}`);
    // Evicted but not deallocated yet.
    use('again');
    expect(prepared.takeDeallocation()).toBeUndefined();
    for (let index = 20; index < 45; index++) use(`statement ${index}`);
    use('again');
    const deallocation = prepared.takeDeallocation();
    expect(deallocation).toContain('DEALLOCATE "statement 0"; DEALLOCATE "statement 1"');
    expect(deallocation).not.toContain('again');
    expect(Object.keys(parsedStatements)).toHaveLength(10);
    expect(prepared.takeDeallocation()).toBeUndefined();
  });

  test('are bounded, and every text returns its own result before and after an eviction', async () => {
    const tenant = await createTenant(db);
    const names = new StatementNames('sql');
    const numbers = Array.from({ length: 1_400 }, (_, index) => index);
    const query = (n: number) => ({ name: names.nameOf(`SELECT ${n} AS n, 'bound'`), text: `SELECT ${n} AS n, 'bound'` });
    const readAll = (wanted: number[]) =>
      runWithContext(contextOf(tenant), async () => {
        const results = await Promise.all(wanted.map((n) => db.database.query(query(n))));
        return results.map(({ rows }) => rows[0].n);
      });
    const writeAll = (wanted: number[]) =>
      db.database.transactionAs(contextOf(tenant), async () => {
        const found: number[] = [];
        for (const n of wanted) found.push((await db.database.query(query(n))).rows[0].n);
        return found;
      });
    const client = await db.database.pool.connect();
    client.release();
    expect(await readAll(numbers)).toEqual(numbers);
    // The oldest were evicted and are prepared again under the same names, outside and inside a transaction.
    expect(await readAll(numbers.slice(0, 40))).toEqual(numbers.slice(0, 40));
    expect(await writeAll(numbers.slice(40, 80))).toEqual(numbers.slice(40, 80));
    expect(await readAll(numbers.slice(-40))).toEqual(numbers.slice(-40));
    if (!db.embedded) return;
    const held = await db.ownerQuery<{ count: number }>('SELECT count(*)::integer AS count FROM pg_prepared_statements');
    // In addition to the bound: evicted statements that are not deallocated yet, and the context statements.
    expect(held[0]?.count).toBeLessThanOrEqual(75 * 16 + 32 + 10);
    expect(held[0]?.count).toBeGreaterThan(1_000);
    expect(preparedStatementsOf(connectionOf(client)).takeDeallocation()).toBeUndefined();
  });
});
