export interface EndedRun {
  status: 'COMPLETED' | 'FAILED' | 'CANCELLED';
  /** Time from creation to the end, including waiting. */
  seconds: number;
}

export interface EndedToolCall {
  source: 'BUILT_IN' | 'KNOWLEDGE' | 'MCP' | 'UNKNOWN';
  outcome: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'INTERRUPTED' | 'CANCELLED';
  /** Time of the execution, without waiting for approval. */
  seconds: number;
}

/** Receives measurements of runs after the commit. `registerRunMetrics` replaces its functions. */
export interface RunMetrics {
  /** Number of runs that this process executes now. */
  inProgress: number;
  onRun: (run: EndedRun) => void;
  onToolCall: (call: EndedToolCall) => void;
}

export function createRunMetrics(): RunMetrics {
  return { inProgress: 0, onRun: () => {}, onToolCall: () => {} };
}
