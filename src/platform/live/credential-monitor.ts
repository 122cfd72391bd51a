import type { Viewer } from '../auth/viewer.ts';
import { forEachConcurrent, runAs } from './database-reads.ts';

/** A credential as one subscription uses it. All subscriptions of a credential share its checks. */
export interface Credential {
  /** Whether the last successful check is recent enough to deliver rows. */
  isFresh(): boolean;
  /** Checks now, or joins a running check. Rejects if the check fails without a result. */
  check(): Promise<void>;
  /** Removes this subscription. */
  remove(): void;
}

interface MonitoredCredential {
  viewer: Viewer;
  revoked: Set<() => void>;
  checkedAt: number;
  checking: Promise<void> | undefined;
}

/** Viewers with equal keys share the result of `revalidate`. */
function keyOf({ tenantId, userId, apiKeyId, sessionId, permissions }: Viewer): string {
  return JSON.stringify([tenantId, userId, apiKeyId, sessionId, [...permissions].sort()]);
}

const CONCURRENT_CHECKS = 4;

/** Revalidates the credentials of subscriptions periodically. */
export class CredentialMonitor {
  readonly #revalidate: (viewer: Viewer) => Promise<boolean>;
  readonly #maxAgeMs: number;
  readonly #watched = new Map<string, MonitoredCredential>();

  constructor(revalidate: (viewer: Viewer) => Promise<boolean>, maxAgeMs: number) {
    this.#revalidate = revalidate;
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * Adds a subscription of a credential that the caller has just verified.
   * @param revoked called when the credential is no longer valid
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

  /** Checks all credentials. Rejects if a check fails without a result. */
  sweep(): Promise<void> {
    return forEachConcurrent(this.#watched.values(), CONCURRENT_CHECKS, (watched) => this.#check(watched));
  }

  #check(watched: MonitoredCredential): Promise<void> {
    watched.checking ??= this.#revalidateNow(watched).finally(() => {
      watched.checking = undefined;
    });
    return watched.checking;
  }

  async #revalidateNow(watched: MonitoredCredential): Promise<void> {
    // Runs without the caller's session context.
    const valid = await runAs({}, () => this.#revalidate(watched.viewer));
    if (valid) watched.checkedAt = Date.now();
    else for (const revoked of [...watched.revoked]) revoked();
  }
}
