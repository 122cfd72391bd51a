import { beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../src/app/schema.ts';
import { hashPassword } from '../../src/platform/auth/passwords.ts';
import type { Viewer } from '../../src/platform/auth/viewer.ts';
import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import { newId } from '../../src/platform/lib/ids.ts';
import { type GraphResult, type TestGraph, testGraph } from '../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant } from '../testkit/tenants.ts';
import { agentsAndConversations } from './agents-and-conversations.ts';
import { type MutationCase, PASSWORD } from './cases.ts';
import { accessOf, idInputsOf, refusedRoleOf, withValue } from './derived-cases.ts';
import { knowledge } from './knowledge.ts';
import { runs } from './runs.ts';
import { tenancy } from './tenancy.ts';
import { toolServers } from './tool-servers.ts';

const cases = { ...agentsAndConversations, ...knowledge, ...runs, ...tenancy, ...toolServers };

let graph: TestGraph;
let other: TestTenant;
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
  other = await createTenant(graph, { members: ['ADMIN', 'MEMBER', 'VIEWER'], passwordHash });
});

function title(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function call(
  viewer: Viewer | null,
  name: string,
  { payload }: Pick<MutationCase, 'payload'>,
  input: unknown,
): Promise<GraphResult> {
  return graph.execute(
    viewer,
    `mutation ($input: ${title(name)}Input!) { result: ${name}(input: $input) {
      __typename ... on ${title(name)}Payload { ${payload} } ... on UserError { message code path }
    } }`,
    { input },
  );
}

function result(answer: GraphResult): { __typename: string; code?: string; message?: string; path?: string[] } {
  expect(answer.messages).toEqual([]);
  return answer.data?.result as { __typename: string };
}

/**
 * A fingerprint of all rows of all tables: if it is equal before and after, nothing was written. A row that is written again has another
 * ctid and another xmin, so the contents need not be read.
 */
async function fingerprint(): Promise<string> {
  const tables = await graph.ownerQuery<{ name: string }>(
    "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1",
  );
  const prints = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, md5(coalesce(string_agg(t.ctid || ' ' || t.xmin, '|' ORDER BY t.tableoid, t.ctid), '')) AS print FROM ${name} t`,
  );
  return JSON.stringify(await graph.ownerQuery(`${prints.join(' UNION ALL ')} ORDER BY name`));
}

test('the fingerprint changes when a row is inserted, updated or deleted, and only then', async () => {
  const { id, idOf } = await createTenant(graph, { rows: ['collections', 'chunks'] });
  const prints = [await fingerprint(), await fingerprint()];
  await graph.ownerQuery('UPDATE collections SET name = name WHERE tenant_id = $1 AND id = $2', [id, idOf('collections')]);
  prints.push(await fingerprint());
  await graph.ownerQuery('DELETE FROM chunks WHERE tenant_id = $1 AND id = $2', [id, idOf('chunks')]);
  prints.push(await fingerprint());
  await createTenant(graph);
  prints.push(await fingerprint());
  expect(prints.map((print) => prints.indexOf(print))).toEqual([0, 0, 2, 3, 4]);
});

test('every mutation of the schema has a case, declares its access and runs in a transaction', () => {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  expect(fields.map(({ name }) => name).sort()).toEqual(Object.keys(cases).sort());
  expect(fields.filter(({ extensions }) => !extensions.inTransaction || !accessOf(extensions))).toEqual([]);
});

describe.each(Object.entries(cases))('%s', (name, mutation) => {
  const prepareIn = async (tenant: TestTenant) => {
    const prepared = await mutation.prepare?.(tenant, (first, input) =>
      call(asViewer(tenant), first, cases[first] as MutationCase, input),
    );
    return prepared ?? {};
  };
  const prepare = async () => {
    const tenant = await createTenant(graph, { members: ['ADMIN', 'MEMBER', 'VIEWER'], passwordHash });
    return { tenant, viewer: mutation.anonymous ? null : asViewer(tenant), prepared: await prepareIn(tenant) };
  };

  /** Sends an input, and expects one of these errors and no write. */
  const expectRefused = async (viewer: Viewer | null, input: unknown, typename: RegExp) => {
    const before = await fingerprint();
    const refusal = result(await call(viewer, name, mutation, input));
    expect(refusal.__typename).toMatch(typename);
    expect(refusal.message).toBeTruthy();
    expect(await fingerprint()).toBe(before);
  };

  test('succeeds and writes its audit rows', async () => {
    const { tenant, viewer, prepared } = await prepare();
    const answer = await call(viewer, name, mutation, await mutation.success(tenant, prepared));
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

  test('returns a typed error for invalid ids and other bad input, and writes nothing', async () => {
    const { tenant, viewer, prepared } = await prepare();
    const input = await mutation.success(tenant, prepared);
    const ids = mutation.isGlobal ? [] : idInputsOf(schema, name, input);
    if (mutation.badInput) await expectRefused(viewer, await mutation.badInput(tenant, prepared), /Error$/);
    else expect(ids, 'a case without id inputs needs a badInput').not.toEqual([]);
    for (const { path, node } of ids) {
      const ofOtherType = encodeGlobalId(node === 'Agent' ? 'Document' : 'Agent', newId());
      for (const id of ['no id', ofOtherType]) {
        await expectRefused(viewer, withValue(input, path, id), /^(ValidationError|NotFoundError)$/);
      }
    }
  });

  const refused = mutation.refused ?? refusedRoleOf(schema, name);
  if (refused)
    test('refuses anonymous callers and the highest role without access, and writes nothing', async () => {
      const { tenant, prepared } = await prepare();
      const input = await mutation.success(tenant, prepared);
      const before = await fingerprint();
      expect((await call(null, name, mutation, input)).codes).toEqual(['UNAUTHENTICATED']);
      if (refused !== 'anonymous') {
        expect((await call(asViewer(tenant, refused), name, mutation, input)).codes).toEqual(['FORBIDDEN']);
      }
      expect(await fingerprint()).toBe(before);
    });

  test("returns NotFoundError for each id of another tenant's row, and writes nothing", async () => {
    const { tenant, viewer, prepared } = await prepare();
    const input = await mutation.success(tenant, prepared);
    const ids = mutation.isGlobal ? [] : idInputsOf(schema, name, input);
    const theirs = ids.length > 0 ? idInputsOf(schema, name, await mutation.success(other, await prepareIn(other))) : [];
    expect(theirs.map(({ path }) => path)).toEqual(ids.map(({ path }) => path));
    for (const { path, value } of theirs) await expectRefused(viewer, withValue(input, path, value), /^NotFoundError$/);
    if (mutation.otherTenant) await expectRefused(viewer, await mutation.otherTenant(other), /^NotFoundError$/);
  });
});

test('a change is rolled back if its audit row cannot be written', async () => {
  const tenant = await createTenant(graph);
  const inputs = new Map<string, unknown>();
  for (const name of Object.keys(agentsAndConversations)) inputs.set(name, await cases[name]?.success(tenant, {}));
  await graph.ownerQuery('ALTER TABLE audit_logs ADD CONSTRAINT broken CHECK (false) NOT VALID');
  try {
    const before = await fingerprint();
    for (const name of Object.keys(agentsAndConversations).filter((key) => key !== 'restoreAgent')) {
      const mutation = cases[name] as MutationCase;
      const answer = await call(asViewer(tenant), name, mutation, inputs.get(name));
      expect(answer.messages.length, name).toBe(1);
    }
    expect(await fingerprint()).toBe(before);
  } finally {
    await graph.ownerQuery('ALTER TABLE audit_logs DROP CONSTRAINT broken');
  }
});
