export interface EndedRun {
  status: 'COMPLETED' | 'FAILED' | 'CANCELLED';
  /** From when it was asked for. */
  seconds: number;
}

export interface EndedToolCall {
  source: 'BUILT_IN' | 'KNOWLEDGE' | 'MCP' | 'UNKNOWN';
  outcome: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'INTERRUPTED' | 'CANCELLED';
  /** At work, without what it waited for people. */
  seconds: number;
}

/** What a process tells of the runs of agents, once it is committed. Its functions may be replaced at any time. */
export interface RunMetrics {
  /** Runs that this process carries out now. */
  inProgress: number;
  onRun: (run: EndedRun) => void;
  onToolCall: (call: EndedToolCall) => void;
}

export function createRunMetrics(): RunMetrics {
  return { inProgress: 0, onRun: () => {}, onToolCall: () => {} };
}
