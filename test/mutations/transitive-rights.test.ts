import { beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../src/app/schema.ts';
import { type Permission, type Role, registeredPermissions, roleRank } from '../../src/platform/auth/permissions.ts';
import type { Viewer } from '../../src/platform/auth/viewer.ts';
import { type TestGraph, testGraph } from '../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant } from '../testkit/tenants.ts';
import { type Act, acts, delegatedMutations, directMutations } from './rights-acts.ts';

let graph: TestGraph;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph, { members: ['OWNER', 'ADMIN', 'ADMIN', 'MEMBER', 'MEMBER', 'VIEWER'] });
});

/** A viewer of a role with all permissions but some. */
function holder(role: Role, without: Permission[] = []): Viewer {
  const permissions = registeredPermissions().filter((permission) => !without.includes(permission));
  return { ...asViewer(tenant, role), permissions: new Set(permissions) };
}

/** `DONE`, or the code of the refusal. */
async function attempt(viewer: Viewer, { mutation, input }: Act): Promise<string> {
  const title = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  const answer = await graph.execute(
    viewer,
    `mutation ($input: ${title}Input!) { r: ${mutation}(input: $input) { __typename ... on UserError { code message } } }`,
    { input: await input(tenant, graph) },
  );
  const result = answer.data?.r as { __typename: string; code?: string; message?: string } | null | undefined;
  if (result?.message !== undefined) return `${result.code} ${result.message}`;
  return answer.codes[0] ?? 'DONE';
}

test('every mutation either acts for the viewer alone or is walked below', () => {
  const walked = new Set(acts.map(({ mutation }) => mutation));
  const all = Object.keys(schema.getMutationType()?.getFields() ?? {});
  expect(all.filter((name) => !walked.has(name) && !directMutations.has(name) && !delegatedMutations.has(name))).toEqual([]);
  expect([...directMutations, ...delegatedMutations, ...walked].filter((name) => !all.includes(name))).toEqual([]);
});

describe.each(acts)('a viewer who $title', (act) => {
  test('needs each right that the act hands on, takes away or puts to use, and no other', async () => {
    const outcomes: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const permission of registeredPermissions()) {
      outcomes[permission] = await attempt(holder('OWNER', [permission]), act);
      expected[permission] = act.takes.includes(permission) ? 'FORBIDDEN' : 'DONE';
    }
    for (const role of ['OWNER', 'ADMIN', 'MEMBER'] as const) {
      outcomes[role] = await attempt(holder(role), act);
      expected[role] = roleRank[role] < roleRank[act.rank ?? 'VIEWER'] ? 'FORBIDDEN' : 'DONE';
    }
    expect(outcomes).toEqual(expected);
  });
});
