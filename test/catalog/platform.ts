import pg from 'pg';
import { newId } from '../../src/platform/lib/ids.ts';
import type { SessionContext } from '../../src/platform/postgres/request-scope.ts';
import type { Probe } from '../testkit/roles.ts';
import { unique } from '../testkit/tenants.ts';
import type { TwoTenantFixture } from './two-tenant-fixture.ts';

const APPLICATION = 'agentbase_app';

/** The global tables: members of a tenant read the visible rows, and only platform admins change them. */
export function platformProblems(probe: Probe, scene: TwoTenantFixture): Promise<string[]> {
  return probe.undone(async () => {
    const { ownTenant, otherTenant } = scene;
    const ids = { shown: newId(), hidden: newId(), price: newId() };
    await probe.query('UPDATE users SET is_platform_admin = true WHERE id = $1', [otherTenant.owner.userId]);
    await probe.query(
      `INSERT INTO mcp_servers (id, name, slug, transport, command, is_public)
       VALUES ($1, 'Shown', $3, 'STDIO', 'server', true), ($2, 'Hidden', $4, 'STDIO', 'server', false)`,
      [ids.shown, ids.hidden, unique('shown'), unique('hidden')],
    );
    await probe.query(
      `INSERT INTO model_prices (id, provider, model, input_per_million_usd, output_per_million_usd) VALUES ($1, 'local', $2, 1, 2)`,
      [ids.price, unique('model')],
    );
    const tenant: SessionContext = { tenantId: ownTenant.id, userId: ownTenant.owner.userId };
    const admin: SessionContext = { tenantId: otherTenant.id, userId: otherTenant.owner.userId };
    const key: SessionContext = { ...admin, apiKeyId: otherTenant.idOf('api_keys') };
    const problems: string[] = [];
    /** @param rows the expected number of rows; null if the statement must be denied */
    const expect = async (
      who: string,
      context: SessionContext,
      what: string,
      rows: number | null,
      sql: string,
      values: unknown[],
    ) => {
      const answer = await probe.attempt(APPLICATION, context, sql, values);
      const got = answer instanceof pg.DatabaseError ? null : answer.count;
      if (got !== rows) problems.push(`${who} ${what}: ${got ?? 'refused'} instead of ${rows ?? 'refused'}`);
    };
    const server = 'SELECT FROM mcp_servers WHERE id = $1';
    const rename = "UPDATE mcp_servers SET name = 'Renamed' WHERE id = $1";
    const register = `INSERT INTO mcp_servers (id, name, slug, transport, command) VALUES ($1, 'New', 'new-of-all', 'STDIO', 'server')`;
    const price = 'SELECT FROM model_prices WHERE id = $1';
    const raise = 'UPDATE model_prices SET input_per_million_usd = 3 WHERE id = $1';
    const remove = 'DELETE FROM model_prices WHERE id = $1';
    const add = `INSERT INTO model_prices (id, provider, model, input_per_million_usd, output_per_million_usd) VALUES ($1, 'local', 'new', 1, 2)`;
    const others: [who: string, context: SessionContext, sees: number][] = [
      ['a tenant', tenant, 1],
      ['an anonymous actor', {}, 0],
    ];
    for (const [who, context, sees] of others) {
      await expect(who, context, 'sees what is shown', sees, server, [ids.shown]);
      await expect(who, context, 'sees what is hidden', 0, server, [ids.hidden]);
      await expect(who, context, 'changes what is shown', 0, rename, [ids.shown]);
      await expect(who, context, 'registers for all', null, register, [newId()]);
      await expect(who, context, 'sees prices', sees, price, [ids.price]);
      await expect(who, context, 'changes prices', 0, raise, [ids.price]);
      await expect(who, context, 'removes prices', 0, remove, [ids.price]);
      await expect(who, context, 'adds prices', null, add, [newId()]);
    }
    await expect('the platform', admin, 'sees what is hidden', 1, server, [ids.hidden]);
    await expect('the platform', admin, 'changes what is hidden', 1, rename, [ids.hidden]);
    await expect('the platform', admin, 'registers for all', 1, register, [newId()]);
    await expect('the platform', admin, 'changes prices', 1, raise, [ids.price]);
    await expect('the platform', admin, 'removes prices', 1, remove, [ids.price]);
    await expect('the platform', admin, 'adds prices', 1, add, [newId()]);
    await expect("an API key of the platform's", key, 'registers for all', null, register, [newId()]);
    await expect("an API key of the platform's", key, 'adds prices', null, add, [newId()]);
    const configure = 'INSERT INTO mcp_server_configs (tenant_id, id, server_id) VALUES ($1, $2, $3)';
    await expect('a tenant', tenant, 'configures what is shown', 1, configure, [ownTenant.id, newId(), ids.shown]);
    await expect('a tenant', tenant, 'configures what is hidden', null, configure, [ownTenant.id, newId(), ids.hidden]);
    await expect('a tenant', tenant, "configures another's", null, configure, [
      ownTenant.id,
      newId(),
      otherTenant.idOf('mcp_servers'),
    ]);
    return problems;
  });
}
