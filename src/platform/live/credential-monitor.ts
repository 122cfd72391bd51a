import type { Viewer } from '../auth/viewer.ts';
import { forEachConcurrent, runAs } from './database-reads.ts';

/** One credential with all its live views: asked about once, however many they are. */
export interface Credential {
  /** Whether the last answer was yes and is recent enough to deliver on. */
  isFresh(): boolean;
  /** Asks now, or joins who is asking. Rejects when there is no answer; then nothing is known. */
  check(): Promise<void>;
  /** This live view does not care any more. */
  remove(): void;
}

interface MonitoredCredential {
  viewer: Viewer;
  revoked: Set<() => void>;
  checkedAt: number;
  checking: Promise<void> | undefined;
}

/** What makes two viewers the same to `revalidate`. */
function keyOf({ tenantId, userId, apiKeyId, sessionId, permissions }: Viewer): string {
  return JSON.stringify([tenantId, userId, apiKeyId, sessionId, [...permissions].sort()]);
}

const CONCURRENT_CHECKS = 4;

/** Asks again and again whether the credentials of the live views still hold. */
export class CredentialMonitor {
  readonly #revalidate: (viewer: Viewer) => Promise<boolean>;
  readonly #maxAgeMs: number;
  readonly #watched = new Map<string, MonitoredCredential>();

  constructor(revalidate: (viewer: Viewer) => Promise<boolean>, maxAgeMs: number) {
    this.#revalidate = revalidate;
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * Watches a credential that was verified just now.
   * @param revoked called when it does not hold any more
   */
  add(viewer: Viewer, revoked: () => void): Credential {
    const key = keyOf(viewer);
    let watched = this.#watched.get(key);
    if (!watched) {
      watched = { viewer, revoked: new Set(), checkedAt: Date.now(), checking: undefined };
      this.#watched.set(key, watched);
    }
    const entry = watched;
    entry.revoked.add(revoked);
    return {
      isFresh: () => Date.now() - entry.checkedAt < this.#maxAgeMs,
      check: () => this.#check(entry),
      remove: () => {
        entry.revoked.delete(revoked);
        if (entry.revoked.size === 0 && this.#watched.get(key) === entry) this.#watched.delete(key);
      },
    };
  }

  /** Asks about all of them. Rejects when one could not be asked about. */
  sweep(): Promise<void> {
    return forEachConcurrent(this.#watched.values(), CONCURRENT_CHECKS, (watched) => this.#check(watched));
  }

  #check(watched: MonitoredCredential): Promise<void> {
    watched.checking ??= this.#ask(watched).finally(() => {
      watched.checking = undefined;
    });
    return watched.checking;
  }

  async #ask(watched: MonitoredCredential): Promise<void> {
    // Whoever happens to ask must not lend it a context.
    const holds = await runAs({}, () => this.#revalidate(watched.viewer));
    if (holds) watched.checkedAt = Date.now();
    else for (const revoked of [...watched.revoked]) revoked();
  }
}
