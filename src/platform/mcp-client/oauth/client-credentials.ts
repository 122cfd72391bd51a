import type { AddClientAuthentication, OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js';
import { createPrivateKeyJwtAuth } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import type { OAuthClientInformation, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { McpAuthProvider, McpClientCredentials } from '../endpoint.ts';

/** Authenticates to the one configured authorization server and stores its tokens in memory. */
export class ClientCredentials implements McpAuthProvider {
  /** This flow has no user to redirect. */
  readonly redirectUrl = undefined;
  readonly addClientAuthentication?: AddClientAuthentication;
  /** The scope to request. Defaults to the scopes in the MCP server's metadata. */
  scope: string | undefined;
  readonly #auth: McpClientCredentials;
  #tokens: OAuthTokens | undefined;
  #scopesSupported: string | undefined;

  constructor(auth: McpClientCredentials) {
    this.#auth = auth;
    const { clientId } = auth;
    if (auth.privateKey !== undefined) {
      const key = { privateKey: auth.privateKey, alg: auth.algorithm };
      this.addClientAuthentication = createPrivateKeyJwtAuth({ issuer: clientId, subject: clientId, ...key });
    }
  }

  get clientMetadata() {
    return { redirect_uris: [], grant_types: ['client_credentials'] };
  }

  clientInformation(): OAuthClientInformation {
    const { clientId, clientSecret, issuer } = this.#auth;
    return { client_id: clientId, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }), issuer };
  }

  /** Pins the issuer. Otherwise an MCP server could name its own authorization server and receive our secret. */
  discoveryState(): OAuthDiscoveryState {
    return { authorizationServerUrl: this.#auth.issuer };
  }

  saveDiscoveryState({ resourceMetadata }: OAuthDiscoveryState): void {
    this.#scopesSupported = resourceMetadata?.scopes_supported?.join(' ');
  }

  prepareTokenRequest(): URLSearchParams {
    const scope = this.scope ?? this.#scopesSupported;
    return new URLSearchParams({ grant_type: 'client_credentials', ...(scope ? { scope } : {}) });
  }

  tokens(): OAuthTokens | undefined {
    return this.#tokens;
  }

  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
  }

  redirectToAuthorization(): never {
    throw noUserInteraction();
  }

  saveCodeVerifier(): never {
    throw noUserInteraction();
  }

  codeVerifier(): never {
    throw noUserInteraction();
  }
}

function noUserInteraction(): Error {
  return new Error('The client credentials grant has no user interaction.');
}
