import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

/** The results that a client of the server receives. */
export interface WireResult {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions?: Record<string, unknown> }[];
}

export interface Watch {
  url: string;
  credential: string;
  query: string;
  variables: Record<string, unknown>;
  /** Closes the connection without a protocol message. */
  signal: AbortSignal;
  onResult: (result: WireResult) => void;
}

/** Reads a subscription until it ends, and rejects when the connection breaks. */
export type Watcher = (watch: Watch) => Promise<void>;

export async function post(url: string, credential: string | undefined, query: string, variables = {}): Promise<WireResult> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(credential ? { authorization: `Bearer ${credential}` } : {}) },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(10_000),
  });
  return (await response.json()) as WireResult;
}

export const watchOverSse: Watcher = async ({ url, credential, query, variables, signal, onResult }) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${credential}` },
    body: JSON.stringify({ query, variables }),
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
  let pending = '';
  let complete = false;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (pending + chunk).split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (/^event: complete$/m.test(block)) complete = true;
      else if (data && !signal.aborted) onResult(JSON.parse(data) as WireResult);
    }
  }
  if (!complete) throw new Error('the connection broke');
};

export const watchOverWebSocket: Watcher = ({ url, credential, query, variables, signal, onResult }) =>
  new Promise((resolve, reject) => {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${credential}` },
      retryAttempts: 0,
      lazy: true,
    });
    const hangUp = () => {
      client.terminate();
      reject(new Error('hung up'));
    };
    if (signal.aborted) return hangUp();
    signal.addEventListener('abort', hangUp, { once: true });
    client.subscribe<Record<string, unknown>>(
      { query, variables },
      {
        next: (result) => {
          if (!signal.aborted) onResult(result as WireResult);
        },
        error: (cause) => {
          // A rejected operation yields a list of errors, a broken connection another value.
          if (Array.isArray(cause)) onResult({ errors: cause });
          reject(new Error('the subscription failed', { cause }));
        },
        complete: () => {
          signal.removeEventListener('abort', hangUp);
          void client.dispose();
          resolve();
        },
      },
    );
  });
