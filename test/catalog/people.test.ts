import { beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../testkit/database.ts';
import { rolledBack } from '../testkit/roles.ts';
import { createTenant, type TestTenant } from '../testkit/tenants.ts';
import { readReferences } from './catalog.ts';

let db: TestDatabase;
let tenant: TestTenant;
let stranger: string;
/** Every column that refers to a user from a row of a tenant. */
let columns: { table: string; column: string }[];

beforeAll(async () => {
  db = await testDatabase();
  [
    tenant,
    {
      owner: { userId: stranger },
    },
  ] = [await createTenant(db, { members: ['MEMBER'] }), await createTenant(db)];
  const references = await rolledBack(db, ({ query }) => readReferences(query));
  const checked = references.filter(
    ({ table, target }) => target === 'users' && !['memberships', 'user_identities'].includes(table),
  );
  columns = checked.map(({ table, columns: [column = ''] }) => ({ table, column }));
  expect(columns.length).toBeGreaterThan(15);
});

const REFUSED = 'Users who are not members of this tenant cannot be referred to in it.';

/** The message of the refusal, or undefined. */
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    ({ cause }: { cause?: Error }) => cause?.message,
  );

test('no reference to a person takes a user of another tenant', async () => {
  for (const { table, column } of columns) {
    expect(await refusal(tenant.row(table, { [column]: stranger })), `${table}.${column}`).toBe(REFUSED);
  }
  const configuration = tenant.row('mcp_server_configs', { allowed_user_ids: [tenant.owner.userId, stranger] });
  expect(await refusal(configuration)).toBe(REFUSED);
});

test('references to a member stay when the member leaves, and the rows can still be changed', async () => {
  const member = tenant.members[1];
  const agent = await tenant.row('agents', { created_by_id: member?.userId });
  const conversation = await tenant.row('conversations', { user_id: member?.userId });
  await db.ownerQuery('DELETE FROM memberships WHERE id = $1', [member?.membershipId]);
  await db.ownerQuery("UPDATE agents SET name = 'Renamed', created_by_id = created_by_id WHERE id = $1", [agent.id]);
  const [kept] = await db.ownerQuery(
    'SELECT a.name, a.created_by_id AS author, c.user_id AS speaker FROM agents a, conversations c WHERE a.id = $1 AND c.id = $2',
    [agent.id, conversation.id],
  );
  expect(kept).toEqual({ name: 'Renamed', author: member?.userId, speaker: member?.userId });
  // New values cannot refer to a former member.
  expect(await refusal(tenant.row('agents', { created_by_id: member?.userId }))).toBe(REFUSED);
});
