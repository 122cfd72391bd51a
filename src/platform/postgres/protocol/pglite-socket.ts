import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

const TERMINATE = 0x58;

/**
 * A socket whose other end is the embedded PGlite: `pg` speaks its wire protocol into it as it would to a server,
 * so that one driver, one adapter and one tenant context serve both ways to run.
 *
 * PGlite is one session. The pool over this socket must therefore never hold more than one connection.
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

  /** PGlite keeps its session when a connection is thrown away. A new one starts with nothing of it but what LISTENs. */
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

  /** `pg` corks the messages of one statement: they arrive here together and cost one call into PGlite. */
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
