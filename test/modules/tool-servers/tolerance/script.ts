/** What a scripted server answers, by method: the result, or the whole message. */
export interface Script {
  [method: string]: Answer;
}

export type Answer =
  | { result: unknown }
  /** The result by the cursor of the request. `*` stands for any other. */
  | { pages: Record<string, unknown> }
  /** `$id` in the text stands for the id of the request. */
  | { text: string };

interface Message {
  id?: number;
  method?: string;
  params?: { protocolVersion?: string; cursor?: unknown };
}

/** Lists one tool, `act`, that any refresh of a new server approves. */
export const LISTS_ACT = { result: { tools: [{ name: 'act', inputSchema: { type: 'object' } }] } };

/** The JSON text that answers a message, or undefined for one without an answer. */
export function answerTo(script: Script, { id, method = '', params }: Message): string | undefined {
  if (id === undefined) return undefined;
  const answer = script[method] ?? defaultAnswer(method, params);
  if (!answer) return JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } });
  if ('text' in answer) return answer.text.replaceAll('$id', String(id));
  return JSON.stringify({ jsonrpc: '2.0', id, result: 'pages' in answer ? pageOf(answer.pages, params?.cursor) : answer.result });
}

function pageOf(pages: Record<string, unknown>, cursor: unknown): unknown {
  return pages[String(cursor ?? 'first')] ?? pages['*'];
}

function defaultAnswer(method: string, params: Message['params']): Answer | undefined {
  if (method === 'tools/list') return LISTS_ACT;
  if (method === 'resources/list') return { result: { resources: [] } };
  if (method !== 'initialize') return undefined;
  const capabilities = { tools: {}, resources: {} };
  return { result: { protocolVersion: params?.protocolVersion, capabilities, serverInfo: { name: 'scripted', version: '1' } } };
}
