/** Child process that subscribes to conversations over one WebSocket each and records the age of every token. */
import { WebSocket } from 'ws';
import { agesOf, now } from './token.ts';

export interface Watch {
  url: string;
  subscriptions: { credential: string; conversationId: string }[];
}

export interface Received {
  ages: number[];
  deltas: number;
  /** Number of runs that have ended. */
  ended: number;
  /** Number of runs whose text has begun. */
  begun: number;
}

const EVENTS = `subscription ($id: ID!) { conversationEvents(conversationId: $id) {
  sequence type runStatus delta { messageId offset text } } }`;

let received: Received = { ages: [], deltas: 0, ended: 0, begun: 0 };

const sockets = new Set<WebSocket>();

function watch(url: string, { credential, conversationId }: Watch['subscriptions'][number]): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  sockets.add(socket);
  const ready = Promise.withResolvers<void>();
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.once('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${credential}` } }));
  socket.on('error', ready.reject);
  socket.on('message', (data: Buffer) => {
    const at = now();
    const { type, payload } = JSON.parse(data.toString());
    if (type === 'connection_ack') {
      send({ id: '1', type: 'subscribe', payload: { query: EVENTS, variables: { id: conversationId } } });
      ready.resolve();
    } else if (type === 'ping') send({ type: 'pong' });
    else if (type === 'next' && payload.data?.conversationEvents) take(payload.data.conversationEvents, at);
    else throw new Error(`unexpected message: ${data}`);
  });
  return ready.promise;
}

function take(
  event: { type: string; delta: { offset: number; text: string } | null; runStatus: string | null },
  at: number,
): void {
  if (event.delta) {
    received.deltas++;
    if (event.delta.offset === 0) received.begun++;
    for (const age of agesOf(event.delta.text, at)) received.ages.push(age);
  } else if (event.type === 'RUN_CHANGED' && ['COMPLETED', 'FAILED', 'CANCELLED'].includes(event.runStatus ?? ''))
    received.ended++;
}

process.once('disconnect', () => process.exit(0));
process.on('message', async (message: { watch?: Watch; readCounts?: true; take?: true }) => {
  if (message.watch) {
    const { url, subscriptions } = message.watch;
    for (const socket of sockets) socket.terminate();
    sockets.clear();
    await Promise.all(subscriptions.map((subscription) => watch(url, subscription)));
    process.send?.({});
  }
  if (message.readCounts) process.send?.({ ...received, ages: [] });
  if (message.take) {
    process.send?.(received);
    received = { ages: [], deltas: 0, ended: 0, begun: 0 };
  }
});
