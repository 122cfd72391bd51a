import type pg from 'pg';

interface Waiting {
  resolve: (client: Promise<pg.PoolClient>) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Hands out the connections of a pool in rotation over keys, such as tenants: the requests of one tenant wait for each other, and those of
 * another pass them. The queue of the pool itself is first come, first served.
 */
export class FairCheckout {
  readonly #pool: pg.Pool;
  readonly #inUse = new Set<pg.PoolClient>();
  /** The waiting requests of each key, in the order in which the keys have their turns. */
  readonly #waiting = new Map<string, Waiting[]>();
  #waitingCount = 0;
  #connecting = 0;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    pool.on('release', (_error, client) => {
      // In the next tick, when the pool has taken the connection back: it would open another one now.
      if (this.#inUse.delete(client)) process.nextTick(() => this.#grant());
    });
  }

  /** The number of requests that wait for a connection. */
  get waitingCount(): number {
    return this.#waitingCount + this.#pool.waitingCount;
  }

  /** A connection, which the caller releases. Rejects if none is free within the connection timeout of the pool. */
  connect(key: string): Promise<pg.PoolClient> {
    if (this.#waitingCount === 0 && this.#hasRoom()) return this.#connect();
    return new Promise((resolve, reject) => {
      const ms = this.#pool.options.connectionTimeoutMillis;
      const waiting: Waiting = { resolve, reject, timer: undefined };
      if (ms) waiting.timer = setTimeout(() => this.#giveUp(key, waiting), ms);
      const others = this.#waiting.get(key);
      if (others) others.push(waiting);
      else this.#waiting.set(key, [waiting]);
      this.#waitingCount++;
    });
  }

  #hasRoom(): boolean {
    return this.#inUse.size + this.#connecting < this.#pool.options.max;
  }

  async #connect(): Promise<pg.PoolClient> {
    this.#connecting++;
    try {
      const client = await this.#pool.connect();
      this.#inUse.add(client);
      return client;
    } catch (error) {
      // Frees the place in the next tick, when the count is down.
      process.nextTick(() => this.#grant());
      throw error;
    } finally {
      this.#connecting--;
    }
  }

  #grant(): void {
    while (this.#waitingCount > 0 && this.#hasRoom()) {
      const [next] = this.#waiting;
      if (!next) return;
      const [key, requests] = next;
      this.#waiting.delete(key);
      const request = requests.shift();
      if (requests.length > 0) this.#waiting.set(key, requests);
      this.#waitingCount--;
      clearTimeout(request?.timer);
      request?.resolve(this.#connect());
    }
  }

  #giveUp(key: string, given: Waiting): void {
    const requests = this.#waiting.get(key);
    const index = requests?.indexOf(given) ?? -1;
    if (!requests || index < 0) return;
    requests.splice(index, 1);
    if (requests.length === 0) this.#waiting.delete(key);
    this.#waitingCount--;
    given.reject(new Error('no connection was free in time'));
  }
}
