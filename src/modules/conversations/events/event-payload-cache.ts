import type { Message, ToolExecution } from '../../../generated/prisma/client.ts';
import { namedCache } from '../../../platform/lib/cache-stats.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { anyId } from '../../../platform/postgres/id-arrays.ts';
import { columnList } from '../../../platform/postgres/keyset-pagination.ts';
import { identifier, queryRows, sql } from '../../../platform/postgres/sql.ts';
import { batchOf, type ConversationEventRow } from './event-row.ts';
import { ImmutableRowCache } from './immutable-row-cache.ts';

/** Number of events whose payloads one statement reads. A message has up to 1 MiB, so this is less than a batch. */
const PREFETCH = 32;
const MAX_BYTES = 16 * 1024 * 1024;
const ROW_BYTES = 500;
/** Maximum number of conversations that count as watched. */
const MAX_WATCHED = 10_000;

type SubjectKey = 'messageId' | 'toolExecutionId' | 'runId';

function textBytes(...values: unknown[]): number {
  return values.reduce<number>((sum, value) => sum + (value == null ? 0 : JSON.stringify(value).length * 2), ROW_BYTES);
}

/** The id in the payload of an event. */
export function subjectOf({ payload }: Pick<ConversationEventRow, 'payload'>, key: SubjectKey): string | undefined {
  const id = payload !== null && typeof payload === 'object' && !Array.isArray(payload) ? payload[key] : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** The ids in the payloads of this event and the next ones of its batch. */
function prefetchOf(event: ConversationEventRow, key: SubjectKey): string[] {
  const batch = batchOf(event);
  const here = batch.indexOf(event);
  return batch.slice(here, here + PREFETCH).flatMap((next) => subjectOf(next, key) ?? []);
}

/** Caches messages and tool executions of live events. Both are immutable. */
export interface EventPayloadCache {
  message(event: ConversationEventRow): Promise<Message | null>;
  toolExecution(event: ConversationEventRow): Promise<ToolExecution | null>;
  /** Whether a subscription has recently read a message of the conversation. */
  isWatched(conversationId: string): boolean;
  /** Stores a message that a statement of its tenant has read. */
  primeMessage(message: Message): void;
}

function findAll<Row>(database: Database, table: string, ids: readonly string[]): Promise<Row[]> {
  return queryRows<Row>(
    database,
    sql`SELECT ${columnList(table)} FROM ${identifier(table)} WHERE ${anyId(identifier('id'), ids)}`,
  );
}

function createEventPayloadCache(database: Database): EventPayloadCache {
  const messages = new ImmutableRowCache<Message>({
    find: (ids) => findAll(database, 'messages', ids),
    sizeOf: ({ content, toolCalls, toolResults, metadata }) => textBytes(content, toolCalls, toolResults, metadata),
    maxSize: MAX_BYTES,
  });
  const toolExecutions = new ImmutableRowCache<ToolExecution>({
    find: (ids) => findAll(database, 'tool_executions', ids),
    sizeOf: ({ input, output, metadata }) => textBytes(input, output, metadata),
    maxSize: MAX_BYTES,
  });
  const watched = namedCache<string, true>('watched_conversations', { max: MAX_WATCHED });
  const get = <Row extends Message | ToolExecution>(
    rows: ImmutableRowCache<Row>,
    event: ConversationEventRow,
    key: SubjectKey,
  ) => {
    const id = subjectOf(event, key);
    return id ? rows.get(event.tenantId, id, prefetchOf(event, key)) : Promise.resolve(null);
  };
  return {
    message(event) {
      watched.set(event.conversationId, true);
      return get(messages, event, 'messageId');
    },
    toolExecution: (event) => get(toolExecutions, event, 'toolExecutionId'),
    isWatched: (conversationId) => watched.has(conversationId),
    primeMessage: (message) => messages.prime(message),
  };
}

const ofDatabase = new WeakMap<Database, EventPayloadCache>();

/** The cache that all subscriptions of this database share. */
export function eventPayloadCache(database: Database): EventPayloadCache {
  let cache = ofDatabase.get(database);
  if (!cache) {
    cache = createEventPayloadCache(database);
    ofDatabase.set(database, cache);
  }
  return cache;
}
