import { createRequire } from 'node:module';
import type pg from 'pg';

/** What is used of pg's connection, which is not public. `verify-pipelining.ts` checks at start-up that it is there. */
export interface ProtocolConnection {
  /** Text of statements by name: those that were parsed, and those that were sent to be. */
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

/** Required instead of imported: a module that has moved must lead to the fallback and not end the process. */
function loadPrepareValue(): PrepareValue {
  try {
    const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as { prepareValue?: PrepareValue };
    if (prepareValue) return prepareValue;
  } catch {
    // Thrown below, where it is used.
  }
  return () => {
    throw new Error('pg/lib/utils.js no longer has prepareValue');
  };
}

/** A value as it goes over the wire: null, a Buffer, or text. Throws for what cannot be written as JSON. */
export const prepareValue = loadPrepareValue();
