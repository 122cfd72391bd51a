import type { ListProblem } from '../../../platform/mcp-client/reading/read-listed.ts';

type What = 'tools' | 'resources';

/** More are only counted. */
const MAX_REASONS = 10;
const MAX_REASON_LENGTH = 180;

/** Collects what a discovery skipped or changed, for the user who refreshed the server. */
export class DiscoveryReport {
  readonly #skipped: Record<What, string[]> = { tools: [], resources: [] };
  readonly #changed: string[] = [];
  readonly #notes: string[] = [];

  add(what: What, { skipped, reason }: ListProblem): void {
    (skipped ? this.#skipped[what] : this.#changed).push(reason);
  }

  note(text: string): undefined {
    this.#notes.push(text);
  }

  /** Converts the items of a list. Skips those for which `convert` returns a reason, and of items with the same key all but the last. */
  usableOf<T, U extends object>(
    what: What,
    items: readonly T[],
    convert: (item: T) => U | string,
    keyOf: (item: T | U) => string,
  ): U[] {
    const usable = new Map<string, U>();
    const skip = (key: string, reason: string) => this.add(what, { skipped: true, reason: `${JSON.stringify(key)}: ${reason}.` });
    for (const item of items) {
      const converted = convert(item);
      if (typeof converted === 'string') {
        skip(keyOf(item), converted);
        continue;
      }
      const key = keyOf(converted);
      if (usable.has(key)) skip(key, 'it is listed more than once');
      usable.set(key, converted);
    }
    return [...usable.values()];
  }

  /**
   * The text for `refreshError`. Null if everything was stored as listed.
   * @param redact removes secrets; before reasons are shortened, because a part of a secret would not be found
   */
  text(redact: (text: string) => string): string | null {
    const firstOf = (reasons: readonly string[]) => shortList(reasons, redact);
    const skipped = (['tools', 'resources'] as const)
      .filter((what) => this.#skipped[what].length > 0)
      .map((what) => `${this.#skipped[what].length} of its ${what} were skipped: ${firstOf(this.#skipped[what])}`);
    const changed = this.#changed.length > 0 ? [`Accepted with changes: ${firstOf(this.#changed)}`] : [];
    return [...this.#notes.map(redact), ...skipped, ...changed].join(' ') || null;
  }
}

function shortList(reasons: readonly string[], redact: (text: string) => string): string {
  const first = reasons.slice(0, MAX_REASONS).map((reason) => shortened(redact(reason)));
  const left = reasons.length - first.length;
  return [...first, ...(left > 0 ? [`And ${left} more.`] : [])].join(' ');
}

/** Keeps both ends: the name and what is wrong with it. */
function shortened(reason: string): string {
  if (reason.length <= MAX_REASON_LENGTH) return reason;
  return `${reason.slice(0, MAX_REASON_LENGTH / 2)}…${reason.slice(-MAX_REASON_LENGTH / 2)}`.toWellFormed();
}
