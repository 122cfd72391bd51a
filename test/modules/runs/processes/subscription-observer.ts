import { type WireResult, watchOverSse, watchOverWebSocket } from '../../../platform/live/raw-clients.ts';

const EVENTS = `subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 0) {
  sequence type runId delta { messageId offset text } message { uuid sequence role content } toolExecution { uuid } } }`;

interface ConversationEvent {
  sequence: number;
  type: string;
  runId: string | null;
  delta: { messageId: string; offset: number; text: string } | null;
  message: { uuid: string; sequence: number; role: string; content: string } | null;
  toolExecution: { uuid: string } | null;
}

/** The part of an event that is also stored in the database. */
export interface DurableEvent {
  sequence: number;
  type: string;
  subject: string | null;
}

/** A subscriber to one conversation from its first event. */
export interface SubscriptionObserver {
  conversationId: string;
  events: DurableEvent[];
  /** Violations of the order or content of events. */
  violations: string[];
  /** Number of deltas, and of messages that deltas preceded. */
  deltas: number;
  withDeltas: number;
  /** Largest number of characters of a message that no delta delivered. */
  longestUndelivered: number;
  ended: Promise<void>;
}

export interface Watching {
  url: string;
  credential: string;
  conversationId: string;
  signal: AbortSignal;
  onEvent(): void;
}

/** Subscribes over server-sent events or a WebSocket, by the parity of `index`. */
export function watchConversation(watching: Watching, index: number): SubscriptionObserver {
  const { url, credential, conversationId, signal, onEvent } = watching;
  const observer: SubscriptionObserver = {
    conversationId,
    events: [],
    violations: [],
    deltas: 0,
    withDeltas: 0,
    longestUndelivered: 0,
    ended: Promise.resolve(),
  };
  const texts = new Map<string, string[]>();
  const messages = new Set<string>();
  const report = (what: string, event: unknown) => observer.violations.push(`${what}: ${JSON.stringify(event)}`);

  function takeDelta(event: ConversationEvent, { messageId, offset, text }: NonNullable<ConversationEvent['delta']>) {
    observer.deltas++;
    if (event.sequence !== (observer.events.at(-1)?.sequence ?? 0)) report('delta with an unexpected sequence', event);
    if (messages.has(messageId)) report('delta after its message', event);
    const before = texts.get(messageId) ?? [];
    // A text continues at its end, or restarts at 0.
    if (offset !== 0 && offset !== before.length) report(`delta with an unexpected offset instead of ${before.length}`, event);
    texts.set(messageId, [...before.slice(0, offset), ...text]);
  }

  function takeMessage(event: ConversationEvent, { uuid, sequence, content }: NonNullable<ConversationEvent['message']>) {
    messages.add(uuid);
    if (sequence !== messages.size) report(`unexpected message instead of ${messages.size}`, event);
    const delivered = texts.get(uuid);
    if (!delivered) return;
    observer.withDeltas++;
    if (!content.startsWith(delivered.join(''))) report(`message differs from the deltas "${delivered.join('')}"`, event);
    observer.longestUndelivered = Math.max(observer.longestUndelivered, [...content].length - delivered.length);
  }

  function take({ data, errors }: WireResult) {
    const event = data?.conversationEvents as ConversationEvent | undefined;
    if (!event) return report('result without an event', errors);
    onEvent();
    if (event.delta) return takeDelta(event, event.delta);
    const expected = (observer.events.at(-1)?.sequence ?? 0) + 1;
    if (event.sequence !== expected) report(`unexpected event instead of ${expected}`, event);
    const subject = event.message?.uuid ?? event.toolExecution?.uuid ?? event.runId;
    observer.events.push({ sequence: event.sequence, type: event.type, subject });
    if (event.message) takeMessage(event, event.message);
  }

  const watch = index % 2 === 0 ? watchOverSse : watchOverWebSocket;
  observer.ended = watch({ url, credential, query: EVENTS, variables: { id: conversationId }, signal, onResult: take }).catch(
    (error: unknown) => {
      if (!signal.aborted) report('subscription failed', String(error));
    },
  );
  return observer;
}
