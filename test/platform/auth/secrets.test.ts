import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApiKey } from '../../../src/modules/tenancy/api-keys/manage-api-keys.ts';
import { inviteMember } from '../../../src/modules/tenancy/members/manage-invitations.ts';
import { refreshSession } from '../../../src/modules/tenancy/sessions/refresh-session.ts';
import { unique } from '../../testkit/tenants.ts';
import { type AuthFixture, authFixture } from './fixture.ts';
import { acceptInvitation, signIn, signUp } from './use-cases.ts';

let fixture: AuthFixture;

beforeAll(async () => {
  fixture = await authFixture();
});
afterAll(() => fixture.auth.close());

/** All values of all tables as text. Partitions are read through their parents. */
async function allText(): Promise<string> {
  const columns = await fixture.db.ownerQuery<{ table: string; column: string }>(`
    SELECT c.oid::regclass::text AS table, quote_ident(a.attname) AS column
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('public', 'app')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND a.atttypid::regtype::text IN ('text', 'jsonb', 'json', 'character varying', 'character', 'citext', 'text[]', 'bytea')`);
  expect(columns.length).toBeGreaterThan(40);
  const texts: string[] = [];
  for (const { table, column } of columns) {
    const rows = await fixture.db.ownerQuery<{ value: string }>(
      `SELECT DISTINCT ${column}::text AS value FROM ${table} WHERE ${column} IS NOT NULL`,
    );
    texts.push(...rows.map(({ value }) => value));
  }
  return texts.join('\n');
}

test('no table, log line or error contains a secret', async () => {
  const errors: string[] = [];
  const note = (error: unknown) => {
    errors.push(error instanceof Error ? `${error.stack} ${JSON.stringify(error)}` : String(error));
  };
  const [password, guestPassword, wrongPassword] = [unique('first password'), unique('guest password'), unique('wrong password')];
  const email = `${unique('secretive')}@example.test`;

  const session = await fixture.as(null, () => signUp(fixture, { email, password, tenant: { name: 'Secretive' } }));
  const viewer = await fixture.auth.verify(session.accessToken);
  const next = await fixture.as(null, () => refreshSession(fixture, session.refreshToken));
  const { secret } = await fixture.as(viewer, () => createApiKey(fixture, viewer, { name: 'Key', scopes: ['agents:read'] }));
  const guest = `${unique('guest')}@example.test`;
  const { token } = await fixture.as(viewer, () => inviteMember(fixture, viewer, { email: guest, role: 'MEMBER' }));
  const joined = await fixture.as(null, () => acceptInvitation(fixture, null, { token, password: guestPassword }));
  await fixture.auth.verify(secret);
  await fixture.auth.flush();

  await fixture.as(null, () => signIn(fixture, { email, password: wrongPassword })).catch(note);
  await fixture.as(null, () => refreshSession(fixture, session.refreshToken)).catch(note);
  await fixture.as(null, () => acceptInvitation(fixture, null, { token, password: guestPassword })).catch(note);
  await fixture.auth.verify(`${secret}x`).catch(note);
  await fixture.auth.verify(`${next.accessToken}x`).catch(note);
  expect(errors).toHaveLength(5);

  const stored = `${await allText()}\n${fixture.logged()}\n${errors.join('\n')}`;
  // The scan works: it finds the e-mail address in several tables.
  expect(stored).toContain(email);
  const secrets = [
    password,
    guestPassword,
    wrongPassword,
    secret,
    secret.slice(12),
    token,
    ...[session, next, joined].flatMap(({ accessToken, refreshToken }) => [
      accessToken,
      accessToken.split('.')[2] ?? '',
      refreshToken,
    ]),
    fixture.options.apiKeyPepper,
  ];
  for (const text of secrets) expect(stored.includes(text), `${text.slice(0, 12)}… was found`).toBe(false);
});
