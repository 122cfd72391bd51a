/** The limits of one step. They protect against misbehaving models, in addition to the limits of the caller. */
export interface StepLimits {
  /** The time limit until the first chunk. Reasoning models send none meanwhile, and local models may have to load. */
  firstTokenMs: number;
  /** The time limit between two chunks. */
  stallMs: number;
  /** The time limit with retries and the pauses before them. */
  totalMs: number;
  maxTextBytes: number;
  maxToolCalls: number;
  /** The size limit of the arguments of one call, as JSON. */
  maxArgumentBytes: number;
  /** The size limit of the HTTP response. One token takes about 300 bytes. */
  maxAnswerBytes: number;
}

export const STEP_LIMITS: StepLimits = {
  firstTokenMs: 120_000,
  stallMs: 60_000,
  totalMs: 600_000,
  maxTextBytes: 1024 * 1024,
  maxToolCalls: 32,
  maxArgumentBytes: 256 * 1024,
  maxAnswerBytes: 32 * 1024 * 1024,
};
