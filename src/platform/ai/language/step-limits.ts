/** What one round may take. Agents have limits of their own; these hold against models that misbehave. */
export interface StepLimits {
  /** Until the first piece of an answer. Models that think say nothing meanwhile, and local ones may have to be loaded. */
  firstTokenMs: number;
  /** Between two pieces. */
  stallMs: number;
  /** With retries and the pauses before them. */
  totalMs: number;
  maxTextBytes: number;
  maxToolCalls: number;
  /** Of one call, as JSON. */
  maxArgumentBytes: number;
  /** Of one answer as it is sent. A token takes some 300 of them. */
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
