import type pg from 'pg';
import { newId } from '../../src/platform/lib/ids.ts';
import { encodeNotices } from '../../src/platform/live/topics.ts';
import { change } from '../runs/change.ts';
import { now } from '../runs/token.ts';
import { CONTENT } from './document.ts';

export interface Room {
  tenantId: string;
  /** Id in the database. */
  conversationId: string;
  /** Id in GraphQL. */
  id: string;
}

export interface TenantOfRooms {
  /** Access token of the owner and API keys, so that different viewers watch the same conversation. */
  credentials: string[];
  rooms: Room[];
}

const KEYS = 3;

/** Creates tenants with conversations and several credentials each, through the API. */
export async function createTenants(url: string, tenants: number, roomsOfEach: number): Promise<TenantOfRooms[]> {
  const made: TenantOfRooms[] = [];
  while (made.length < tenants) made.push(await createTenant(url, roomsOfEach));
  return made;
}

async function createTenant(url: string, rooms: number): Promise<TenantOfRooms> {
  const account = { email: `${newId()}@example.test`, password: 'correct horse battery', tenantName: 'Bench' };
  const { accessToken, tenant } = await change<{ accessToken: string; tenant: { uuid: string } }>(
    url,
    undefined,
    'signUp',
    account,
    'accessToken tenant { uuid }',
  );
  const send = <T>(field: string, input: object, selection: string) => change<T>(url, accessToken, field, input, selection);
  const { agent } = await send<{ agent: { id: string } }>(
    'createAgent',
    { name: 'Agent', provider: 'bench', model: 'none' },
    'agent { id }',
  );
  const credentials = [accessToken];
  while (credentials.length <= KEYS) {
    const key = { name: `Key ${credentials.length}`, scopes: ['AGENTS_EXECUTE'] };
    credentials.push((await send<{ secret: string }>('createApiKey', key, 'secret')).secret);
  }
  const made: Room[] = [];
  while (made.length < rooms) {
    const { conversation } = await send<{ conversation: { id: string; uuid: string } }>(
      'createConversation',
      { agentId: agent.id },
      'conversation { id uuid }',
    );
    made.push({ tenantId: tenant.uuid, conversationId: conversation.uuid, id: conversation.id });
  }
  return { credentials, rooms: made };
}

/** Sequence number of the last event of each room, in the order of the rooms. */
export async function headsOf(owner: pg.Pool, rooms: readonly Room[]): Promise<number[]> {
  const { rows } = await owner.query<{ id: string; head: number }>(
    'SELECT id, last_event_sequence AS head FROM conversations WHERE id = ANY ($1::uuid[])',
    [rooms.map(({ conversationId }) => conversationId)],
  );
  const heads = new Map(rows.map(({ id, head }) => [id, head]));
  return rooms.map(({ conversationId }) => heads.get(conversationId) ?? 0);
}

/**
 * Appends messages to every room in one transaction, which also publishes the notices: a larger burst than the API writes at once.
 * @returns the time before the commit
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

/** Commit times of the events after `heads`, in milliseconds of the shared clock, by `eventKey`. */
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
