/**
 * The reference for the highest throughput: plain `node:http` and one hand-written statement per operation, in one round trip with the
 * session context. Requests name the operation; there is no GraphQL.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { DomainError } from '../../../src/platform/lib/errors.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { type ContextStatement, PipelinedQuery } from '../../../src/platform/postgres/protocol/pipelined-query.ts';
import {
  batchSettingsSql,
  batchSettingsValues,
  readSettingsSql,
  readSettingsValues,
} from '../../../src/platform/postgres/session-settings.ts';
import { type OperationName, SIZES } from '../cases/operations.ts';
import { type Caller, openCredentials, RefusedError, readSettings, TIMEOUTS } from './credentials.ts';
import { type HandWrittenStatement, handWrittenStatement } from './hand-written-sql.ts';

interface OperationRequest {
  operation: OperationName;
  sizes: 'full' | 'few';
  /** With a tenant predicate instead of row-level security. */
  bare?: boolean;
  [parameter: string]: unknown;
}

const settings = readSettings();
const callerOf = await openCredentials(settings);
const pool = new pg.Pool({ connectionString: settings.databaseUrl, max: settings.poolSize });
const barePool = new pg.Pool({ connectionString: process.env.BYPASS_URL ?? '', max: settings.poolSize });
for (const one of [pool, barePool]) one.on('error', (error) => console.error(error));

/** Names of the context statements that a connection has prepared. */
const prepared = new WeakMap<pg.PoolClient, Set<string>>();
const statements = new Map<string, HandWrittenStatement & { name: string }>();

function statementOf({ operation, sizes, bare = false }: OperationRequest): HandWrittenStatement & { name: string } {
  const name = `${operation} ${sizes} ${bare}`;
  let statement = statements.get(name);
  if (!statement) {
    statement = { ...handWrittenStatement(operation, SIZES[sizes], bare), name };
    statements.set(name, statement);
  }
  return statement;
}

async function answer(request: OperationRequest, caller: Caller): Promise<string> {
  const { name, text: sql, parameters } = statementOf(request);
  const known: Record<string, unknown> = { ...request, ...caller, id: newId() };
  const query = { name, text: sql, values: parameters.map((parameter) => known[parameter]), rowMode: 'array' as const };
  const client = await (request.bare ? barePool : pool).connect();
  try {
    const { rows } = request.bare
      ? await client.query(query)
      : await inContext(client, query, contextOf(caller, request.operation === 'append'));
    return (rows[0] as string[] | undefined)?.[0] ?? 'null';
  } finally {
    client.release();
  }
}

const [READ_CONTEXT_SQL, BATCH_CONTEXT_SQL] = [readSettingsSql(TIMEOUTS), batchSettingsSql(TIMEOUTS)];

function contextOf(caller: Caller, writes: boolean): ContextStatement {
  return writes
    ? { name: 'write context', text: BATCH_CONTEXT_SQL, values: batchSettingsValues(caller) }
    : { name: 'context', text: READ_CONTEXT_SQL, values: readSettingsValues(caller) };
}

async function inContext(client: pg.PoolClient, query: pg.QueryConfig, context: ContextStatement): Promise<pg.QueryResult> {
  const known = prepared.get(client) ?? new Set();
  if (!known.has(context.name)) {
    await client.query({ ...context });
    prepared.set(client, known.add(context.name));
  }
  return new Promise((resolve, reject) => {
    client.query(
      new PipelinedQuery(context, [query], (error, [result] = []) => (error ? reject(error) : resolve(result as pg.QueryResult))),
    );
  });
}

async function respond(request: IncomingMessage): Promise<[status: number, body: string]> {
  try {
    const [caller, body] = await Promise.all([callerOf(request), text(request)]);
    return [200, `{"data":${await answer(JSON.parse(body) as OperationRequest, caller)}}`];
  } catch (error) {
    const status = error instanceof RefusedError || error instanceof DomainError ? 401 : 500;
    return [status, JSON.stringify({ errors: [{ message: String(error) }] })];
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
  const [status, body] = await respond(request);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
});
server.listen(settings.port, '127.0.0.1', () => console.log(`listens at http://127.0.0.1:${settings.port}/graphql`));
