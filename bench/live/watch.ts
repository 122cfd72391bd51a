import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { burst, headsOf, type Room, type TenantOfRooms } from './rooms.ts';
import type { StockRequest, StockState } from './stock-server.ts';
import type { Delivered, Request } from './subscriber.ts';

export interface Plan {
  tenants: TenantOfRooms[];
  /** The rooms of all tenants, in the same order. */
  rooms: Room[];
  /** Subscribers per room, half over SSE and half over WebSockets. */
  readers: number;
}

/** One of the compared servers with all subscriptions open. */
export interface Watched {
  pid: number;
  /** Publishes events in every room and waits until all subscribers have all of them. */
  burst(events: number): Promise<{ ms: number }>;
  /** Runs `work` and waits for the deliveries that it causes. */
  deliveries(count: number, record: boolean, work: () => Promise<unknown>): Promise<Delivered>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 60_000;

export type ServerName = 'agentbase' | 'stock';

/** Opens all subscriptions of the plan at one server. */
export async function watch(cluster: Cluster, plan: Plan, name: ServerName): Promise<Watched> {
  const { subscriber, owner, agentbase, stock } = cluster;
  const { rooms, readers } = plan;
  const send = (request: Request) => subscriber.request<object>(request);
  const readState = () => stock.process.request<StockState>({ readState: true } satisfies StockRequest);
  const known = name === 'stock' ? rooms.map(() => 0) : await headsOf(owner, rooms);
  const before = await readState();
  const heads = name === 'stock' ? rooms.map(() => before.head) : known;
  await send({ open: { url: cluster[name].url, subscriptions: subscriptionsOf(plan, heads) } });
  await untilOpen(async () =>
    name === 'stock' ? (await readState()).subscribed - before.subscribed : (await liveViews(agentbase.url)).subscribers,
  );

  async function untilOpen(count: () => Promise<number | undefined>): Promise<void> {
    const end = Date.now() + TIMEOUT_MS;
    while ((await count()) !== rooms.length * readers) {
      if (Date.now() > end) throw new Error(`not all subscriptions of ${name} opened within ${TIMEOUT_MS} ms`);
      await delay(50);
    }
  }

  async function deliveries(count: number, record: boolean, work: () => Promise<unknown>): Promise<Delivered> {
    await send({ expect: { deliveries: count, record, withinMs: TIMEOUT_MS } });
    const [delivered] = await Promise.all([subscriber.nextMessage<Delivered>(), work()]);
    return delivered;
  }

  return {
    pid: name === 'stock' ? stock.process.pid : agentbase.pid,
    deliveries,
    async burst(events) {
      let start = 0;
      const { at } = await deliveries(rooms.length * readers * events, false, async () => {
        start = name === 'stock' ? await publish(cluster, rooms, events) : await burst(owner, rooms, events);
      });
      return { ms: at - start };
    },
    async close() {
      await send({ close: true });
      if (name === 'agentbase') while ((await liveViews(agentbase.url)).subscribers !== 0) await delay(50);
    },
  };
}

async function publish({ stock }: Cluster, rooms: readonly Room[], events: number): Promise<number> {
  const request: StockRequest = { publish: { conversations: rooms.map(({ id }) => id), events } };
  return (await stock.process.request<{ at: number }>(request)).at;
}

function subscriptionsOf({ tenants, rooms, readers }: Plan, heads: readonly number[]) {
  const owners = tenants.flatMap((tenant) => tenant.rooms.map(() => tenant));
  return rooms.flatMap(({ id }, conversation) => {
    const credentials = owners[conversation]?.credentials ?? [];
    return Array.from({ length: readers }, (_, reader) => ({
      id,
      conversation,
      after: heads[conversation] ?? 0,
      transport: reader % 2 === 0 ? ('sse' as const) : ('websocket' as const),
      credential: credentials[(reader >> 1) % credentials.length],
    }));
  });
}

/** The number of open subscriptions in the metrics of the server. */
async function liveViews(url: string): Promise<{ subscribers?: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const [, subscribers] = /^agentbase_live\{what="subscribers"\} (\d+)$/m.exec(text) ?? [];
  return { subscribers: Number(subscribers) };
}
