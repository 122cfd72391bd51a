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

function notice(sequence: number, id = newId()): ChangeNotice {
  return { topic: 'conversation', tenantId: newId(), id, sequence };
}

test('decodes encoded notices and skips malformed lines', () => {
  const notices = [notice(1), notice(2_147_483_647)];
  const text = `${encodeNotices(notices)}\n\nnonsense\nrobot ${newId()} ${newId()} 1\nconversation x y 1\nconversation ${newId()} ${newId()} -1`;
  expect(decodeNotices(text)).toEqual(notices);
});

test('sends a burst as one batch with the highest number of each object', async () => {
  const sent: string[][] = [];
  const outbox = new NoticeBatcher(1, async (payloads) => void sent.push(payloads));
  const base = notice(1);
  for (const sequence of [2, 7, 3]) outbox.add({ ...base, sequence });
  const other = notice(1);
  outbox.add(other);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.flatMap(decodeNotices)).toEqual([{ ...base, sequence: 7 }, other]);
});

registerTopic('a'.repeat(19));

test('registers each topic once', () => {
  expect(registeredTopics()).toEqual(expect.arrayContaining(['conversation', 'collection', 'run', 'draft']));
  expect(() => registerTopic('run')).toThrow('the topic run is registered twice');
  expect(() => registerTopic('a'.repeat(20))).toThrow('1 to 19 characters');
  expect(() => registerTopic('two words')).toThrow('1 to 19 characters');
});

test.each(registeredTopics())('payloads of the topic %s stay below the 8000 bytes of NOTIFY', async (topic) => {
  const sent: string[][] = [];
  const outbox = new NoticeBatcher(1, async (payloads) => void sent.push(payloads));
  const notices = range(1, 500).map(() => ({ ...notice(999_999_999_999_999), topic }));
  for (const each of notices) outbox.add(each);
  await outbox.flush();
  expect(sent).toHaveLength(1);
  expect(sent[0]?.every((payload) => Buffer.byteLength(payload) < 8_000)).toBe(true);
  expect(sent[0]?.flatMap(decodeNotices)).toEqual(notices);
});

test('collects the next batch during a send, and continues after a failed send', async () => {
  const sent: string[][] = [];
  const first = Promise.withResolvers<void>();
  const outbox = new NoticeBatcher(1, (payloads) => {
    sent.push(payloads);
    return sent.length === 1 ? first.promise : Promise.resolve();
  });
  outbox.add(notice(1));
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  for (const sequence of range(1, 50)) outbox.add(notice(sequence));
  first.reject(new Error('away'));
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]?.flatMap(decodeNotices)).toHaveLength(50);
});

test('calls each listener of the process until it is removed', async () => {
  const transport = createMemoryNoticeBus();
  const heard: ChangeNotice[] = [];
  const stop = transport.subscribe((each) => heard.push(each));
  const [first, second] = [notice(1), notice(2)];
  transport.publish(first);
  stop();
  transport.publish(second);
  expect(heard).toEqual([first]);
  expect(transport.healthy()).toBe(true);
  await transport.close();
});
