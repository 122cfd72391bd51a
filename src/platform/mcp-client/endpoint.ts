import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';

/** Where an MCP server is and what it may take. */
export interface McpEndpoint {
  /** Who shares a connection: tenant, server and version of its configuration. Whatever else is here must be the same for the same key. */
  key: string;
  /** Whose it is: no owner holds more than half of the connections. */
  owner?: string;
  transport: 'STDIO' | 'SSE' | 'STREAMABLE_HTTP';
  /** STDIO: a program, found in the pool's `path`, and its arguments. No shell reads them. */
  command?: string;
  args?: readonly string[];
  /** STDIO: all the program gets to see beside PATH and a folder of its own. */
  env?: Readonly<Record<string, string>>;
  /** SSE and STREAMABLE_HTTP. */
  url?: string;
  headers?: Readonly<Record<string, string>>;
  /** SSE and STREAMABLE_HTTP: how to get an access token when the server asks for one. */
  auth?: McpClientCredentials;
  /** Instead of `auth`: any other way to a token. It keeps the tokens itself. */
  authProvider?: McpAuthProvider;
  limits: McpEndpointLimits;
}

/** OAuth for a program that stands for itself, with nobody to sign in. */
export type McpClientCredentials = {
  kind: 'client_credentials';
  /** The authorization server that knows the client, as its metadata names it. The credentials go nowhere else, whatever the MCP server says. */
  issuer: string;
  clientId: string;
  /** Names with spaces between. @default what the MCP server asks for */
  scope?: string;
} & (
  | { clientSecret: string; privateKey?: never }
  /** PKCS #8 in PEM, for `private_key_jwt`, and what it signs with, such as `ES256`. */
  | { privateKey: string; algorithm: string; clientSecret?: never }
);

export interface McpAuthProvider extends OAuthClientProvider {
  /** What `redirectToAuthorization` led to. Without it, a server that wants a person to sign in is REFUSED. */
  authorizationCode?(): Promise<string>;
}

export interface McpEndpointLimits {
  /** For a call that says nothing else. */
  timeoutMs: number;
  /** STDIO: what the program and all it starts may hold together. */
  memoryMb: number;
  /** Calls at a time. The others wait in line. */
  concurrency: number;
}

/** Shorter values are words like `true` or `production`: taking them out would only garble texts. */
const MIN_SECRET_LENGTH = 6;

/** What of a target must not be read in a message or a log: values of headers and of the environment, credentials, and what an address keeps secret. */
export function secretsOf({
  env = {},
  headers = {},
  url = '',
  auth,
}: Pick<McpEndpoint, 'env' | 'headers' | 'url' | 'auth'>): string[] {
  const address = URL.parse(url);
  const values = [
    ...Object.values(env),
    ...Object.values(headers),
    auth?.clientSecret ?? '',
    auth?.privateKey ?? '',
    ...(address ? [address.username, address.password, ...address.searchParams.values()] : []),
  ];
  // Parts too: the token of `Bearer …`, a line of a private key.
  const parts = values.flatMap((value) => [value, ...value.split(/\s+/)]).filter((part) => part.length >= MIN_SECRET_LENGTH);
  return [...new Set(parts)].sort((a, b) => b.length - a.length);
}

export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text);
}
