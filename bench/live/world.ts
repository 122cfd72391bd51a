import type pg from 'pg';
import { newId } from '../../src/platform/lib/ids.ts';
import { encodeNotices } from '../../src/platform/live/topics.ts';
import { change } from '../runs/change.ts';
import { now } from '../runs/token.ts';
import { CONTENT } from './document.ts';

export interface Room {
  tenantId: string;
  /** As the database knows it. */
  conversationId: string;
  /** As the graph knows it. */
  id: string;
}

export interface TenantOfRooms {
  /** A person's and API keys': different people look at the same conversation. */
  credentials: string[];
  rooms: Room[];
}

const KEYS = 3;

/** Tenants with conversations and several credentials each, made through the graph as users would. */
export async function makeTenants(url: string, tenants: number, roomsOfEach: number): Promise<TenantOfRooms[]> {
  const made: TenantOfRooms[] = [];
  while (made.length < tenants) made.push(await makeTenant(url, roomsOfEach));
  return made;
}

async function makeTenant(url: string, rooms: number): Promise<TenantOfRooms> {
  const account = { email: `${newId()}@example.test`, password: 'correct horse battery', tenantName: 'Bench' };
  const { accessToken, tenant } = await change<{ accessToken: string; tenant: { uuid: string } }>(
    url,
    undefined,
    'signUp',
    account,
    'accessToken tenant { uuid }',
  );
  const ask = <T>(field: string, input: object, selection: string) => change<T>(url, accessToken, field, input, selection);
  const { agent } = await ask<{ agent: { id: string } }>(
    'createAgent',
    { name: 'Agent', provider: 'bench', model: 'none' },
    'agent { id }',
  );
  const credentials = [accessToken];
  while (credentials.length <= KEYS) {
    const key = { name: `Key ${credentials.length}`, scopes: ['AGENTS_EXECUTE'] };
    credentials.push((await ask<{ secret: string }>('createApiKey', key, 'secret')).secret);
  }
  const made: Room[] = [];
  while (made.length < rooms) {
    const { conversation } = await ask<{ conversation: { id: string; uuid: string } }>(
      'createConversation',
      { agentId: agent.id },
      'conversation { id uuid }',
    );
    made.push({ tenantId: tenant.uuid, conversationId: conversation.uuid, id: conversation.id });
  }
  return { credentials, rooms: made };
}

/** The number of the last event of each room, in their order. */
export async function headsOf(owner: pg.Pool, rooms: readonly Room[]): Promise<number[]> {
  const { rows } = await owner.query<{ id: string; head: number }>(
    'SELECT id, last_event_sequence AS head FROM conversations WHERE id = ANY ($1::uuid[])',
    [rooms.map(({ conversationId }) => conversationId)],
  );
  const heads = new Map(rows.map(({ id, head }) => [id, head]));
  return rooms.map(({ conversationId }) => heads.get(conversationId) ?? 0);
}

/**
 * Appends as many messages to every room in one transaction, and wakes the servers as it commits: more at once than any server
 * writes by itself.
 * @returns the moment before the commit
 */
export async function burst(owner: pg.Pool, rooms: readonly Room[], events: number): Promise<number> {
  const client = await owner.connect();
  try {
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO messages (tenant_id, id, conversation_id, role, content)
        SELECT tenant_id, app.uuid_v7(), id, 'USER', $3 FROM generate_series(1, $4::integer) AS event,
          unnest($1::uuid[], $2::uuid[]) AS room(tenant_id, id) ORDER BY event, id`,
      [rooms.map(({ tenantId }) => tenantId), rooms.map(({ conversationId }) => conversationId), CONTENT, events],
    );
    const { rows } = await client.query<{ tenantId: string; id: string; sequence: number }>(
      'SELECT tenant_id AS "tenantId", id, last_event_sequence AS sequence FROM conversations WHERE id = ANY ($1::uuid[])',
      [rooms.map(({ conversationId }) => conversationId)],
    );
    await client.query('SELECT pg_notify($1, $2)', [
      'agentbase_live',
      encodeNotices(rows.map((row) => ({ topic: 'conversation' as const, ...row }))),
    ]);
    const at = now();
    await client.query('COMMIT');
    return at;
  } finally {
    client.release();
  }
}

/** When each event of these rooms after a moment was committed: by room and number, milliseconds of the shared clock. */
export async function commitsOf(owner: pg.Pool, rooms: readonly Room[], heads: readonly number[]): Promise<Map<string, number>> {
  const { rows } = await owner.query<{ room: number; sequence: number; at: number }>(
    `SELECT room.number - 1 AS room, events.sequence, (extract(epoch FROM pg_xact_commit_timestamp(events.xmin)) * 1000)::float8 AS at
      FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS room(id, head, number)
      JOIN conversation_events events ON events.conversation_id = room.id AND events.sequence > room.head`,
    [rooms.map(({ conversationId }) => conversationId), heads],
  );
  return new Map(rows.map(({ room, sequence, at }) => [eventKey(Number(room), sequence), at]));
}

export function eventKey(room: number, sequence: number): string {
  return `${room} ${sequence}`;
}
