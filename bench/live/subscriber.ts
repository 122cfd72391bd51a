/** A process of its own: thousands of subscriptions, each over a connection of its own. Counts and checks every delivery. */
import { now } from '../runs/token.ts';
import { type Connection, type Subscription, subscribe } from './connection.ts';
import { type EventOfMessage, isWhole } from './document.ts';

export interface Open {
  url: string;
  subscriptions: (Subscription & {
    /** Which conversation it is of, counted from 0. */
    conversation: number;
    /** The number of the conversation's last event so far. */
    after: number;
  })[];
}

/** When which event came, by the shared clock: three lists of the same length. */
export interface Arrivals {
  conversation: Float64Array;
  sequence: Float64Array;
  at: Float64Array;
}

export interface Delivered {
  /** When the last of them came. */
  at: number;
  /** Where they were asked for. */
  arrivals: Arrivals | undefined;
}

export type Request = { open: Open } | { expect: { deliveries: number; record: boolean; withinMs: number } } | { close: true };

const OPENED_AT_ONCE = 32;
const NUMBER = '"sequence":';
/** One of so many is parsed and looked at in full. */
const SAMPLE = 97;

let connections: Connection[] = [];
let delivered = 0;
let lastAt = 0;
let record: { conversation: number[]; sequence: number[]; at: number[] } | undefined;
let reached: { deliveries: number; resolve: () => void } | undefined;

function fail(reason: string): never {
  throw new Error(reason);
}

/** Checks the number of a delivery: one after another, none twice, none left out. */
function reader(conversation: number, after: number): (text: string, start: number, end: number) => void {
  let last = after;
  return (text, start, end) => {
    const digits = text.indexOf(NUMBER, start) + NUMBER.length;
    const sequence = Number.parseInt(text.slice(digits, digits + 10), 10);
    if (sequence !== last + 1) fail(`${sequence} came after ${last}: ${text.slice(start, end)}`);
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
  if (result.errors || !event || !isWhole(event)) fail(`not what was asked for: ${text}`);
}

async function open({ url, subscriptions }: Open): Promise<void> {
  const queue = subscriptions.values();
  const worker = async () => {
    for (const { conversation, after, ...subscription } of queue) {
      connections.push(await subscribe(url, subscription, reader(conversation, after), fail));
    }
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, worker));
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
    // Whoever asked makes them come once it knows that they are counted.
    process.send?.({});
    process.send?.(await expect(deliveries, withinMs));
  } else {
    for (const connection of connections) connection.close();
    connections = [];
    process.send?.({});
  }
});
