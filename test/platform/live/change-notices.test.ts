import { expect, test, vi } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import {
  type ChangeNotice,
  decodeNotices,
  encodeNotices,
  registeredTopics,
  registerTopic,
} from '../../../src/platform/live/topics.ts';
import { NoticeBatcher } from '../../../src/platform/live/transport/notice-batcher.ts';
import { createMemoryNoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import '../../../src/app/schema.ts';
import { range } from './live-harness.ts';

function hint(sequence: number, id = newId()): ChangeNotice {
  return { topic: 'conversation', tenantId: newId(), id, sequence };
}

test('hints arrive as they were sent, and what is no hint is left out', () => {
  const hints = [hint(1), hint(2_147_483_647)];
  const text = `${encodeNotices(hints)}\n\nnonsense\nrobot ${newId()} ${newId()} 1\nconversation x y 1\nconversation ${newId()} ${newId()} -1`;
  expect(decodeNotices(text)).toEqual(hints);
});

test('an outbox sends a burst as one bundle, with the highest number of each object', async () => {
  const sent: string[][] = [];
  const outbox = new NoticeBatcher(1, async (payloads) => void sent.push(payloads));
  const base = hint(1);
  for (const sequence of [2, 7, 3]) outbox.add({ ...base, sequence });
  const other = hint(1);
  outbox.add(other);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.flatMap(decodeNotices)).toEqual([{ ...base, sequence: 7 }, other]);
});

registerTopic('a'.repeat(19));

test('logs register their topics, each once', () => {
  expect(registeredTopics()).toEqual(expect.arrayContaining(['conversation', 'collection', 'run', 'draft']));
  expect(() => registerTopic('run')).toThrow('the topic run is registered twice');
  expect(() => registerTopic('a'.repeat(20))).toThrow('1 to 19 characters');
  expect(() => registerTopic('two words')).toThrow('1 to 19 characters');
});

test.each(registeredTopics())('payloads of the topic %s stay under the 8000 bytes that NOTIFY takes', async (topic) => {
  const sent: string[][] = [];
  const outbox = new NoticeBatcher(1, async (payloads) => void sent.push(payloads));
  const hints = range(1, 500).map(() => ({ ...hint(999_999_999_999_999), topic }));
  for (const each of hints) outbox.add(each);
  await outbox.flush();
  expect(sent).toHaveLength(1);
  expect(sent[0]?.every((payload) => Buffer.byteLength(payload) < 8_000)).toBe(true);
  expect(sent[0]?.flatMap(decodeNotices)).toEqual(hints);
});

test('while one bundle is under way the next is collected, and a lost one holds up nothing', async () => {
  const sent: string[][] = [];
  const first = Promise.withResolvers<void>();
  const outbox = new NoticeBatcher(1, (payloads) => {
    sent.push(payloads);
    return sent.length === 1 ? first.promise : Promise.resolve();
  });
  outbox.add(hint(1));
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  for (const sequence of range(1, 50)) outbox.add(hint(sequence));
  first.reject(new Error('away'));
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]?.flatMap(decodeNotices)).toHaveLength(50);
});

test('in one process hints reach every listener until it is taken back', async () => {
  const transport = createMemoryNoticeBus();
  const heard: ChangeNotice[] = [];
  const stop = transport.subscribe((each) => heard.push(each));
  const [first, second] = [hint(1), hint(2)];
  transport.publish(first);
  stop();
  transport.publish(second);
  expect(heard).toEqual([first]);
  expect(transport.healthy()).toBe(true);
  await transport.close();
});
