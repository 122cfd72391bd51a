import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Counts of the messages between a server and PostgreSQL. */
export interface Counts {
  /** Times the server waited for PostgreSQL. Everything it sends before the next response counts as one. */
  roundTrips: number;
  /** Statements of the operation itself. */
  statements: number;
  /** Statements that set the session context or begin and end a transaction. */
  framing: number;
  /** `binds` counts the statements of the extended protocol, `hits` those of them that were prepared before. */
  hits: number;
  binds: number;
}

const ZERO: Counts = { roundTrips: 0, statements: 0, framing: 0, hits: 0, binds: 0 };

export function minus(after: Counts, before: Counts): Counts {
  const names = Object.keys(ZERO) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as Counts;
}

/** Splits a stream into protocol messages: a type byte, then a length that includes itself. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);
  #startup: boolean;
  readonly #onMessage: (type: string, body: Buffer) => void;

  /** @param startup whether the first message has no type byte, as from a client */
  constructor(startup: boolean, onMessage: (type: string, body: Buffer) => void) {
    this.#startup = startup;
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = this.#startup ? 0 : 1;
      if (this.#rest.length < head + 4) return;
      const end = head + this.#rest.readInt32BE(head);
      if (this.#rest.length < end) return;
      if (!this.#startup) this.#onMessage(String.fromCharCode(this.#rest[0] as number), this.#rest.subarray(head + 4, end));
      this.#startup = false;
      this.#rest = this.#rest.subarray(end);
    }
  }
}

function textAt(body: Buffer, from: number): { text: string; end: number } {
  const end = body.indexOf(0, from);
  return { text: body.toString('utf8', from, end), end: end + 1 };
}

/** The statements in a query string of the simple protocol. Ignores semicolons in quotes. */
function statementsOf(text: string): string[] {
  return text
    .replaceAll(/'(?:[^']|'')*'/g, "''")
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function isFraming(statement: string): boolean {
  return (
    /^\s*(begin|start transaction|commit|rollback|savepoint|release|set\s)/i.test(statement) ||
    /^\s*select\s+(where\s+num_nonnulls\()?set_config\b/i.test(statement)
  );
}

/** Counts the messages of one connection. */
class Connection {
  readonly #counts: Counts;
  readonly #prepared = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  readonly #parsed = new Set<string>();
  #pending = 0;

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  fromServer(type: string, body: Buffer): void {
    const counts = this.#counts;
    if (type === 'P') {
      const { text: name, end } = textAt(body, 0);
      this.#prepared.set(name, textAt(body, end).text);
      this.#parsed.add(name);
    } else if (type === 'B') {
      const { text: portal, end } = textAt(body, 0);
      const { text: name } = textAt(body, end);
      this.#portals.set(portal, this.#prepared.get(name) ?? '');
      counts.binds++;
      if (!this.#parsed.delete(name)) counts.hits++;
    } else if (type === 'E') {
      this.#count(this.#portals.get(textAt(body, 0).text) ?? '');
    } else if (type === 'Q') {
      for (const statement of statementsOf(textAt(body, 0).text)) this.#count(statement);
      this.#sync();
    } else if (type === 'S') this.#sync();
  }

  fromPostgres(type: string): void {
    if (type === 'Z' && this.#pending > 0) this.#pending--;
  }

  #count(statement: string): void {
    if (isFraming(statement)) this.#counts.framing++;
    else this.#counts.statements++;
  }

  #sync(): void {
    if (this.#pending++ === 0) this.#counts.roundTrips++;
  }
}

export interface WireCounter {
  /** @returns the connection string of the database through the proxy */
  url(databaseUrl: string): string;
  /** Totals since the start. */
  counts(): Counts;
  stop(): Promise<void>;
}

/** Starts a proxy in front of PostgreSQL that counts messages. It adds latency, so timed runs do not use it. */
export async function startWireCounter(postgresPort: number): Promise<WireCounter> {
  const counts = { ...ZERO };
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(postgresPort, '127.0.0.1');
    const connection = new Connection(counts);
    const requests = new Messages(true, (type, body) => connection.fromServer(type, body));
    const responses = new Messages(false, (type) => connection.fromPostgres(type));
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay(true));
      // If one side closes, the other is closed too.
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      requests.push(chunk);
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      responses.push(chunk);
      client.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url(databaseUrl) {
      const url = new URL(databaseUrl);
      url.port = String(port);
      return url.href;
    },
    counts: () => ({ ...counts }),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
