import { beforeAll, expect, test } from 'vitest';
import { permissionsOf } from '../../../src/platform/auth/permissions.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;
let manager: Viewer;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph, { members: ['ADMIN', 'MEMBER', 'VIEWER'] });
  // A MEMBER with the additional permission to manage members.
  manager = { ...asViewer(tenant, 'MEMBER'), permissions: permissionsOf('MEMBER', ['member:manage']) };
});

const membership = (role: string) =>
  encodeGlobalId('Membership', tenant.members.find((member) => member.role === role)?.membershipId ?? '');

test('a MEMBER with member:manage cannot grant, change or remove a role above MEMBER', async () => {
  const attempts: [string, string, object][] = [
    ['inviteMember', 'InviteMemberInput', { email: `${unique('alt')}@example.test`, role: 'ADMIN' }],
    ['updateMember', 'UpdateMemberInput', { id: membership('VIEWER'), role: 'ADMIN' }],
    ['updateMember', 'UpdateMemberInput', { id: membership('ADMIN'), role: 'VIEWER' }],
    ['removeMember', 'RemoveMemberInput', { id: membership('ADMIN') }],
  ];
  for (const [name, type, input] of attempts) {
    const result = await graph.execute(manager, `mutation ($input: ${type}!) { result: ${name}(input: $input) { __typename } }`, {
      input,
    });
    expect(result.codes, name).toEqual(['FORBIDDEN']);
  }
});

test('a MEMBER with member:manage can grant the role MEMBER', async () => {
  const result = await graph.execute(
    manager,
    'mutation ($input: UpdateMemberInput!) { result: updateMember(input: $input) { __typename } }',
    { input: { id: membership('VIEWER'), role: 'MEMBER' } },
  );
  expect(result.data?.result).toEqual({ __typename: 'UpdateMemberPayload' });
});

test('revalidate rejects a viewer whose role has changed', async () => {
  const { auth } = graph.services;
  expect(await auth.revalidate(asViewer(tenant, 'OWNER'))).toBe(true);
  expect(await auth.revalidate({ ...asViewer(tenant, 'ADMIN'), role: 'OWNER' })).toBe(false);
});
