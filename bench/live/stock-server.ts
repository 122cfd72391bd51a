/**
 * Child process with the same subscription as in the documentation of GraphQL Yoga: pub/sub in memory, SSE by Yoga, WebSockets by
 * graphql-ws, without authentication, storage and database.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DateTimeResolver, JSONObjectResolver } from 'graphql-scalars';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga, type YogaInitialContext } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { now } from '../runs/token.ts';
import { CONTENT } from './document.ts';

interface MessageRow {
  id: string;
  uuid: string;
  role: string;
  content: string;
  model: string | null;
  tokenCount: number | null;
  metadata: object;
  createdAt: Date;
}

interface EventRow {
  sequence: number;
  type: string;
  createdAt: Date;
  runId: string | null;
  message: MessageRow;
}

export type StockRequest = { readState: true } | { publish: { conversations: string[]; events: number } };

export interface StockState {
  /** Number of subscriptions since the start. */
  subscribed: number;
  /** Sequence number of the last event, equal for all conversations. */
  head: number;
}

const pubSub = createPubSub<{ conversationEvents: [conversationId: string, event: EventRow] }>();
const state: StockState = { subscribed: 0, head: 0 };

const schema = createSchema<YogaInitialContext>({
  typeDefs: `
    scalar DateTime
    scalar JSONObject
    enum MessageRole { SYSTEM USER ASSISTANT TOOL }
    enum ConversationEventType { CONVERSATION_CREATED CONVERSATION_UPDATED MESSAGE_APPENDED TOOL_EXECUTION_RECORDED }
    type Message { id: ID! uuid: ID! role: MessageRole! content: String! model: String tokenCount: Int metadata: JSONObject! createdAt: DateTime! }
    type ConversationEvent { sequence: Int! type: ConversationEventType! createdAt: DateTime! runId: ID message: Message }
    type Query { ok: Boolean! }
    type Subscription { conversationEvents(conversationId: ID!): ConversationEvent! }`,
  resolvers: {
    DateTime: DateTimeResolver,
    JSONObject: JSONObjectResolver,
    Query: { ok: () => true },
    Subscription: {
      conversationEvents: {
        subscribe: (_root: unknown, { conversationId }: { conversationId: string }) => {
          state.subscribed++;
          return pubSub.subscribe('conversationEvents', conversationId);
        },
        resolve: (event: EventRow) => event,
      },
    },
  },
});

function publish(conversations: string[], events: number): number {
  const at = now();
  for (let event = 0; event < events; event++) {
    state.head++;
    for (const conversation of conversations) {
      const uuid = randomUUID();
      const createdAt = new Date();
      pubSub.publish('conversationEvents', conversation, {
        sequence: state.head,
        type: 'MESSAGE_APPENDED',
        createdAt,
        runId: null,
        message: {
          id: Buffer.from(`Message:${uuid}`).toString('base64url'),
          uuid,
          role: 'USER',
          content: CONTENT,
          model: null,
          tokenCount: null,
          metadata: {},
          createdAt,
        },
      });
    }
  }
  return at;
}

const yoga = createYoga({ schema, logging: false });
const server = createServer(yoga);
useServer({ schema }, new WebSocketServer({ server, path: yoga.graphqlEndpoint }));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.once('disconnect', () => process.exit(0));
process.on('message', (message: StockRequest) => {
  if ('readState' in message) process.send?.(state);
  else process.send?.({ at: publish(message.publish.conversations, message.publish.events) });
});
process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
