import { type AddressPolicy, createAddressPolicy } from '../egress/address-policy.ts';
import type { Sealer } from '../encryption/sealer.ts';
import type { Logger } from '../lib/logger.ts';
import type { McpCall, McpClient } from './mcp-client.ts';

/** The per-process singletons for MCP servers. */
export interface Mcp {
  /** Returns the client. The first call loads its modules. */
  clients(): Promise<McpClient>;
  /** Reports zero connections before the first use of the client. */
  stats(): ReturnType<McpClient['stats']>;
  /** Called after every call. Callers may replace it at any time. */
  onCall: (call: McpCall) => void;
  /** Drops a removed configuration: closes its connection when its pending calls have completed. */
  forget(key: string): void;
  /** Returns the access tokens of a configuration. */
  tokensOf(key: string): string[];
  /** Seals tenants' secrets. */
  sealer: Sealer;
  /** Restricts the addresses of tenants' servers. */
  policy: AddressPolicy;
  close(): Promise<void>;
}

export interface OpenMcpOptions {
  sealer: Sealer;
  /** Non-public networks that servers may be in. */
  allowedNetworks: readonly string[];
  idleMs: number;
  maxConnections: number;
  log: Logger;
}

/** Limit per result and per complete tool list. */
const MAX_RESULT_BYTES = 1024 * 1024;
const CONNECT_TIMEOUT_MS = 20_000;

/** Creates the MCP part of a process. The first call loads the protocol modules, because many processes never call. */
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
