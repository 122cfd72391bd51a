/** Values for the columns of test rows: from the column's type and CHECKs, and from a table where those are not enough. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Column } from '../catalog/catalog.ts';

export interface ValueOptions {
  tenantId: string;
  /** 1 for the tenant's first row of the table, 2 for its second. */
  number: number;
  anyId(table: string): Promise<string>;
}

type Value = string | number | boolean | object | null | ((options: ValueOptions) => unknown);

/** A name that no other test uses. Fits slugs. */
export function unique(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}

/** A value for a column that holds the hash of a secret. */
export function randomHash(): string {
  return randomBytes(32).toString('hex');
}

/**
 * By table and column, where the catalog does not determine a valid value: a CHECK over several columns, a trigger, a value that the
 * application reads. Also nullable references without which the row would belong to nothing.
 */
export const columnValues: Record<string, Record<string, Value>> = {
  agents: { provider: 'local', model: 'echo' },
  chunks: { embedding_model: 'local-lexical' },
  collections: { embedding_model: 'local-lexical', embedding_dimensions: 1536 },
  // Triggers write rows with small numbers.
  conversation_counts: { shard: ({ number }) => 1_000 + number },
  conversation_events: { sequence: ({ number }) => 1_000_000 + number },
  documents: { media_type: 'text/plain', storage_key: ({ tenantId }) => `${tenantId}/${randomHash()}` },
  evaluation_runs: { evaluation_id: ({ anyId }) => anyId('evaluations'), position: ({ number }) => number },
  evaluations: { questions: [{ query: 'Hello?', expectedDocumentIds: [] }], question_count: 1 },
  llm_calls: { run_id: ({ anyId }) => anyId('agent_runs') },
  mcp_servers: { transport: 'STREAMABLE_HTTP', url: 'https://mcp.example.test/mcp' },
  mcp_tools: { approved_by_id: null },
  messages: { role: 'USER' },
  tool_calls: { decided_by_id: null },
  tool_executions: { conversation_id: ({ anyId }) => anyId('conversations') },
};

const SIZE = /\((\d+)\)$/;

interface Known {
  table: string;
  number: number;
  checks: readonly { definition: string }[];
  enumLabel: string | undefined;
}

/** A valid value for a column. Undefined for types whose values a trigger generates. */
export function generateValue(
  { name, type }: Pick<Column, 'name' | 'type'>,
  { table, number, checks, enumLabel }: Known,
): unknown {
  if (enumLabel !== undefined) return enumLabel;
  const size = Number(SIZE.exec(type)?.[1] ?? 1_000);
  const isChecked = (...rules: string[]) => checks.some(({ definition }) => rules.some((rule) => definition.includes(rule)));
  if (type.endsWith('[]')) return [];
  if (type.startsWith('vector')) return `[1${',0'.repeat(size - 1)}]`;
  if (type.startsWith('timestamp') || type === 'date') return new Date(Date.now() + 3_600_000).toISOString();
  if (type.startsWith('numeric') || ['integer', 'bigint', 'smallint', 'double precision', 'real'].includes(type)) return number;
  if (type === 'boolean') return false;
  if (type === 'uuid') return randomUUID();
  if (type === 'json' || type === 'jsonb') return isChecked(`jsonb_typeof(${name}) = 'array'`) ? [] : {};
  if (type === 'character(64)' || isChecked(`${name} ~ '^[0-9a-f]{64}$'`)) return randomHash();
  if (isChecked(`is_email((${name})`, `is_email(${name}`)) return `${unique('person')}@example.test`;
  if (isChecked(`(${name})::text ~ '^https?://`, `${name} ~ '^https?://`)) return `https://${unique('host')}.example.test`;
  if (name === 'name' || name === 'title') return nameOf(table, number);
  if (name === 'slug') return unique(nounOf(table));
  if (type === 'text' || type.startsWith('character') || type === 'citext') return textOf(name, size);
  return undefined;
}

/** `agent` for `agents`, `key` for `api_keys`. */
function nounOf(table: string): string {
  return (table.split('_').at(-1) ?? table).replace(/ies$/, 'y').replace(/s$/, '');
}

/** `Agent` for the name of the first row of `agents`, `Agent 2` for the next. */
function nameOf(table: string, number: number): string {
  const noun = nounOf(table);
  return `${noun.charAt(0).toUpperCase()}${noun.slice(1)}${number > 1 ? ` ${number}` : ''}`;
}

function textOf(name: string, size: number): string {
  const suffix = randomBytes(6).toString('hex');
  return `${name.replaceAll('_', '-').slice(0, Math.max(size - suffix.length - 1, 0))}-${suffix}`.slice(-size);
}
