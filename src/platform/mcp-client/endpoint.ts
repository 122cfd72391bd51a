import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';

/** The address and limits of an MCP server. */
export interface McpEndpoint {
  /** Connection key: tenant, server and configuration version. All other fields must be equal for equal keys. */
  key: string;
  /** No owner holds more than half of the connections. */
  owner?: string;
  transport: 'STDIO' | 'SSE' | 'STREAMABLE_HTTP';
  /** STDIO: a program in the pool's `path`, and its arguments. Runs without a shell. */
  command?: string;
  args?: readonly string[];
  /** STDIO: the program's environment, in addition to PATH and its own HOME and TMPDIR folder. */
  env?: Readonly<Record<string, string>>;
  /** SSE and STREAMABLE_HTTP. */
  url?: string;
  headers?: Readonly<Record<string, string>>;
  /** SSE and STREAMABLE_HTTP: credentials for an access token if the server requires one. */
  auth?: McpClientCredentials;
  /** Replaces `auth` with a custom token source that stores its own tokens. */
  authProvider?: McpAuthProvider;
  limits: McpEndpointLimits;
}

/** OAuth client credentials: a program authenticates as itself, without user sign-in. */
export type McpClientCredentials = {
  kind: 'client_credentials';
  /** The issuer in the authorization server's metadata. No other server receives the credentials. */
  issuer: string;
  clientId: string;
  /** Space-separated names. @default the scopes that the MCP server requests */
  scope?: string;
} & (
  | { clientSecret: string; privateKey?: never }
  /** A PKCS #8 key in PEM for `private_key_jwt`, and its signing algorithm, such as `ES256`. */
  | { privateKey: string; algorithm: string; clientSecret?: never }
);

export interface McpAuthProvider extends OAuthClientProvider {
  /** Returns the code from `redirectToAuthorization`. Without it, a server that requires user sign-in causes REFUSED. */
  authorizationCode?(): Promise<string>;
}

export interface McpEndpointLimits {
  /** Default for calls without their own timeout. */
  timeoutMs: number;
  /** STDIO: limit for the program and all its child processes together. */
  memoryMb: number;
  /** Limit for concurrent calls. Further calls queue. */
  concurrency: number;
}

/** Shorter values are words like `true`, and redacting them would garble texts. */
const MIN_SECRET_LENGTH = 6;

/** Returns the values to redact from messages and logs: headers, environment, credentials and secret URL parts. */
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
  // Includes parts: the token of `Bearer …`, a line of a private key.
  const parts = values.flatMap((value) => [value, ...value.split(/\s+/)]).filter((part) => part.length >= MIN_SECRET_LENGTH);
  return [...new Set(parts)].sort((a, b) => b.length - a.length);
}

export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text);
}
