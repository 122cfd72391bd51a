import type pg from 'pg';
import { createAccessTokens } from '../../src/platform/auth/access-token.ts';
import { hashApiKey, newApiKeySecret } from '../../src/platform/auth/api-key-secret.ts';
import { generateSigningKey, inlineKeyring } from '../../src/platform/auth/keyring.ts';
import { hashSecret, newSecret } from '../../src/platform/auth/secrets.ts';
import { generateSealingKey, serializeSealingKeys } from '../../src/platform/encryption/keys.ts';
import { newId } from '../../src/platform/lib/ids.ts';
import { ZIPF } from './dataset.ts';

/** Conversations of a tenant that requests are about, at most. */
const KNOWN = 300;
/** What the page of one conversation shows: only those with at least as many messages are asked for. */
const LONG = 50;

/** What all servers of a run are told alike. */
export interface Secrets {
  issuer: string;
  authKeys: string;
  sealingKeys: string;
  pepper: string;
}

export async function makeSecrets(): Promise<Secrets> {
  return {
    issuer: 'http://bench.test',
    authKeys: JSON.stringify({ keys: [await generateSigningKey()] }),
    sealingKeys: serializeSealingKeys([generateSealingKey()]),
    pepper: 'a pepper for the processes of this bench',
  };
}

export interface Person {
  tenantId: string;
  ownerId: string;
  apiKey: string;
  sessionId: string;
  /** With at least 50 messages where the tenant has such. */
  long: string[];
  /** That take messages. */
  active: string[];
}

/** The owners of all tenants, the largest tenant first. */
export type BenchmarkTenants = Person[];

interface TenantRow {
  tenant_id: string;
  owner_id: string;
  long: string[] | null;
  active: string[] | null;
}

const TENANTS_SQL = `
  SELECT t.id AS tenant_id, m.user_id AS owner_id,
    (SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM conversations c WHERE c.tenant_id = t.id ORDER BY message_count >= ${LONG} DESC, id LIMIT ${KNOWN}) c
      WHERE EXISTS (SELECT FROM conversations l WHERE l.tenant_id = t.id AND l.id = c.id AND (l.message_count >= ${LONG} OR NOT EXISTS
        (SELECT FROM conversations o WHERE o.tenant_id = t.id AND o.message_count >= ${LONG})))) AS long,
    (SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM conversations c WHERE c.tenant_id = t.id AND c.status = 'ACTIVE' ORDER BY id LIMIT ${KNOWN}) c) AS active
  FROM tenants t JOIN memberships m ON m.tenant_id = t.id AND m.role = 'OWNER'
  ORDER BY split_part(t.slug, '-', 2)::integer`;

const SCOPES = ['tenant:read', 'agents:read', 'conversations:write', 'apikeys:read', 'audit:read'];

/** Gives the owner of every tenant an API key and a session, and finds out what there is to ask for. */
export async function readBenchmarkTenants(owner: pg.Pool | pg.ClientBase, secrets: Secrets): Promise<BenchmarkTenants> {
  const { rows } = await owner.query<TenantRow>(TENANTS_SQL);
  const world = rows.map((row) => ({
    tenantId: row.tenant_id,
    ownerId: row.owner_id,
    apiKey: newApiKeySecret().secret,
    sessionId: newId(),
    long: row.long ?? [],
    active: row.active ?? [],
  }));
  const column = (pick: (person: Person) => string) => world.map(pick);
  await owner.query({
    text: `INSERT INTO api_keys (tenant_id, id, user_id, name, key_hash, key_prefix, scopes)
      SELECT tenant_id, id, user_id, 'Bench', key_hash, key_prefix, $6 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
        AS k (tenant_id, id, user_id, key_hash, key_prefix)`,
    values: [
      column(({ tenantId }) => tenantId),
      column(() => newId()),
      column(({ ownerId }) => ownerId),
      column(({ apiKey }) => hashApiKey(apiKey, secrets.pepper)),
      column(({ apiKey }) => apiKey.slice(0, 12)),
      JSON.stringify(SCOPES),
    ],
  });
  await owner.query({
    text: `INSERT INTO refresh_tokens (tenant_id, id, user_id, token_hash, family, expires_at)
      SELECT *, now() + interval '30 days' FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[])`,
    values: [
      column(({ tenantId }) => tenantId),
      column(() => newId()),
      column(({ ownerId }) => ownerId),
      column(() => hashSecret(newSecret('ab_refresh'))),
      column(({ sessionId }) => sessionId),
    ],
  });
  return world;
}

/** Access tokens of all people, in their order. They end after 15 minutes. */
export async function signTokens(world: BenchmarkTenants, secrets: Secrets): Promise<string[]> {
  const keyring = await inlineKeyring(secrets.authKeys);
  const tokens = createAccessTokens({ keyring, issuer: secrets.issuer, audience: 'agentbase', ttlSeconds: 900 });
  const signed = world.map(({ ownerId, tenantId, sessionId }) =>
    tokens.sign({ userId: ownerId, tenantId, role: 'OWNER', sessionId }),
  );
  return (await Promise.all(signed)).map(({ token }) => token);
}

/** Random numbers in [0, 1) that are the same in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Gives the place of somebody in the world: as often as the tenant is large. */
export function byZipf(world: BenchmarkTenants, random: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let number = 1; number <= world.length; number++) {
    sum += number ** -ZIPF;
    sums.push(sum);
  }
  return () => {
    const point = random() * sum;
    return sums.findIndex((upTo) => point < upTo);
  };
}
