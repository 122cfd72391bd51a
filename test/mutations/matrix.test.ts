import { beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../src/auth/passwords.ts';
import type { Viewer } from '../../src/auth/viewer.ts';
import { schema } from '../../src/graphql/schema.ts';
import { type Answer, type Graph, testGraph } from '../testkit/graph.ts';
import { asViewer, createTenant, type PopulatedTenant } from '../testkit/tenants.ts';
import { agentsAndConversations } from './agents-and-conversations.ts';
import { type MutationCase, PASSWORD } from './cases.ts';
import { knowledge } from './knowledge.ts';
import { mcp } from './mcp.ts';
import { runs } from './runs.ts';
import { tenancy } from './tenancy.ts';

const cases = { ...agentsAndConversations, ...knowledge, ...mcp, ...runs, ...tenancy };

let graph: Graph;
let other: PopulatedTenant;
let passwordHash: string;

interface AuditRow {
  action: string;
  actor: string;
  ip: string;
  old_values: unknown;
  new_values: unknown;
}

beforeAll(async () => {
  graph = await testGraph();
  passwordHash = await hashPassword(PASSWORD);
  other = await createTenant(graph);
});

function title(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function call(viewer: Viewer | null, name: string, { payload }: Pick<MutationCase, 'payload'>, input: unknown): Promise<Answer> {
  return graph.execute(
    viewer,
    `mutation ($input: ${title(name)}Input!) { result: ${name}(input: $input) {
      __typename ... on ${title(name)}Payload { ${payload} } ... on UserError { message code path }
    } }`,
    { input },
  );
}

function result(answer: Answer): { __typename: string; code?: string; message?: string; path?: string[] } {
  expect(answer.messages).toEqual([]);
  return answer.data?.result as { __typename: string };
}

/**
 * Every row of every table, as one fingerprint: equal before and after means that nothing was written. A row that is written anew has another
 * place and another transaction, whatever is in it: none of it has to be read.
 */
async function fingerprint(): Promise<string> {
  const tables = await graph.ownerQuery<{ name: string }>(
    "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1",
  );
  const prints = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, md5(coalesce(string_agg(t.ctid || ' ' || t.xmin, '|' ORDER BY t.tableoid, t.ctid), '')) AS print FROM ${name} t`,
  );
  return JSON.stringify(await graph.ownerQuery(prints.join(' UNION ALL ')));
}

test('a fingerprint tells of a row that was added, changed or removed, and of nothing else', async () => {
  const { id, collectionId, chunkId } = await createTenant(graph);
  const prints = [await fingerprint(), await fingerprint()];
  await graph.ownerQuery('UPDATE collections SET name = name WHERE tenant_id = $1 AND id = $2', [id, collectionId]);
  prints.push(await fingerprint());
  await graph.ownerQuery('DELETE FROM chunks WHERE tenant_id = $1 AND id = $2', [id, chunkId]);
  prints.push(await fingerprint());
  await createTenant(graph);
  prints.push(await fingerprint());
  expect(prints.map((print) => prints.indexOf(print))).toEqual([0, 0, 2, 3, 4]);
});

test('every mutation of the schema stands in the matrix and runs in a transaction', () => {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  expect(fields.map(({ name }) => name).sort()).toEqual(Object.keys(cases).sort());
  expect(fields.filter(({ extensions }) => !(extensions as { inTransaction?: boolean }).inTransaction)).toEqual([]);
});

describe.each(Object.entries(cases))('%s', (name, mutation) => {
  const prepare = async () => {
    const tenant = await createTenant(graph, { members: ['ADMIN', 'MEMBER', 'VIEWER'], passwordHash });
    const viewer = mutation.anonymous ? null : asViewer(tenant);
    const prepared = await mutation.prepare?.(tenant, (first, input) =>
      call(asViewer(tenant), first, cases[first] as MutationCase, input),
    );
    return { tenant, viewer, prepared: prepared ?? {} };
  };

  test('does its work and leaves its audit rows', async () => {
    const { tenant, viewer, prepared } = await prepare();
    const answer = await call(viewer, name, mutation, mutation.success(tenant, prepared));
    expect(result(answer).__typename, JSON.stringify(answer.data)).toBe(`${title(name)}Payload`);
    const logs = await graph.ownerQuery<AuditRow>(
      'SELECT action, actor, host(ip) AS ip, old_values, new_values FROM audit_logs WHERE request_id = $1',
      [answer.request.requestId],
    );
    for (const action of mutation.audit) {
      const log = logs.find((row) => row.action === action);
      expect(log, `${action} among ${logs.map((row) => row.action)}`).toMatchObject({ actor: 'USER', ip: answer.request.ip });
      if (!action.endsWith('.created')) expect(log?.old_values).toBeTruthy();
      if (!action.endsWith('.deleted')) expect(log?.new_values).toBeTruthy();
    }
  });

  test('answers bad input with a typed error and writes nothing', async () => {
    const { tenant, viewer, prepared } = await prepare();
    const input = mutation.badInput(tenant, prepared);
    const before = await fingerprint();
    const answer = await call(viewer, name, mutation, input);
    expect(result(answer).__typename).toMatch(/Error$/);
    expect(result(answer).message).toBeTruthy();
    expect(await fingerprint()).toBe(before);
  });

  const { refused, otherTenant } = mutation;
  if (refused)
    test('refuses a lesser role, and nobody at all, and writes nothing', async () => {
      const { tenant, prepared } = await prepare();
      const input = mutation.success(tenant, prepared);
      const before = await fingerprint();
      expect((await call(null, name, mutation, input)).codes).toEqual(['UNAUTHENTICATED']);
      if (refused !== 'anonymous') {
        expect((await call(asViewer(tenant, refused), name, mutation, input)).codes).toEqual(['FORBIDDEN']);
      }
      expect(await fingerprint()).toBe(before);
    });

  if (otherTenant)
    test('does not find what another tenant owns, and writes nothing', async () => {
      const { viewer } = await prepare();
      const input = otherTenant(other);
      const before = await fingerprint();
      expect(result(await call(viewer, name, mutation, input)).__typename).toBe('NotFoundError');
      expect(await fingerprint()).toBe(before);
    });
});

test('a change whose audit row cannot be written does not happen', async () => {
  const tenant = await createTenant(graph);
  await graph.ownerQuery('ALTER TABLE audit_logs ADD CONSTRAINT broken CHECK (false) NOT VALID');
  try {
    const before = await fingerprint();
    for (const name of Object.keys(agentsAndConversations).filter((key) => key !== 'restoreAgent')) {
      const mutation = cases[name] as MutationCase;
      const answer = await call(asViewer(tenant), name, mutation, mutation.success(tenant, {}));
      expect(answer.messages.length, name).toBe(1);
    }
    expect(await fingerprint()).toBe(before);
  } finally {
    await graph.ownerQuery('ALTER TABLE audit_logs DROP CONSTRAINT broken');
  }
});
