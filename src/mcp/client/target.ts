/** Where an MCP server is and what it may take. */
export interface McpTarget {
  /** Who shares a connection: tenant, server and version of its configuration. Whatever else is here must be the same for the same key. */
  key: string;
  transport: 'STDIO' | 'SSE' | 'STREAMABLE_HTTP';
  /** STDIO: a program, found in the pool's `path`, and its arguments. No shell reads them. */
  command?: string;
  args?: readonly string[];
  /** STDIO: all the program gets to see beside PATH and a folder of its own. */
  env?: Readonly<Record<string, string>>;
  /** SSE and STREAMABLE_HTTP. */
  url?: string;
  headers?: Readonly<Record<string, string>>;
  limits: McpLimits;
}

export interface McpLimits {
  /** For a call that says nothing else. */
  timeoutMs: number;
  /** STDIO: what the program and all it starts may hold together. */
  memoryMb: number;
  /** Calls at a time. The others wait in line. */
  concurrency: number;
}

/** Shorter values are words like `true` or `production`: taking them out would only garble texts. */
const SHORTEST_SECRET = 6;

/** What of a target must not be read in a message or a log: values of headers and of the environment, and what an address keeps secret. */
export function secretsOf({ env = {}, headers = {}, url = '' }: Pick<McpTarget, 'env' | 'headers' | 'url'>): string[] {
  const address = URL.parse(url);
  const values = [
    ...Object.values(env),
    ...Object.values(headers),
    ...(address ? [address.username, address.password, ...address.searchParams.values()] : []),
  ];
  // Parts too: the token of `Bearer …`, a line of a private key.
  const parts = values.flatMap((value) => [value, ...value.split(/\s+/)]).filter((part) => part.length >= SHORTEST_SECRET);
  return [...new Set(parts)].sort((a, b) => b.length - a.length);
}

export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text);
}
