import { beforeAll, expect, test } from 'vitest';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph, { members: ['ADMIN', 'MEMBER', 'VIEWER'], rows: ['invitations'] });
  await tenant.row('user_identities', { issuer: 'https://issuer.example.test' });
  await tenant.row('api_keys', { name: 'Key' });
});

test('viewer returns the sender of the request, and null without a credential', async () => {
  const query = `{ viewer {
    role permissions expiresAt user { email } tenant { slug } tenants { slug role } identities { issuer } apiKey { name }
  } }`;
  const result = await graph.execute(asViewer(tenant), query);
  expect(result.data?.viewer).toEqual({
    role: 'OWNER',
    permissions: expect.arrayContaining(['MEMBER_MANAGE', 'AGENT_READ']),
    expiresAt: null,
    user: { email: tenant.owner.email },
    tenant: { slug: tenant.slug },
    tenants: [{ slug: tenant.slug, role: 'OWNER' }],
    identities: [{ issuer: 'https://issuer.example.test' }],
    apiKey: null,
  });
  expect((await graph.execute(null, query)).data).toEqual({ viewer: null });
});

test('an API key without permissions can read itself', async () => {
  const key = { ...asViewer(tenant), apiKeyId: tenant.idOf('api_keys'), permissions: new Set([]) };
  const query = '{ viewer { apiKey { name scopes status usageCount } tenant { name } tenants { slug } } }';
  const result = await graph.execute(key, query);
  expect(result.data?.viewer).toMatchObject({
    apiKey: { name: 'Key', status: 'ACTIVE' },
    tenant: { name: tenant.name },
    tenants: [],
  });
  const rejected = await graph.execute(key, '{ apiKeys { nodes { name } } }');
  expect(rejected.codes).toEqual(['FORBIDDEN']);
});

test('members are paginated and loaded with their users in one statement per level', async () => {
  const query = `query ($after: String) { members(first: 3, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { role status permissions user { email } }
  } }`;
  const first = await graph.execute(asViewer(tenant, 'VIEWER'), query);
  expect(first.codes).toEqual([]);
  expect(pick(first, 'members.totalCount')).toBe(4);
  expect(first.statements).toHaveLength(3);
  const second = await graph.execute(asViewer(tenant), query, { after: pick(first, 'members.pageInfo.endCursor') });
  const emails = [first, second].flatMap((page) =>
    pick<{ user: { email: string } }[]>(page, 'members.nodes').map(({ user }) => user.email),
  );
  expect(emails.sort()).toEqual(tenant.members.map(({ email }) => email).sort());
});

test('members can be filtered by role, status and text', async () => {
  const query = `query ($filter: MembershipFilter) { members(filter: $filter) { nodes { user { email } } } }`;
  const found = async (filter: object) => {
    const result = await graph.execute(asViewer(tenant), query, { filter });
    return pick<{ user: { email: string } }[]>(result, 'members.nodes').map(({ user }) => user.email);
  };
  const [owner, admin] = tenant.members;
  expect(await found({ role: ['ADMIN'] })).toEqual([admin?.email]);
  expect(await found({ status: ['SUSPENDED'] })).toEqual([]);
  expect(await found({ search: owner?.email.toUpperCase() })).toEqual([owner?.email]);
  expect(await found({ search: '%' })).toEqual([]);
});

test('invitations and API keys are listed with derived states, and require a permission', async () => {
  const query = `{
    open: invitations(filter: { status: [OPEN] }) { nodes { uuid status email invitedBy { email } } }
    ended: invitations(filter: { status: [EXPIRED, REVOKED, ACCEPTED] }) { nodes { uuid } }
    active: apiKeys(filter: { status: [ACTIVE] }) { nodes { uuid owner { email } } }
    expired: apiKeys(filter: { status: [EXPIRED] }) { nodes { uuid } }
  }`;
  const result = await graph.execute(asViewer(tenant, 'ADMIN'), query);
  expect(result.data).toMatchObject({
    open: { nodes: [{ uuid: tenant.idOf('invitations'), status: 'OPEN', invitedBy: { email: tenant.owner.email } }] },
    ended: { nodes: [] },
    active: { nodes: [{ uuid: tenant.idOf('api_keys'), owner: { email: tenant.owner.email } }] },
    expired: { nodes: [] },
  });
  const member = asViewer(tenant, 'MEMBER');
  expect((await graph.execute(member, '{ invitations { nodes { email } } }')).codes).toEqual(['FORBIDDEN']);
  expect((await graph.execute(member, '{ apiKeys { nodes { name } } }')).codes).toEqual([]);
  expect((await graph.execute(asViewer(tenant, 'VIEWER'), '{ apiKeys { nodes { name } } }')).codes).toEqual(['FORBIDDEN']);
  expect((await graph.execute(null, '{ members { nodes { role } } }')).codes).toEqual(['UNAUTHENTICATED']);
});

test('node returns null for objects of another tenant', async () => {
  const foreign = asViewer(await createTenant(graph));
  const ids = [
    encodeGlobalId('Tenant', tenant.id),
    encodeGlobalId('User', tenant.owner.userId),
    encodeGlobalId('Membership', tenant.owner.membershipId),
    encodeGlobalId('Invitation', tenant.idOf('invitations')),
    encodeGlobalId('ApiKey', tenant.idOf('api_keys')),
  ];
  for (const id of ids) {
    const query = 'query ($id: ID!) { node(id: $id) { id __typename } }';
    expect((await graph.execute(foreign, query, { id })).data).toEqual({ node: null });
    expect(pick(await graph.execute(asViewer(tenant), query, { id }), 'node.id')).toBe(id);
  }
});
