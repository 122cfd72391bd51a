import type { McpEndpoint } from '../endpoint.ts';
import { Authorization } from './authorization.ts';

/** Evicts the least recently used first, because a new request can replace the token. */
const MAX_AUTHORIZATIONS = 1_000;

/** Holds the access tokens of this process, in memory only, by target key. */
export class Authorizations {
  readonly #fetch: typeof fetch;
  readonly #byKey = new Map<string, Authorization>();

  constructor(fetchIt: typeof fetch) {
    this.#fetch = fetchIt;
  }

  /** Returns undefined for a target without authorization. */
  of({ key, auth, authProvider }: McpEndpoint, url: URL): Authorization | undefined {
    const how = authProvider ?? auth;
    if (!how) return undefined;
    const authorization = this.#byKey.get(key) ?? new Authorization(url, how, this.#fetch);
    this.#byKey.delete(key);
    this.#byKey.set(key, authorization);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > MAX_AUTHORIZATIONS && oldest !== undefined) this.#byKey.delete(oldest);
    return authorization;
  }

  /** Returns the target's tokens, which callers must redact from messages. */
  secretsOf(key: string): string[] {
    return this.#byKey.get(key)?.secrets ?? [];
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }

  close(): void {
    for (const authorization of this.#byKey.values()) authorization.close();
    this.#byKey.clear();
  }
}
