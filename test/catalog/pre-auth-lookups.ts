import pg from 'pg';
import { newId } from '../../src/platform/lib/ids.ts';
import type { Probe } from '../testkit/roles.ts';
import type { TwoTenantFixture } from './two-tenant-fixture.ts';

/**
 * The lookup functions that run before authentication. Each returns only the row of the given secret, for any caller. They rely on their own
 * policies.
 */
export async function lookupProblems(probe: Probe, scene: TwoTenantFixture): Promise<string[]> {
  const { ownTenant } = scene;
  const [known] = await probe.query<Record<'key' | 'refresh' | 'invitation' | 'issuer' | 'subject', string>>(
    `SELECT (SELECT key_hash FROM api_keys WHERE id = $1) AS key, (SELECT token_hash FROM refresh_tokens WHERE id = $2) AS refresh,
       (SELECT token_hash FROM invitations WHERE id = $3) AS invitation, i.issuer, i.subject FROM user_identities i WHERE i.id = $4`,
    ['api_keys', 'refresh_tokens', 'invitations', 'user_identities'].map(ownTenant.idOf),
  );
  if (!known) return ['the scene has no identity'];
  const lookups: [call: string, found: unknown[], missed: unknown[]][] = [
    ['find_credentials($1)', [ownTenant.owner.email], ['nobody@example.test']],
    ['find_identity($1, $2)', [known.issuer, known.subject], [known.issuer, 'nobody']],
    ['find_membership($1, $2)', [ownTenant.owner.userId, ownTenant.id], [ownTenant.owner.userId, scene.otherTenant.id]],
    ['find_api_key($1)', [known.key], ['']],
    ['find_refresh_token($1)', [known.refresh], ['']],
    ['find_invitation($1)', [known.invitation], ['']],
  ];
  const problems: string[] = [];
  const expectRows = async (call: string, userId: string | undefined, values: unknown[], expected: number, tenantId?: string) => {
    const answer = await probe.attempt('agentbase_app', { userId, tenantId }, `SELECT * FROM app.${call}`, values);
    if (answer instanceof pg.DatabaseError) problems.push(`app.${call} fails: ${answer.message}`);
    else if (answer.count !== expected) problems.push(`app.${call} finds ${answer.count} instead of ${expected}`);
  };
  for (const [call, found, missed] of lookups) {
    await expectRows(call, undefined, found, 1);
    await expectRows(call, undefined, missed, 0);
  }
  await expectRows('my_tenants()', ownTenant.owner.userId, [], 1);
  await expectRows('my_tenants()', newId(), [], 0);
  await expectRows('my_tenants()', undefined, [], 0);
  // The keyword search filters by tenant itself: both tenants have the same words, and each finds only its own rows.
  const words = "match_chunks('english', 'hello', $1::uuid[], $2::jsonb, NULL, NULL, NULL, 10)";
  const bothTenants = [[ownTenant.idOf('collections'), scene.otherTenant.idOf('collections')]];
  for (const filter of [null, '{}']) {
    await expectRows(words, ownTenant.owner.userId, [...bothTenants, filter], 1, ownTenant.id);
    await expectRows(words, ownTenant.owner.userId, [[scene.otherTenant.idOf('collections')], filter], 0, ownTenant.id);
    await expectRows(words, undefined, [...bothTenants, filter], 0);
  }
  return problems;
}

/** A change adds a row with its actor to the audit log of its tenant. */
export async function auditProblems(probe: Probe, scene: TwoTenantFixture): Promise<string[]> {
  const { ownTenant } = scene;
  const context = { tenantId: ownTenant.id, userId: ownTenant.owner.userId, requestId: 'the-request' };
  let logged = 0;
  const answer = await probe.attempt('agentbase_app', context, 'UPDATE agents SET name = $1', ['Renamed'], async () => {
    const rows = await probe.query(
      `SELECT FROM audit_logs WHERE tenant_id = $1 AND user_id = $2 AND request_id = 'the-request' AND resource_id = $3
         AND action = 'agent.updated' AND new_values ->> 'name' = 'Renamed'`,
      [ownTenant.id, ownTenant.owner.userId, ownTenant.idOf('agents')],
    );
    logged = rows.length;
  });
  if (answer instanceof pg.DatabaseError) return [`a change cannot be made: ${answer.message}`];
  return logged === 1 ? [] : [`a change leaves ${logged} rows in the audit log`];
}
