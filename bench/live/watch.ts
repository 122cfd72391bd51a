import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import type { StockRequest, StockState } from './stock-server.ts';
import type { Delivered, Request } from './subscriber.ts';
import { burst, headsOf, type Room, type TenantOfRooms } from './world.ts';

export interface Plan {
  tenants: TenantOfRooms[];
  /** Of all tenants, in their order. */
  rooms: Room[];
  /** How many watch each room, half of them over SSE and half over WebSockets. */
  readers: number;
}

/** One of the servers that are compared, with everybody watching. */
export interface Watched {
  pid: number;
  /** Has as many events told in every room, and waits until everybody has all of them. */
  burst(events: number): Promise<{ ms: number }>;
  /** Waits for so many deliveries, which `work` brings about. */
  deliveries(count: number, record: boolean, work: () => Promise<unknown>): Promise<Delivered>;
  close(): Promise<void>;
}

const PATIENCE_MS = 60_000;

export type ServerName = 'agentbase' | 'stock';

/** Opens every subscription at one of the servers. */
export async function watch(cluster: Cluster, plan: Plan, name: ServerName): Promise<Watched> {
  const { subscriber, owner, agentbase, stock } = cluster;
  const { rooms, readers } = plan;
  const ask = (request: Request) => subscriber.ask<object>(request);
  const look = () => stock.process.ask<StockState>({ look: true } satisfies StockRequest);
  const known = name === 'stock' ? rooms.map(() => 0) : await headsOf(owner, rooms);
  const before = await look();
  const heads = name === 'stock' ? rooms.map(() => before.head) : known;
  await ask({ open: { url: cluster[name].url, subscriptions: subscriptionsOf(plan, heads) } });
  await untilOpen(async () =>
    name === 'stock' ? (await look()).subscribed - before.subscribed : (await liveViews(agentbase.url)).subscribers,
  );

  async function untilOpen(count: () => Promise<number | undefined>): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while ((await count()) !== rooms.length * readers) {
      if (Date.now() > end) throw new Error(`not everybody subscribed to ${name}`);
      await delay(50);
    }
  }

  async function deliveries(count: number, record: boolean, work: () => Promise<unknown>): Promise<Delivered> {
    await ask({ expect: { deliveries: count, record, withinMs: PATIENCE_MS } });
    const [delivered] = await Promise.all([subscriber.said<Delivered>(), work()]);
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
      await ask({ close: true });
      if (name === 'agentbase') while ((await liveViews(agentbase.url)).subscribers !== 0) await delay(50);
    },
  };
}

async function publish({ stock }: Cluster, rooms: readonly Room[], events: number): Promise<number> {
  const request: StockRequest = { publish: { conversations: rooms.map(({ id }) => id), events } };
  return (await stock.process.ask<{ at: number }>(request)).at;
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

/** What the server's metrics say is open. */
async function liveViews(url: string): Promise<{ subscribers?: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const [, subscribers] = /^agentbase_live\{what="subscribers"\} (\d+)$/m.exec(text) ?? [];
  return { subscribers: Number(subscribers) };
}
