import { isUuid } from '../lib/ids.ts';

/** Notice that the log of an object has reached a sequence number. It contains no confidential data. */
export interface ChangeNotice {
  /** The topic, which the log registers. */
  topic: string;
  tenantId: string;
  /** The object within the tenant. */
  id: string;
  sequence: number;
}

/** The length bound makes `MAX_NOTICE_BYTES` of the batcher hold for every topic. */
const TOPIC = /^[a-z][a-z-]{0,18}$/;
const registered = new Set<string>();

/** Registers a topic, so that its notices can be decoded. Throws if the name is taken or malformed. */
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

export function encodeNotices(notices: Iterable<ChangeNotice>): string {
  return Array.from(notices, ({ topic, tenantId, id, sequence }) => [topic, tenantId, id, sequence].join(SEPARATOR)).join('\n');
}

function decodeNotice(line: string): ChangeNotice | undefined {
  const [topic = '', tenantId = '', id = '', number = ''] = line.split(SEPARATOR);
  if (!registered.has(topic) || !isUuid(tenantId) || !isUuid(id) || !/^\d{1,15}$/.test(number)) return undefined;
  return { topic, tenantId, id, sequence: Number(number) };
}

/** Decodes notices of another process. Skips malformed lines and unknown topics, such as of another version: the poll covers them. */
export function decodeNotices(text: string): ChangeNotice[] {
  return text.split('\n').flatMap((line) => decodeNotice(line) ?? []);
}
