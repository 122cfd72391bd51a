/** Settings of the execution of runs in a worker. */
export interface RunSettings {
  /** Duration of a lease without renewal, in milliseconds. */
  leaseMs: number;
  /** Interval of renewals in milliseconds, at most a third of `leaseMs`. */
  renewMs: number;
  /** Interval of checks for cancellations whose notice was lost, in milliseconds. */
  watchMs: number;
  /** Maximum number of concurrent tool calls of one run. */
  maxParallelTools: number;
  /** Time limit of one tool call in milliseconds. MCP servers may have a lower one. */
  toolTimeoutMs: number;
  /** Maximum size of the transcript in the prompt, in estimated tokens. */
  transcriptTokens: number;
}

export const RUN_SETTINGS: RunSettings = {
  leaseMs: 6_000,
  renewMs: 2_000,
  watchMs: 1_000,
  maxParallelTools: 4,
  toolTimeoutMs: 60_000,
  transcriptTokens: 32_000,
};

/** Maximum number of tool calls in one step. */
export const MAX_CALLS_PER_STEP = 32;
/** Maximum number of queued runs of one conversation. */
export const MAX_WAITING = 100;
/** Number of consecutive steps with only failed tool calls after which a run fails. */
export const MAX_FAILING_STEPS = 3;
