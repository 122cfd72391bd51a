import { type AddressPolicy, createAddressPolicy } from '../egress/address-policy.ts';
import type { Sealer } from '../encryption/sealer.ts';
import type { Logger } from '../lib/logger.ts';
import type { McpCall, McpClient } from './mcp-client.ts';

/** What a process has one of, for MCP servers. */
export interface Mcp {
  /** The connections to servers. Loaded at their first use. */
  clients(): Promise<McpClient>;
  /** None of them is open, if nobody asked for a connection yet. */
  stats(): ReturnType<McpClient['stats']>;
  /** Called after every call. Callers may replace it at any time. */
  onCall: (call: McpCall) => void;
  /** Drops a removed configuration: closes its connection when its pending calls have completed. */
  forget(key: string): void;
  /** The access tokens that were got for a configuration. */
  tokensOf(key: string): string[];
  /** Of tenants' secrets. */
  sealer: Sealer;
  /** Where tenants' servers may be. */
  policy: AddressPolicy;
  close(): Promise<void>;
}

export interface OpenMcpOptions {
  sealer: Sealer;
  /** Networks that servers may be in although they are not public. */
  allowedNetworks: readonly string[];
  idleMs: number;
  maxConnections: number;
  log: Logger;
}

/** Of a result, and of a whole list of tools. */
const MAX_RESULT_BYTES = 1024 * 1024;
const CONNECT_TIMEOUT_MS = 20_000;

/** The MCP side of a process. The protocol and its connections are loaded when the first server is called: many processes never do. */
export function openMcp({ sealer, allowedNetworks, idleMs, maxConnections, log }: OpenMcpOptions): Mcp {
  let opening: Promise<McpClient> | undefined;
  let opened: McpClient | undefined;
  let leave = async () => {};

  async function open(): Promise<McpClient> {
    const [{ createMcpClient }, { createSsrfSafeFetch }] = await Promise.all([
      import('./mcp-client.ts'),
      import('../egress/ssrf-safe-fetch.ts'),
    ]);
    const fetch = createSsrfSafeFetch({ allow: allowedNetworks });
    const limits = { idleMs, maxConnections, connectTimeoutMs: CONNECT_TIMEOUT_MS, maxResultBytes: MAX_RESULT_BYTES };
    opened = createMcpClient({ fetch, log, ...limits });
    opened.onCall = (call) => mcp.onCall(call);
    leave = () => fetch.close();
    return opened;
  }

  const mcp: Mcp = {
    clients() {
      opening ??= open();
      return opening;
    },
    stats: () => opened?.stats() ?? { connections: 0, idle: 0, running: 0, waiting: 0 },
    onCall: () => {},
    tokensOf: (key) => opened?.tokensOf(key) ?? [],
    forget: (key) => void opened?.forget(key),
    sealer,
    policy: createAddressPolicy(allowedNetworks),
    async close() {
      if (!opening) return;
      await (await opening).close();
      await leave();
    },
  };
  return mcp;
}
