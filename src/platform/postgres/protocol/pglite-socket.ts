import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

const TERMINATE = 0x58;

/**
 * A socket to the embedded PGlite. `pg` uses its wire protocol over it, so that the embedded database and a server share the driver, the
 * adapter and the session context.
 *
 * PGlite has one session: the pool over this socket must have at most one connection.
 */
export class PgliteSocket extends Duplex {
  readonly #pglite: PGlite;

  constructor(pglite: PGlite) {
    super({ allowHalfOpen: false });
    this.#pglite = pglite;
  }

  connect(): this {
    this.#reset().then(
      () => this.emit('connect'),
      (error: Error) => this.destroy(error),
    );
    return this;
  }

  /** The session of PGlite outlives a connection. Resets it for a new connection, except for LISTEN. */
  async #reset(): Promise<void> {
    await this.#pglite.exec('ROLLBACK');
    await this.#pglite.exec('DEALLOCATE ALL; RESET SESSION AUTHORIZATION; RESET ALL; SELECT pg_advisory_unlock_all()');
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk).then(() => done(), done);
  }

  /** `pg` corks the messages of one statement: they arrive together and take one call of PGlite. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  async #send(message: Buffer): Promise<void> {
    if (message[0] === TERMINATE) {
      this.push(null);
      return;
    }
    const reply = await this.#pglite.runExclusive(() => this.#pglite.execProtocolRaw(message));
    if (reply.byteLength > 0) this.push(Buffer.from(reply));
  }
}
