import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { ChangeLog } from '../../../src/platform/live/change-log.ts';
import type { Live, LiveOptions } from '../../../src/platform/live/live.ts';
import { createLive } from '../../../src/platform/live/live-views.ts';
import { createMemoryNoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import type { Database } from '../../../src/platform/postgres/database.ts';
import { currentScope } from '../../../src/platform/postgres/request-scope.ts';
import { quiet } from './live-harness.ts';

/** The current state of a named row. */
export interface State {
  readonly sequence: number;
  readonly name: string;
  readonly text: string;
}

/** An in-memory log with one row per name, which moves to the end when it changes. */
export class MemoryLog {
  head = 0;
  readonly states = new Map<string, State>();

  /** @param by increment of the sequence number */
  change(name: string, by = 1): State {
    this.head += by;
    const state = { sequence: this.head, name, text: `${name}, ${this.head}` };
    this.states.set(name, state);
    return state;
  }

  /** Uses a sequence number without a row. */
  remove(name: string): void {
    this.head++;
    this.states.delete(name);
  }
}

/** The logs of one topic by tenant and object, readable only in the context of the tenant. */
export class MemorySource implements ChangeLog<State> {
  readonly subject = 'The thing';
  readonly logs = new Map<string, MemoryLog>();
  reads = 0;
  polls = 0;
  /** Reads wait for this promise. */
  gate: Promise<void> = Promise.resolve();
  readonly topic: string;

  constructor(topic: string) {
    this.topic = topic;
  }

  log(tenantId: string, id: string): MemoryLog {
    const key = `${tenantId} ${id}`;
    const log = this.logs.get(key) ?? new MemoryLog();
    this.logs.set(key, log);
    return log;
  }

  resume(after: number): string {
    return `After ${after}.`;
  }

  keyOf({ name }: State): string {
    return name;
  }

  async lastSequence(_database: Database, id: string): Promise<number | undefined> {
    return this.#find(id)?.head;
  }

  async lastSequences(_database: Database, ids: readonly string[]): Promise<Map<string, number>> {
    this.polls++;
    return new Map(ids.flatMap((id) => this.#headOf(id)));
  }

  async readAfter(_database: Database, id: string, after: number, limit: number): Promise<State[]> {
    this.reads++;
    await this.gate;
    const states = [...(this.#find(id)?.states.values() ?? [])].filter(({ sequence }) => sequence > after);
    return states.sort((one, other) => one.sequence - other.sequence).slice(0, limit);
  }

  #headOf(id: string): [string, number][] {
    const log = this.#find(id);
    return log ? [[id, log.head]] : [];
  }

  #find(id: string): MemoryLog | undefined {
    return this.logs.get(`${currentScope().context.tenantId} ${id}`);
  }
}

/** A viewer of a tenant that is not in a database. */
export function viewerOf(tenantId: string): Viewer {
  const role = 'OWNER' as const;
  return { tenantId, userId: newId(), apiKeyId: undefined, role, permissions: new Set(), expiresAt: undefined };
}

/** Live views without a database. Polls and credential checks run only if the test enables them. */
export function liveOverMemory(options: Partial<LiveOptions> = {}): Live {
  return createLive({
    database: undefined as unknown as Database,
    transport: createMemoryNoticeBus(),
    revalidate: async () => true,
    log: quiet,
    pollIntervalMs: 600_000,
    revalidateIntervalMs: 600_000,
    ...options,
  });
}
