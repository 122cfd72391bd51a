import { isUuid } from '../lib/ids.ts';

/** Wake-up: the log of this object has reached this number. Carries nothing confidential. */
export interface ChangeNotice {
  /** Names what changed. Registered by the log that declares it. */
  topic: string;
  tenantId: string;
  /** The object within the tenant. */
  id: string;
  sequence: number;
}

/** Bounded so that `MAX_HINT_BYTES` of the outbox holds for every topic. */
const TOPIC = /^[a-z][a-z-]{0,18}$/;
const registered = new Set<string>();

/** Lets hints of a topic be decoded. Throws if the name is taken or malformed. */
export function registerTopic(topic: string): void {
  if (!TOPIC.test(topic))
    throw new Error(`the topic ${topic} must have 1 to 19 characters of a-z and -, and start with a letter`);
  if (registered.has(topic)) throw new Error(`the topic ${topic} is registered twice`);
  registered.add(topic);
}

export function registeredTopics(): string[] {
  return [...registered];
}

const SEPARATOR = ' ';

export function encodeNotices(hints: Iterable<ChangeNotice>): string {
  return Array.from(hints, ({ topic, tenantId, id, sequence }) => [topic, tenantId, id, sequence].join(SEPARATOR)).join('\n');
}

function decodeNotice(line: string): ChangeNotice | undefined {
  const [topic = '', tenantId = '', id = '', number = ''] = line.split(SEPARATOR);
  if (!registered.has(topic) || !isUuid(tenantId) || !isUuid(id) || !/^\d{1,15}$/.test(number)) return undefined;
  return { topic, tenantId, id, sequence: Number(number) };
}

/** Decodes what another process sent. Skips lines of another version of this program, and of logs unknown here: the poll covers them. */
export function decodeNotices(text: string): ChangeNotice[] {
  return text.split('\n').flatMap((line) => decodeNotice(line) ?? []);
}
