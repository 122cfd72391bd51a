import { LRUCache } from 'lru-cache';
import type { Message, ToolExecution } from '../../../generated/prisma/client.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { anyId } from '../../../platform/postgres/id-arrays.ts';
import { columnList } from '../../../platform/postgres/keyset-pagination.ts';
import { identifier, queryRows, sql } from '../../../platform/postgres/sql.ts';
import { batchOf, type ConversationEventRow } from './event-row.ts';
import { ImmutableRowCache } from './immutable-row-cache.ts';

/** Events whose subjects are read together. A message has up to a mebibyte, so this is not the whole batch. */
const PREFETCH = 32;
const MAX_BYTES = 16 * 1024 * 1024;
const ROW_BYTES = 500;
/** Conversations of which it is known that somebody asks for their messages. */
const MAX_PREFETCHED = 10_000;

type SubjectKey = 'messageId' | 'toolExecutionId' | 'runId';

function textBytes(...values: unknown[]): number {
  return values.reduce<number>((sum, value) => sum + (value == null ? 0 : JSON.stringify(value).length * 2), ROW_BYTES);
}

/** The id of what an event is about. */
export function subjectOf({ payload }: Pick<ConversationEventRow, 'payload'>, key: SubjectKey): string | undefined {
  const id = payload !== null && typeof payload === 'object' && !Array.isArray(payload) ? payload[key] : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** What the events of the same batch from this one on are about. */
function prefetchOf(event: ConversationEventRow, key: SubjectKey): string[] {
  const batch = batchOf(event);
  const here = batch.indexOf(event);
  return batch.slice(here, here + PREFETCH).flatMap((next) => subjectOf(next, key) ?? []);
}

/** Messages and tool executions of live events: neither ever changes. */
export interface EventPayloadCache {
  message(event: ConversationEventRow): Promise<Message | null>;
  toolExecution(event: ConversationEventRow): Promise<ToolExecution | null>;
  /** Whether somebody has asked for messages of a conversation lately. */
  isWatched(conversationId: string): boolean;
  /** Takes a message that was read along with its event, as its tenant. */
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
  const wanted = new LRUCache<string, true>({ max: MAX_PREFETCHED });
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
      wanted.set(event.conversationId, true);
      return get(messages, event, 'messageId');
    },
    toolExecution: (event) => get(toolExecutions, event, 'toolExecutionId'),
    isWatched: (conversationId) => wanted.has(conversationId),
    primeMessage: (message) => messages.prime(message),
  };
}

const ofDatabase = new WeakMap<Database, EventPayloadCache>();

/** The subjects that all live views over this database share. */
export function eventPayloadCache(database: Database): EventPayloadCache {
  let subjects = ofDatabase.get(database);
  if (!subjects) {
    subjects = createEventPayloadCache(database);
    ofDatabase.set(database, subjects);
  }
  return subjects;
}
