import type { OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthClientInformationMixed, OAuthClientMetadata, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { SsrfSafeFetch } from '../../../src/platform/egress/ssrf-safe-fetch.ts';
import type { McpAuthProvider } from '../../../src/platform/mcp-client/endpoint.ts';

const REDIRECT_URL = 'http://localhost:3000/callback';

/** Signs in without a browser at an authorization server that redirects at once. */
export class SignedInProvider implements McpAuthProvider {
  readonly redirectUrl: string | undefined = REDIRECT_URL;
  readonly clientMetadataUrl?: string;
  readonly #fetch: SsrfSafeFetch;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';
  #state = '';
  #code = '';

  constructor(fetch: SsrfSafeFetch, client?: OAuthClientInformationMixed, clientMetadataUrl?: string) {
    this.#fetch = fetch;
    this.#client = client;
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl;
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: 'agentbase conformance',
      redirect_uris: [REDIRECT_URL],
      grant_types: ['authorization_code', 'refresh_token'],
    };
  }

  state(): string {
    this.#state = crypto.randomUUID();
    return this.#state;
  }

  clientInformation() {
    return this.#client;
  }

  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client;
  }

  tokens() {
    return this.#tokens;
  }

  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  async redirectToAuthorization(url: URL): Promise<void> {
    const response = await this.#fetch(url, { redirect: 'manual' });
    await response.body?.cancel();
    const { searchParams } = new URL(response.headers.get('location') ?? '');
    if (searchParams.get('state') !== this.#state) throw new Error('The state of the redirect does not match the request.');
    this.#code = searchParams.get('code') ?? '';
  }

  async authorizationCode(): Promise<string> {
    return this.#code;
  }
}

/** A user who signed in at an identity provider. Exchanges the ID token for a grant, and the grant for an access token. */
export class CrossAppProvider extends SignedInProvider {
  override readonly redirectUrl = undefined;
  readonly #identityProviderFetch: SsrfSafeFetch;
  readonly #context: Record<string, string>;
  #discovered: OAuthDiscoveryState | undefined;

  constructor(fetch: SsrfSafeFetch, context: Record<string, string>) {
    super(fetch, { client_id: context.client_id ?? '', client_secret: context.client_secret ?? '' });
    this.#identityProviderFetch = fetch;
    this.#context = context;
  }

  saveDiscoveryState(discovered: OAuthDiscoveryState): void {
    this.#discovered = discovered;
  }

  async prepareTokenRequest(): Promise<URLSearchParams> {
    const { idp_id_token = '', idp_client_id = '', idp_token_endpoint = '' } = this.#context;
    const { authorizationServerMetadata, resourceMetadata } = this.#discovered ?? {};
    const response = await this.#identityProviderFetch(idp_token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
        audience: authorizationServerMetadata?.issuer ?? '',
        resource: resourceMetadata?.resource ?? '',
        subject_token: idp_id_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        client_id: idp_client_id,
      }),
    });
    const { access_token: assertion } = (await response.json()) as { access_token: string };
    return new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
  }
}
