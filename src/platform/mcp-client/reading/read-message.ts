import { type JSONRPCMessage, JSONRPCMessageSchema, type RequestId } from '@modelcontextprotocol/sdk/types.js';
import { isObject, type JsonObject, objectOf, parseJson, withoutNulls } from './json-values.ts';

const INTERNAL_ERROR = -32603;

/**
 * Reads the messages in a text of a server, and repairs members that the SDK would reject with the whole message: null for an absent
 * member, both `result` and `error`, unknown members, a batch. Undefined if the text contains no message.
 * @param answerTo the request to which an answer without an id belongs
 */
export function readMessages(text: string, answerTo?: RequestId): JSONRPCMessage[] | undefined {
  const value = parseJson(text);
  const messages = (Array.isArray(value) ? value : [value]).flatMap((one) => readMessage(one, answerTo) ?? []);
  return messages.length > 0 ? messages : undefined;
}

function readMessage(value: unknown, answerTo: RequestId | undefined): JSONRPCMessage | undefined {
  if (!isObject(value)) return undefined;
  const repaired = typeof value.method === 'string' ? repairCall(value) : repairAnswer(value, answerTo);
  return repaired && JSONRPCMessageSchema.safeParse(repaired).data;
}

/** Repairs a request or notification. */
function repairCall({ jsonrpc, id, method, params }: JsonObject): JsonObject | undefined {
  // Log lines in JSON often have a method.
  if (jsonrpc !== '2.0') return undefined;
  return {
    jsonrpc,
    ...(id === undefined || id === null ? {} : { id }),
    method,
    ...(isObject(params) ? { params: withoutNulls(withMeta(params)) } : {}),
  };
}

function repairAnswer(answer: JsonObject, answerTo: RequestId | undefined): JsonObject | undefined {
  const { jsonrpc, result, error } = answer;
  const id = answer.id ?? answerTo;
  const isAnswer = 'result' in answer || 'error' in answer;
  if (id === undefined || (jsonrpc !== '2.0' && !isAnswer)) return undefined;
  const about = { jsonrpc: '2.0', id };
  if (error && !(isObject(result) && isEmpty(error))) return { ...about, error: repairError(error) };
  if (!isAnswer) return { ...about, error: { code: INTERNAL_ERROR, message: 'The answer has neither a result nor an error.' } };
  return { ...about, result: isObject(result) ? withMeta(result) : result === null ? {} : { toolResult: result } };
}

function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function repairError(error: unknown): JsonObject {
  const { code, message, data } = isObject(error) ? error : { code: undefined, message: error, data: undefined };
  return {
    code: Number.isSafeInteger(Number(code ?? Number.NaN)) ? Number(code) : INTERNAL_ERROR,
    message: typeof message === 'string' ? message : JSON.stringify(message ?? 'no message'),
    ...(data === undefined || data === null ? {} : { data }),
  };
}

/** Keeps `_meta` only if it is an object, without its null members. */
function withMeta({ _meta, ...rest }: JsonObject): JsonObject {
  const meta = objectOf(_meta);
  return meta ? { ...rest, _meta: withoutNulls(meta) } : rest;
}
