import { Gauge, Histogram, type Registry } from 'prom-client';
import type { RunMetrics } from './run-metrics.ts';

/** Registers the metrics of runs. They have no labels for agents and tools, whose number is unbounded. */
export function registerRunMetrics(meter: RunMetrics, registry: Registry): void {
  const registers = [registry];
  const runs = new Histogram({
    name: 'agentbase_run_seconds',
    help: 'Duration of runs that this process ended, from creation to the end, including the wait in the queue and for approvals.',
    labelNames: ['status'],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
    registers,
  });
  const toolCalls = new Histogram({
    name: 'agentbase_tool_call_seconds',
    help: 'Execution time of tool calls.',
    labelNames: ['source', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  new Gauge({
    name: 'agentbase_runs_in_progress',
    help: 'Runs that this process executes now.',
    registers,
    collect() {
      this.set(meter.inProgress);
    },
  });
  meter.onRun = ({ status, seconds }) => runs.observe({ status }, seconds);
  meter.onToolCall = ({ source, outcome, seconds }) => toolCalls.observe({ source, outcome }, seconds);
}
