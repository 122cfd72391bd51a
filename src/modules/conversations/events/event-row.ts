import type { ConversationEvent, ConversationEventType } from '../../../generated/prisma/client.ts';

/** Text of a message that a model is generating, after the text that the reader already has. */
export interface MessageDelta {
  readonly messageId: string;
  /** Position of the text in Unicode code points. It replaces everything that the reader has from there on. */
  readonly offset: number;
  readonly text: string;
}

/**
 * A row of `conversation_events` without its id, or a delta of a draft, which no table stores under that number. All readers of the
 * conversation share it: treat it as immutable.
 */
export type ConversationEventRow = Readonly<Omit<ConversationEvent, 'id' | 'type'>> & {
  readonly type: ConversationEventType | 'MESSAGE_DELTA';
  readonly delta?: MessageDelta;
};

const batches = new WeakMap<ConversationEventRow, readonly ConversationEventRow[]>();

/** The rows that one statement read together with this one, in order. One statement then reads the rows that they refer to. */
export function batchOf(row: ConversationEventRow): readonly ConversationEventRow[] {
  return batches.get(row) ?? [row];
}

/** Records that one statement read these rows. */
export function tagBatch(events: ConversationEventRow[]): ConversationEventRow[] {
  for (const event of events) batches.set(event, events);
  return events;
}
