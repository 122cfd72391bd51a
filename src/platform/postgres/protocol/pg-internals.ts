import { createRequire } from 'node:module';
import type pg from 'pg';

/** The private parts of pg's connection that pipelining uses. `verify-pipelining.ts` checks them at start-up. */
export interface ProtocolConnection {
  /** The text of parsed statements by name; `submittedNamedStatements` has those that were sent and not confirmed. */
  parsedStatements: Record<string, string>;
  submittedNamedStatements: Record<string, string>;
  stream: { write(messages: Buffer): void };
  sendCopyFail(message: string): void;
}

export function connectionOf(client: pg.ClientBase): ProtocolConnection {
  const { connection } = client as unknown as { connection?: ProtocolConnection };
  if (!connection) throw new Error('pg.Client no longer has a connection');
  return connection;
}

type PrepareValue = (value: unknown) => unknown;

/** Uses `require`: if the module has moved, pipelining falls back instead of ending the process. */
function loadPrepareValue(): PrepareValue {
  try {
    const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as { prepareValue?: PrepareValue };
    if (prepareValue) return prepareValue;
  } catch {
    // The returned function throws.
  }
  return () => {
    throw new Error('pg/lib/utils.js no longer has prepareValue');
  };
}

/** Converts a parameter to its wire format: null, a Buffer or text. Throws for an object that cannot be serialised as JSON. */
export const prepareValue = loadPrepareValue();
