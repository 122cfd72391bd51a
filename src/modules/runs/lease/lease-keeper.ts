import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { LeaseLostError, RunCancelledError } from '../errors.ts';
import type { RunServices } from '../services.ts';
import type { RunSettings } from '../settings.ts';
import type { RunLease } from './run-lease.ts';

interface HeldLease {
  lease: RunLease;
  abort: AbortController;
}

/** Renews the leases of the runs of this process, and aborts runs that were cancelled or claimed by another worker. */
export class LeaseKeeper {
  readonly #services: RunServices;
  readonly #settings: RunSettings;
  readonly #runs = new Map<string, HeldLease>();
  #renewTimer: NodeJS.Timeout | undefined;
  #checkTimer: NodeJS.Timeout | undefined;

  constructor(services: RunServices, settings: RunSettings) {
    this.#services = services;
    this.#settings = settings;
  }

  /** @returns a signal that aborts with RunCancelledError or LeaseLostError; disposing of it stops the renewal */
  hold(lease: RunLease): { signal: AbortSignal; [Symbol.dispose](): void } {
    const abort = new AbortController();
    this.#runs.set(lease.run.id, { lease, abort });
    this.#renewTimer ??= setInterval(() => void this.#renew(), this.#settings.renewMs);
    this.#checkTimer ??= setInterval(() => void this.#check([...this.#runs.values()]), this.#settings.watchMs);
    return {
      signal: abort.signal,
      [Symbol.dispose]: () => {
        if (this.#runs.get(lease.run.id)?.abort === abort) this.#runs.delete(lease.run.id);
        if (this.#runs.size > 0) return;
        clearInterval(this.#renewTimer);
        clearInterval(this.#checkTimer);
        this.#renewTimer = this.#checkTimer = undefined;
      },
    };
  }

  /**
   * Checks a run of this process immediately, after a change notice.
   * @returns whether this process holds the lease of the run
   */
  notify(id: string): boolean {
    const held = this.#runs.get(id);
    if (held) void this.#check([held]);
    return held !== undefined;
  }

  /** Calls `work` once for each tenant, with all of its runs. */
  async #forEachTenant(held: HeldLease[], work: (runs: HeldLease[]) => Promise<void>): Promise<void> {
    const tenants = Map.groupBy(held, ({ lease }) => lease.run.tenantId);
    await Promise.all(
      [...tenants].map(([tenantId, runs]) =>
        runWithContext({ tenantId }, () => work(runs)).catch((error: unknown) =>
          this.#services.log.warn({ err: error, tenantId }, 'run lease renewal or check failed'),
        ),
      ),
    );
  }

  #check(held: HeldLease[]): Promise<void> {
    return this.#forEachTenant(held, async (runs) => {
      const now = await queryRows<{ id: string; leaseOwner: string | null; cancelled: boolean }>(
        this.#services.database,
        sql`SELECT id, lease_owner, cancel_requested_at IS NOT NULL AS cancelled FROM agent_runs
          WHERE id = ANY (${runs.map(({ lease }) => lease.run.id)}::uuid[])`,
      );
      const byId = new Map(now.map((row) => [row.id, row]));
      for (const { lease, abort } of runs) {
        const row = byId.get(lease.run.id);
        if (row?.leaseOwner !== lease.token) abort.abort(new LeaseLostError());
        else if (row.cancelled) abort.abort(new RunCancelledError());
      }
    });
  }

  #renew(): Promise<void> {
    const { database } = this.#services;
    return this.#forEachTenant([...this.#runs.values()], async (runs) => {
      await database.transaction(() =>
        queryRows(
          database,
          sql`UPDATE agent_runs r SET lease_expires_at = clock_timestamp() + ${this.#settings.leaseMs}::integer * interval '1 millisecond'
            FROM unnest(${runs.map(({ lease }) => lease.run.id)}::uuid[], ${runs.map(({ lease }) => lease.token)}::uuid[]) AS mine (id, token)
            WHERE r.id = mine.id AND r.lease_owner = mine.token AND r.status = 'RUNNING'`,
        ),
      );
    });
  }
}
