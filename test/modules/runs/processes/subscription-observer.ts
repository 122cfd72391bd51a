import { type WireResult, watchOverSse, watchOverWebSocket } from '../../../platform/live/raw-clients.ts';

const EVENTS = `subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 0) {
  sequence type runId delta { messageId offset text } message { uuid sequence role content } toolExecution { uuid } } }`;

interface Seen {
  sequence: number;
  type: string;
  runId: string | null;
  delta: { messageId: string; offset: number; text: string } | null;
  message: { uuid: string; sequence: number; role: string; content: string } | null;
  toolExecution: { uuid: string } | null;
}

/** The durable part of an event, as the database has it too. */
export interface DurableEvent {
  sequence: number;
  type: string;
  subject: string | null;
}

/** Somebody who watches one conversation from its beginning. */
export interface SubscriptionObserver {
  conversationId: string;
  events: DurableEvent[];
  /** What did not fit together. */
  violations: string[];
  /** Deltas, and messages that some of them had told of before. */
  deltas: number;
  toldBefore: number;
  /** How long the longest part of a message was that came without a delta. */
  longestRest: number;
  ended: Promise<void>;
}

export interface Watching {
  url: string;
  credential: string;
  conversationId: string;
  signal: AbortSignal;
  onEvent(): void;
}

/** Watches over server-sent events or a WebSocket, in turns. */
export function watchConversation(watching: Watching, index: number): SubscriptionObserver {
  const { url, credential, conversationId, signal, onEvent } = watching;
  const witness: SubscriptionObserver = {
    conversationId,
    events: [],
    violations: [],
    deltas: 0,
    toldBefore: 0,
    longestRest: 0,
    ended: Promise.resolve(),
  };
  const texts = new Map<string, string[]>();
  const messages = new Set<string>();
  const complain = (what: string, event: unknown) => witness.violations.push(`${what}: ${JSON.stringify(event)}`);

  function takeDelta(event: Seen, { messageId, offset, text }: NonNullable<Seen['delta']>) {
    witness.deltas++;
    if (event.sequence !== (witness.events.at(-1)?.sequence ?? 0)) complain('a delta out of its place', event);
    if (messages.has(messageId)) complain('a delta of a message that is there', event);
    const before = texts.get(messageId) ?? [];
    // A text goes on where it stood, or begins again.
    if (offset !== 0 && offset !== before.length) complain(`a delta that does not go on after ${before.length}`, event);
    texts.set(messageId, [...before.slice(0, offset), ...text]);
  }

  function takeMessage(event: Seen, { uuid, sequence, content }: NonNullable<Seen['message']>) {
    messages.add(uuid);
    if (sequence !== messages.size) complain(`message ${messages.size} was expected`, event);
    const told = texts.get(uuid);
    if (!told) return;
    witness.toldBefore++;
    if (!content.startsWith(told.join(''))) complain(`the deltas said "${told.join('')}"`, event);
    witness.longestRest = Math.max(witness.longestRest, [...content].length - told.length);
  }

  function take({ data, errors }: WireResult) {
    const event = data?.conversationEvents as Seen | undefined;
    if (!event) return complain('no event', errors);
    onEvent();
    if (event.delta) return takeDelta(event, event.delta);
    const expected = (witness.events.at(-1)?.sequence ?? 0) + 1;
    if (event.sequence !== expected) complain(`event ${expected} was expected`, event);
    const subject = event.message?.uuid ?? event.toolExecution?.uuid ?? event.runId;
    witness.events.push({ sequence: event.sequence, type: event.type, subject });
    if (event.message) takeMessage(event, event.message);
  }

  const watch = index % 2 === 0 ? watchOverSse : watchOverWebSocket;
  witness.ended = watch({ url, credential, query: EVENTS, variables: { id: conversationId }, signal, onResult: take }).catch(
    (error: unknown) => {
      if (!signal.aborted) complain('the stream broke', String(error));
    },
  );
  return witness;
}
