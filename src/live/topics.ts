import { isUuid } from '../lib/ids.ts';

/**
 * What can be followed. Each is a numbered log of one object of a tenant, but for `draft`: that is the text that is being
 * written in a conversation, by its version.
 */
export const topics = ['conversation', 'collection', 'run', 'draft'] as const;

export type Topic = (typeof topics)[number];

/** A wake-up: this object's log has reached this number. Carries nothing that a tenant would mind being seen. */
export interface Hint {
  topic: Topic;
  tenantId: string;
  /** The object within the tenant. */
  id: string;
  sequence: number;
}

const SEPARATOR = ' ';

export function encodeHints(hints: Iterable<Hint>): string {
  return Array.from(hints, ({ topic, tenantId, id, sequence }) => [topic, tenantId, id, sequence].join(SEPARATOR)).join('\n');
}

function decodeHint(line: string): Hint | undefined {
  const [name, tenantId = '', id = '', number = ''] = line.split(SEPARATOR);
  const topic = topics.find((candidate) => candidate === name);
  if (!topic || !isUuid(tenantId) || !isUuid(id) || !/^\d{1,15}$/.test(number)) return undefined;
  return { topic, tenantId, id, sequence: Number(number) };
}

/** Reads what another process sent. Lines of another version of this program are left out: the poll covers them. */
export function decodeHints(text: string): Hint[] {
  return text.split('\n').flatMap((line) => decodeHint(line) ?? []);
}
