import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { LeaseLostError, RunCancelledError } from '../errors.ts';
import type { RunServices } from '../services.ts';
import type { RunSettings } from '../settings.ts';
import type { RunLease } from './run-lease.ts';

interface HeldLease {
  claim: RunLease;
  abort: AbortController;
}

/** Keeps the leases of the runs of this process, and hears of those that somebody wants stopped. */
export class LeaseKeeper {
  readonly #services: RunServices;
  readonly #settings: RunSettings;
  readonly #runs = new Map<string, HeldLease>();
  #renewing: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;

  constructor(services: RunServices, settings: RunSettings) {
    this.#services = services;
    this.#settings = settings;
  }

  /** @returns aborts with RunCancelledError or LostRunError; disposing of it ends the watch */
  hold(claim: RunLease): { signal: AbortSignal; [Symbol.dispose](): void } {
    const abort = new AbortController();
    this.#runs.set(claim.run.id, { claim, abort });
    this.#renewing ??= setInterval(() => void this.#renew(), this.#settings.renewMs);
    this.#looking ??= setInterval(() => void this.#look([...this.#runs.values()]), this.#settings.watchMs);
    return {
      signal: abort.signal,
      [Symbol.dispose]: () => {
        if (this.#runs.get(claim.run.id)?.abort === abort) this.#runs.delete(claim.run.id);
        if (this.#runs.size > 0) return;
        clearInterval(this.#renewing);
        clearInterval(this.#looking);
        this.#renewing = this.#looking = undefined;
      },
    };
  }

  /**
   * Something happened to a run: looks at once, if it is one of this process.
   * @returns whether it is
   */
  notify(id: string): boolean {
    const watched = this.#runs.get(id);
    if (watched) void this.#look([watched]);
    return watched !== undefined;
  }

  /** One statement for all runs of a tenant. */
  async #ofTenants(watched: HeldLease[], work: (runs: HeldLease[]) => Promise<void>): Promise<void> {
    const tenants = Map.groupBy(watched, ({ claim }) => claim.run.tenantId);
    await Promise.all(
      [...tenants].map(([tenantId, runs]) =>
        runWithContext({ tenantId }, () => work(runs)).catch((error: unknown) =>
          this.#services.log.warn({ err: error, tenantId }, 'runs could not be looked after'),
        ),
      ),
    );
  }

  #look(watched: HeldLease[]): Promise<void> {
    return this.#ofTenants(watched, async (runs) => {
      const now = await queryRows<{ id: string; leaseOwner: string | null; cancelled: boolean }>(
        this.#services.database,
        sql`SELECT id, lease_owner, cancel_requested_at IS NOT NULL AS cancelled FROM agent_runs
          WHERE id = ANY (${runs.map(({ claim }) => claim.run.id)}::uuid[])`,
      );
      const byId = new Map(now.map((row) => [row.id, row]));
      for (const { claim, abort } of runs) {
        const row = byId.get(claim.run.id);
        if (row?.leaseOwner !== claim.token) abort.abort(new LeaseLostError());
        else if (row.cancelled) abort.abort(new RunCancelledError());
      }
    });
  }

  #renew(): Promise<void> {
    const { database } = this.#services;
    return this.#ofTenants([...this.#runs.values()], async (runs) => {
      await database.transaction(() =>
        queryRows(
          database,
          sql`UPDATE agent_runs r SET lease_expires_at = clock_timestamp() + ${this.#settings.leaseMs}::integer * interval '1 millisecond'
            FROM unnest(${runs.map(({ claim }) => claim.run.id)}::uuid[], ${runs.map(({ claim }) => claim.token)}::uuid[]) AS mine (id, token)
            WHERE r.id = mine.id AND r.lease_owner = mine.token AND r.status = 'RUNNING'`,
        ),
      );
    });
  }
}
