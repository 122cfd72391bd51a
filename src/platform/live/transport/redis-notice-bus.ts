import { Redis } from 'ioredis';
import type { Logger } from '../../lib/logger.ts';
import { decodeNotices } from '../topics.ts';
import { NoticeBatcher } from './notice-batcher.ts';
import { type NoticeBus, NoticeListeners } from './notice-bus.ts';

const CHANNEL = 'agentbase:live';
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 10_000;

export interface RedisNoticeBusOptions {
  url: string;
  log: Logger;
  /** How long notices are collected before they are sent in one batch, in milliseconds. @default 4 */
  coalesceMs?: number;
}

/** Redis publish and subscribe over two connections: a subscribed connection accepts no other commands. */
export function createRedisNoticeBus({ url, log, coalesceMs = 4 }: RedisNoticeBusOptions): NoticeBus {
  const listeners = new NoticeListeners();
  const connect = () =>
    new Redis(url, {
      lazyConnect: true,
      connectionName: 'agentbase-live',
      connectTimeout: 5_000,
      // Late notices are useless: the client queues none while Redis is unavailable.
      enableOfflineQueue: false,
      autoResubscribe: false,
      maxRetriesPerRequest: null,
      retryStrategy: (attempt) => Math.min(MIN_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS) * (0.5 + Math.random()),
    });
  const publisher = connect();
  const subscriber = connect();
  const outbox = new NoticeBatcher(coalesceMs, async (payloads) => {
    await Promise.all(payloads.map((payload) => publisher.publish(CHANNEL, payload)));
  });
  let subscribed = false;
  let unavailable = false;

  const lost = (err: unknown) => {
    subscribed = false;
    if (!unavailable) log.warn({ err }, 'notice bus connection failed; live views poll');
    unavailable = true;
  };
  publisher.on('error', lost);
  subscriber.on('error', lost);
  subscriber.on('close', () => {
    subscribed = false;
  });
  subscriber.on('ready', () => {
    subscriber.subscribe(CHANNEL).then(() => {
      subscribed = true;
      if (unavailable) log.info('notice bus connection recovered');
      unavailable = false;
    }, lost);
  });
  subscriber.on('message', (_channel: string, payload: string) => {
    for (const notice of decodeNotices(payload)) listeners.call(notice);
  });

  return {
    publish(notice) {
      listeners.call(notice);
      if (publisher.status === 'ready') outbox.add(notice);
    },
    subscribe: (listener) => listeners.add(listener),
    start() {
      for (const client of [publisher, subscriber]) if (client.status === 'wait') client.connect().catch(lost);
    },
    async close() {
      await outbox.flush();
      listeners.clear();
      publisher.disconnect();
      subscriber.disconnect();
    },
    healthy: () => subscribed && publisher.status === 'ready',
  };
}
