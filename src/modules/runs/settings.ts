/** How a worker carries out runs. */
export interface RunSettings {
  /** How long a run stays a worker's that says nothing, in milliseconds. */
  leaseMs: number;
  /** How often a worker says that it lives: well within the lease. */
  renewMs: number;
  /** How long a cancellation may go unnoticed whose hint was lost. */
  watchMs: number;
  /** Tool calls of one run at a time. */
  maxParallelTools: number;
  /** Longest time of one tool call. MCP servers may have a shorter one of their own. */
  toolTimeoutMs: number;
  /** How much of a conversation the model is given, in tokens, estimated. */
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

/** What holds of every run, whoever carries it out. */
export const MAX_CALLS_PER_STEP = 32;
/** Runs of one conversation that wait for their turn. */
export const MAX_WAITING = 100;
/** Rounds of nothing but failed calls after which a model is taken to have lost its way. */
export const MAX_FAILING_STEPS = 3;
