/** Child process with thousands of subscriptions, each over its own connection. Counts and checks every delivery. */
import { now } from '../runs/token.ts';
import { type Connection, type Subscription, subscribe } from './connection.ts';
import { type EventOfMessage, isComplete } from './document.ts';

export interface Open {
  url: string;
  subscriptions: (Subscription & {
    /** Index of the conversation. */
    conversation: number;
    /** Sequence number of the last event before the subscription. */
    after: number;
  })[];
}

/** Arrival times of events by the shared clock, as three arrays of the same length. */
export interface Arrivals {
  conversation: Float64Array;
  sequence: Float64Array;
  at: Float64Array;
}

export interface Delivered {
  /** Arrival time of the last delivery. */
  at: number;
  /** Undefined unless `record` was set. */
  arrivals: Arrivals | undefined;
}

export type Request = { open: Open } | { expect: { deliveries: number; record: boolean; withinMs: number } } | { close: true };

const OPENED_CONCURRENTLY = 32;
const NUMBER = '"sequence":';
/** One in this many deliveries is parsed and checked in full. */
const SAMPLE = 97;

let connections: Connection[] = [];
let delivered = 0;
let lastAt = 0;
let record: { conversation: number[]; sequence: number[]; at: number[] } | undefined;
let reached: { deliveries: number; resolve: () => void } | undefined;

function fail(reason: string): never {
  throw new Error(reason);
}

/** Checks that the sequence numbers of a subscription have no gap and no duplicate. */
function reader(conversation: number, after: number): (text: string, start: number, end: number) => void {
  let last = after;
  return (text, start, end) => {
    const digits = text.indexOf(NUMBER, start) + NUMBER.length;
    const sequence = Number.parseInt(text.slice(digits, digits + 10), 10);
    if (sequence !== last + 1) fail(`sequence ${sequence} follows ${last}: ${text.slice(start, end)}`);
    last = sequence;
    if (delivered % SAMPLE === 0) check(text.slice(start, end));
    delivered++;
    lastAt = now();
    if (record) {
      record.conversation.push(conversation);
      record.sequence.push(sequence);
      record.at.push(lastAt);
    }
    if (reached?.deliveries === delivered) reached.resolve();
  };
}

function check(text: string): void {
  const message = JSON.parse(Buffer.from(text, 'latin1').toString());
  const result = message.payload ?? message;
  const event: EventOfMessage | undefined = result.data?.conversationEvents;
  if (result.errors || !event || !isComplete(event)) fail(`incomplete or wrong event: ${text}`);
}

async function open({ url, subscriptions }: Open): Promise<void> {
  const queue = subscriptions.values();
  const worker = async () => {
    for (const { conversation, after, ...subscription } of queue) {
      connections.push(await subscribe(url, subscription, reader(conversation, after), fail));
    }
  };
  await Promise.all(Array.from({ length: OPENED_CONCURRENTLY }, worker));
}

async function expect(deliveries: number, withinMs: number): Promise<Delivered> {
  const all = Promise.withResolvers<void>();
  reached = { deliveries, resolve: all.resolve };
  if (delivered >= deliveries) all.resolve();
  const late = setTimeout(() => fail(`${delivered} of ${deliveries} deliveries within ${withinMs} ms`), withinMs);
  await all.promise;
  clearTimeout(late);
  const arrivals = record && {
    conversation: Float64Array.from(record.conversation),
    sequence: Float64Array.from(record.sequence),
    at: Float64Array.from(record.at),
  };
  return { at: lastAt, arrivals };
}

process.once('disconnect', () => process.exit(0));
process.on('message', async (message: Request) => {
  if ('open' in message) {
    await open(message.open);
    process.send?.({});
  } else if ('expect' in message) {
    const { deliveries, withinMs } = message.expect;
    delivered = 0;
    record = message.expect.record ? { conversation: [], sequence: [], at: [] } : undefined;
    // The requester triggers the deliveries only after this acknowledgement.
    process.send?.({});
    process.send?.(await expect(deliveries, withinMs));
  } else {
    for (const connection of connections) connection.close();
    connections = [];
    process.send?.({});
  }
});
