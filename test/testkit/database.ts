import { randomBytes } from 'node:crypto';

import type pg from 'pg';
import { inject } from 'vitest';
import { readTemplate } from '../../src/platform/migrations/embedded-template.ts';
import { openEmbedded, openPool } from '../../src/platform/postgres/connect.ts';
import { Database, type DatabaseOptions } from '../../src/platform/postgres/database.ts';
import { createPrisma, type Prisma } from '../../src/platform/postgres/prisma.ts';
import { ownerPoolOf, urlOf, withClient } from './postgres-template.ts';

export interface TestDatabase {
  /** The server's client: under row-level security, as the application role. */
  database: Database;
  prisma: Prisma;
  embedded: boolean;
  /** Connections of the owner, which bypasses row-level security. The embedded database has one connection for all roles. */
  ownerPool: pg.Pool;
  /** Executes one statement as the owner, and returns its rows. */
  ownerQuery<Row extends object = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** The URL for other processes. On PostgreSQL only. */
  urls: { server: string; owner: string; pgbouncer: string | undefined } | undefined;
  /** Opens another client of the same database, with other limits. Embedded clients share one connection. */
  another(options?: AnotherOptions): { database: Database; prisma: Prisma; close(): Promise<void> };
  close(): Promise<void>;
}

export interface AnotherOptions extends Partial<Omit<DatabaseOptions, 'pool'>> {
  /** Another URL of the same database, on PostgreSQL. @default the server's own */
  url?: string | undefined;
  /** Connections, on PostgreSQL. @default 2 */
  max?: number;
  /** Timeout for a connection, in milliseconds. @default 10000 */
  connectionTimeoutMs?: number;
}

const DEFAULTS: Omit<DatabaseOptions, 'pool'> = {
  timeouts: { statementMs: 15_000, lockMs: 10_000, idleInTransactionMs: 15_000 },
  preparedStatements: true,
  maxWaiting: 1_000,
};

let shared: Promise<TestDatabase> | undefined;

/** The migrated database of this test worker, created at the first call and shared by its test files. */
export function testDatabase(): Promise<TestDatabase> {
  shared ??= copyOfTemplate();
  return shared;
}

/** Creates a migrated database for a test that changes the catalog permanently. The caller closes it. */
export function throwawayDatabase(): Promise<TestDatabase> {
  return copyOfTemplate();
}

async function copyOfTemplate(): Promise<TestDatabase> {
  const template = inject('template');
  return template.kind === 'embedded' ? embeddedCopy(template.dump) : postgresCopy(template);
}

async function embeddedCopy(dump: string): Promise<TestDatabase> {
  const { pool, close } = await openEmbedded('memory://', await readTemplate(dump));
  // Other clients share the one pool.
  pool.setMaxListeners(0);
  return assemble({ pool, ownerPool: pool, urls: undefined, close, openPool: () => pool, closePool: async () => {} });
}

async function postgresCopy(template: { adminUrl: string; serverUrl: string; database: string }): Promise<TestDatabase> {
  const name = `${template.database}_${randomBytes(4).toString('hex')}`;
  const login = new URL(template.serverUrl).username;
  await withClient(template.adminUrl, async (admin) => {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template.database}`);
    // A copied database lacks the settings of logins that `db:migrate` stores.
    await admin.query(`ALTER ROLE ${login} IN DATABASE ${name} SET role = agentbase_app`);
  });
  const pooler = process.env.TEST_PGBOUNCER_URL;
  const urls = {
    server: urlOf(template.serverUrl, { database: name }),
    owner: urlOf(template.adminUrl, { database: name }),
    pgbouncer: pooler && urlOf(pooler, { database: name, user: login }),
  };
  const open = (options: AnotherOptions) =>
    openPool({
      connectionString: options.url ?? urls.server,
      max: options.max ?? 2,
      connectionTimeoutMs: options.connectionTimeoutMs ?? 10_000,
      queryTimeoutMs: 60_000,
    });
  const pool = open({ max: 8 });
  const ownerPool = ownerPoolOf(urls.owner, 4);
  const close = async () => {
    await Promise.all([pool.end(), ownerPool.end()]);
    await withClient(template.adminUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
  };
  return assemble({ pool, ownerPool, urls, close, openPool: open, closePool: (opened) => opened.end() });
}

interface Parts {
  pool: pg.Pool;
  ownerPool: pg.Pool;
  urls: TestDatabase['urls'];
  close(): Promise<void>;
  openPool(options: AnotherOptions): pg.Pool;
  closePool(pool: pg.Pool): Promise<void>;
}

function assemble(parts: Parts): TestDatabase {
  const database = new Database({ ...DEFAULTS, pool: parts.pool });
  return {
    database,
    prisma: createPrisma(database),
    embedded: parts.urls === undefined,
    ownerPool: parts.ownerPool,
    // pool.query() would discard the connection after an error, and the embedded database has only one.
    ownerQuery: async <Row extends object>(sql: string, values?: unknown[]) => {
      const client = await parts.ownerPool.connect();
      try {
        return (await client.query<Row>(sql, values)).rows;
      } finally {
        client.release();
      }
    },
    urls: parts.urls,
    another(options = {}) {
      const pool = parts.openPool(options);
      const other = new Database({ ...DEFAULTS, ...options, pool });
      return { database: other, prisma: createPrisma(other), close: () => parts.closePool(pool) };
    },
    close: parts.close,
  };
}
