import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface TestIssuer {
  url: string;
  /** Issues a token for a subject, with the audience `agentbase`. */
  token(subject: string): Promise<string>;
}

let shared: Promise<TestIssuer> | undefined;

/** An external OIDC issuer on the loopback, one for each worker. */
export function testIssuer(): Promise<TestIssuer> {
  shared ??= start();
  return shared;
}

async function start(): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256' };
  let url = '';
  const server = createServer((request, response) => {
    const answer = request.url === '/keys' ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/keys` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    token: (subject) =>
      new SignJWT({ sub: subject })
        .setProtectedHeader({ alg: 'ES256', kid: 'test' })
        .setIssuer(url)
        .setAudience('agentbase')
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(privateKey),
  };
}
