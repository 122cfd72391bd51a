import { Gauge, Histogram, type Registry } from 'prom-client';
import type { Mcp } from '../../platform/mcp-client/mcp.ts';

/** Counts requests to MCP servers. Servers and tools are no labels, because tenants choose their names. */
export function registerMcpMetrics(mcp: Mcp, registry: Registry): void {
  const registers = [registry];
  const calls = new Histogram({
    name: 'agentbase_mcp_call_seconds',
    help: 'Duration of calls to MCP servers, including the wait for a connection.',
    labelNames: ['operation', 'transport', 'outcome'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  });
  new Gauge({
    name: 'agentbase_mcp',
    help: 'Open and idle connections to MCP servers, and running and waiting calls.',
    labelNames: ['what'],
    registers,
    collect() {
      for (const [what, count] of Object.entries(mcp.stats())) this.set({ what }, count);
    },
  });
  mcp.onCall = ({ operation, transport, outcome, seconds }) => calls.observe({ operation, transport, outcome }, seconds);
}
