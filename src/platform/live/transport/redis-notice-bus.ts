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
  /** How long hints are collected before they are sent together. @default 4 */
  coalesceMs?: number;
}

/** Redis publish and subscribe, over two connections: one that has subscribed can do nothing else. */
export function createRedisNoticeBus({ url, log, coalesceMs = 4 }: RedisNoticeBusOptions): NoticeBus {
  const listeners = new NoticeListeners();
  const connect = () =>
    new Redis(url, {
      lazyConnect: true,
      connectionName: 'agentbase-live',
      connectTimeout: 5_000,
      // Hints are worth nothing later: no queue while it is away.
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
  let away = false;

  const lost = (err: unknown) => {
    subscribed = false;
    if (!away) log.warn({ err }, 'live views cannot listen for changes in other processes, and poll');
    away = true;
  };
  publisher.on('error', lost);
  subscriber.on('error', lost);
  subscriber.on('close', () => {
    subscribed = false;
  });
  subscriber.on('ready', () => {
    subscriber.subscribe(CHANNEL).then(() => {
      subscribed = true;
      if (away) log.info('live views hear of changes in other processes again');
      away = false;
    }, lost);
  });
  subscriber.on('message', (_channel: string, payload: string) => {
    for (const hint of decodeNotices(payload)) listeners.call(hint);
  });

  return {
    publish(hint) {
      listeners.call(hint);
      if (publisher.status === 'ready') outbox.add(hint);
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
