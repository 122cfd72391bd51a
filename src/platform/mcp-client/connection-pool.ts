import type { Logger } from '../lib/logger.ts';
import { Semaphore } from '../lib/semaphore.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { raceAbort, withDeadline } from './deadline.ts';
import type { McpEndpoint } from './endpoint.ts';
import { McpCallError } from './errors.ts';

export interface ConnectionPoolOptions extends ConnectionOptions {
  log: Logger;
  idleMs: number;
  maxConnections: number;
}

export interface Use<T> {
  signal: AbortSignal | undefined;
  timeoutMs: number;
  /** Its timeout starts when the call leaves the queue and the connection is open. */
  work: (connection: Connection, signal: AbortSignal) => Promise<T>;
}

/** Limit for queued calls per concurrent slot. */
const WAITING_PER_SLOT = 16;

/** The call queue of one target and its shared connection. */
interface ServerQueue {
  readonly key: string;
  readonly slots: Semaphore;
  readonly mostWaiting: number;
  /** Number of queued, connecting and running calls. */
  users: number;
  connection: Connection | undefined;
  opening: Promise<Connection> | undefined;
  idle: NodeJS.Timeout | undefined;
  lastUsed: number;
  forgotten: boolean;
}

/** Pools the connections of this process to MCP servers: one per key, until idle. */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #queues = new Map<string, ServerQueue>();
  /** All connections, including opening and closing ones, with the number of running calls on each. */
  readonly #connections = new Map<Connection, number>();
  #closed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  get stats() {
    const lanes = [...this.#queues.values()];
    const running = [...this.#connections.values()].reduce((sum, calls) => sum + calls, 0);
    return {
      /** Includes opening and closing connections. */
      connections: this.#connections.size,
      idle: lanes.filter(({ users, connection }) => users === 0 && connection).length,
      running,
      waiting: lanes.reduce((sum, { slots }) => sum + slots.waiting, 0),
    };
  }

  /** Queues one call and runs it on the target's connection. Never retries a call. */
  async use<T>(target: McpEndpoint, call: Use<T>): Promise<T> {
    if (this.#closed) throw shuttingDown();
    const { signal, timeoutMs } = call;
    const late = busy(`No connection to the MCP server was free within ${timeoutMs} ms.`);
    const lane = this.#acquire(target);
    try {
      if (lane.slots.waiting >= lane.mostWaiting) throw busy('Too many calls are queued for this MCP server. Retry later.');
      // The slots check the signal only while the call is in the queue.
      return await withDeadline({ signal, timeoutMs, late }, (waiting) =>
        lane.slots.run(() => this.#run(lane, target, call), waiting),
      );
    } finally {
      this.#release(lane);
    }
  }

  /** Removes the connection of this key from use and closes it after its running calls. */
  async forget(key: string): Promise<void> {
    const lane = this.#queues.get(key);
    if (!lane) return;
    this.#queues.delete(key);
    lane.forgotten = true;
    if (lane.users === 0) await lane.connection?.close();
  }

  /** Rejects all calls and closes all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#connections.keys()].map((connection) => connection.close(shuttingDown())));
  }

  async #run<T>(lane: ServerQueue, target: McpEndpoint, { signal, timeoutMs, work }: Use<T>): Promise<T> {
    // Other calls may wait for the same connection, so it continues to open after this call aborts.
    const connection = await withDeadline({ signal }, (either) => raceAbort(this.#connected(lane, target), either));
    this.#count(connection, 1);
    try {
      const late = new McpCallError('TIMEOUT', `The MCP server did not respond within ${timeoutMs} ms.`);
      return await withDeadline({ signal, timeoutMs, late }, (either) => work(connection, either));
    } finally {
      this.#count(connection, -1);
      if (connection.gone) this.#closeUnused(connection);
    }
  }

  #connected(lane: ServerQueue, target: McpEndpoint): Promise<Connection> {
    if (lane.connection) return Promise.resolve(lane.connection);
    lane.opening ??= this.#open(lane, target).finally(() => {
      lane.opening = undefined;
      if (lane.users === 0) this.#rest(lane);
    });
    // Opening may fail after all waiting calls have aborted.
    lane.opening.catch(() => {});
    return lane.opening;
  }

  async #open(lane: ServerQueue, target: McpEndpoint): Promise<Connection> {
    await this.#makeRoom(target);
    if (this.#closed) throw shuttingDown();
    const connection = new Connection(target, this.#options);
    this.#connections.set(connection, 0);
    void connection.closed.then(() => this.#connections.delete(connection));
    await connection.open();
    lane.connection = connection;
    const forget = () => {
      if (lane.connection === connection) lane.connection = undefined;
      this.#closeUnused(connection);
      this.#tidy(lane);
    };
    if (connection.gone) forget();
    else connection.onGone = forget;
    return connection;
  }

  /** Counts closing connections until they are closed, because their programs may still run. */
  async #makeRoom({ owner }: McpEndpoint): Promise<void> {
    const { maxConnections } = this.#options;
    const isOwned = ({ target }: Connection) => target.owner === owner;
    for (;;) {
      const owned = owner === undefined ? 0 : [...this.#connections.keys()].filter(isOwned).length;
      const hasShare = owned >= Math.ceil(maxConnections / 2);
      if (!hasShare && this.#connections.size < maxConnections) return;
      const mayLeave = (connection: Connection) => !hasShare || isOwned(connection);
      const idle = [...this.#queues.values()].filter(
        ({ users, connection }) => users === 0 && connection && mayLeave(connection),
      );
      const [longest] = idle.sort((a, b) => a.lastUsed - b.lastUsed);
      const closing = [...this.#connections].find(([other, calls]) => other.gone && calls === 0 && mayLeave(other));
      const leaving = longest?.connection ?? closing?.[0];
      if (!leaving) {
        throw busy(
          hasShare
            ? 'This tenant uses half of the connections to MCP servers, which is its limit. Retry later.'
            : 'All connections to MCP servers are in use. Retry later.',
        );
      }
      await leaving.close();
    }
  }

  #acquire(target: McpEndpoint): ServerQueue {
    const { key, limits } = target;
    const lane = this.#queues.get(key) ?? {
      key,
      slots: new Semaphore(limits.concurrency),
      mostWaiting: WAITING_PER_SLOT * limits.concurrency,
      users: 0,
      connection: undefined,
      opening: undefined,
      idle: undefined,
      lastUsed: 0,
      forgotten: false,
    };
    this.#queues.set(key, lane);
    clearTimeout(lane.idle);
    lane.users++;
    return lane;
  }

  #release(lane: ServerQueue): void {
    lane.users--;
    if (lane.users === 0) this.#rest(lane);
  }

  #rest(lane: ServerQueue): void {
    lane.lastUsed = performance.now();
    const idleMs = lane.forgotten ? 0 : this.#options.idleMs;
    if (lane.connection) lane.idle = setTimeout(() => void lane.connection?.close(), idleMs).unref();
    this.#tidy(lane);
  }

  #tidy(lane: ServerQueue): void {
    const { key, users, connection, opening } = lane;
    if (users === 0 && !connection && !opening && this.#queues.get(key) === lane) this.#queues.delete(key);
  }

  #count(connection: Connection, change: 1 | -1): void {
    const calls = this.#connections.get(connection);
    if (calls !== undefined) this.#connections.set(connection, calls + change);
  }

  #closeUnused(connection: Connection): void {
    if (!this.#connections.get(connection)) void connection.close();
  }
}

function busy(message: string): McpCallError {
  return new McpCallError('BUSY', message);
}

function shuttingDown(): McpCallError {
  return new McpCallError('ABORTED', 'This server is shutting down.');
}
