import type { McpEndpointLimits } from '../../../platform/mcp-client/endpoint.ts';

/** The range and the default of each limit of a configuration. */
export const limitBounds = {
  timeoutMs: { least: 100, most: 300_000, default: 30_000 },
  memoryMb: { least: 32, most: 2_048, default: 512 },
  concurrency: { least: 1, most: 32, default: 4 },
} as const satisfies Record<keyof McpEndpointLimits, { least: number; most: number; default: number }>;

/** The limits of a configuration, completed by the defaults. */
export function limitsOf(limits: unknown): McpEndpointLimits {
  const given = limits as Partial<McpEndpointLimits>;
  return {
    timeoutMs: given.timeoutMs ?? limitBounds.timeoutMs.default,
    memoryMb: given.memoryMb ?? limitBounds.memoryMb.default,
    concurrency: given.concurrency ?? limitBounds.concurrency.default,
  };
}
