import type { ConversationEvent, ConversationEventType } from '../../../generated/prisma/client.ts';

/** Text that follows what a reader already has of an answer that is being written. */
export interface MessageDelta {
  readonly messageId: string;
  /** Where the text begins, in Unicode code points. What a reader has from there on is void. */
  readonly offset: number;
  readonly text: string;
}

/**
 * A row of `conversation_events` without its id, or text of an answer that is being written, which is in no table under that number. Shared
 * by all readers of the conversation: never change it.
 */
export type ConversationEventRow = Readonly<Omit<ConversationEvent, 'id' | 'type'>> & {
  readonly type: ConversationEventType | 'MESSAGE_DELTA';
  readonly delta?: MessageDelta;
};

const batches = new WeakMap<ConversationEventRow, readonly ConversationEventRow[]>();

/** The rows that were read together with this one, in their order: the rows they refer to are best read together as well. */
export function batchOf(row: ConversationEventRow): readonly ConversationEventRow[] {
  return batches.get(row) ?? [row];
}

/** Records that rows were read together. */
export function tagBatch(events: ConversationEventRow[]): ConversationEventRow[] {
  for (const event of events) batches.set(event, events);
  return events;
}
