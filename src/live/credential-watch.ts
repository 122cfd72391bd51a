import type { Viewer } from '../auth/viewer.ts';
import { inParallel, readAs } from './database-reads.ts';

/** One credential with all its live views: asked about once, however many they are. */
export interface Credential {
  /** Whether the last answer was yes and is recent enough to deliver on. */
  isFresh(): boolean;
  /** Asks now, or joins who is asking. Rejects when there is no answer; then nothing is known. */
  check(): Promise<void>;
  /** This live view does not care any more. */
  leave(): void;
}

interface Watched {
  viewer: Viewer;
  revoked: Set<() => void>;
  checkedAt: number;
  checking: Promise<void> | undefined;
}

/** What makes two viewers the same to `recheck`. */
function keyOf({ tenantId, userId, apiKeyId, sessionId, permissions }: Viewer): string {
  return JSON.stringify([tenantId, userId, apiKeyId, sessionId, [...permissions].sort()]);
}

const CHECKS_AT_ONCE = 4;

/** Asks again and again whether the credentials of the live views still hold. */
export class CredentialWatch {
  readonly #recheck: (viewer: Viewer) => Promise<boolean>;
  readonly #maxAgeMs: number;
  readonly #watched = new Map<string, Watched>();

  constructor(recheck: (viewer: Viewer) => Promise<boolean>, maxAgeMs: number) {
    this.#recheck = recheck;
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * Watches a credential that was verified just now.
   * @param revoked called when it does not hold any more
   */
  enter(viewer: Viewer, revoked: () => void): Credential {
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
      leave: () => {
        entry.revoked.delete(revoked);
        if (entry.revoked.size === 0 && this.#watched.get(key) === entry) this.#watched.delete(key);
      },
    };
  }

  /** Asks about all of them. Rejects when one could not be asked about. */
  sweep(): Promise<void> {
    return inParallel(this.#watched.values(), CHECKS_AT_ONCE, (watched) => this.#check(watched));
  }

  #check(watched: Watched): Promise<void> {
    watched.checking ??= this.#ask(watched).finally(() => {
      watched.checking = undefined;
    });
    return watched.checking;
  }

  async #ask(watched: Watched): Promise<void> {
    // Whoever happens to ask must not lend it a context.
    const holds = await readAs({}, () => this.#recheck(watched.viewer));
    if (holds) watched.checkedAt = Date.now();
    else for (const revoked of [...watched.revoked]) revoked();
  }
}
