import type { Message, ToolCall } from '../../../generated/prisma/client.ts';
import type { ToolImage } from '../../../platform/ai/language/language-model.ts';
import { splitReasoning } from '../../../platform/ai/language/think-tags.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import { type Step, type StepToolCall, type StepToolResult, toolResultOf } from './steps.ts';

/** One message of a prompt. */
export type Turn =
  | { role: 'user'; text: string }
  | { role: 'assistant'; text: string; toolCalls: StepToolCall[] }
  | { role: 'tool'; results: StepToolResult[] };

export interface Transcript {
  /** The agent's system prompt, the conversation's context, and its system messages. */
  instructions: string;
  /** Earlier messages of the conversation. */
  history: Turn[];
  /** The input of the run. */
  input: Turn;
}

type StoredMessage = Pick<Message, 'role' | 'content' | 'toolCalls' | 'toolResults' | 'sequence'>;

/** Maximum number of messages that are read. */
const MAX_MESSAGES = 400;
const CHARACTERS_OF_A_TOKEN = 4;

/** Returns the part of the prompt that precedes the run's own steps. */
export async function readTranscript(services: RunServices, lease: RunLease): Promise<Transcript> {
  const { prisma } = services;
  const { run, agent } = lease;
  const input = (run.input as { text?: unknown }).text;
  const own: Turn = { role: 'user', text: typeof input === 'string' ? input : JSON.stringify(run.input) };
  const instructions = [agent.systemPrompt ?? ''];
  if (run.conversationId === null) return { instructions: joined(instructions), history: [], input: own };
  const conversation = await prisma.conversation.findFirst({ where: { id: run.conversationId }, select: { context: true } });
  const context = conversation?.context ?? {};
  if (Object.keys(context).length > 0) instructions.push(`Context of this conversation:\n${JSON.stringify(context)}`);
  const messages = await readMessages(services, lease);
  instructions.push(...messages.filter(({ role }) => role === 'SYSTEM').map(({ content }) => content));
  const history = paired(newest(messages.flatMap(turnOf), historyTokens(lease)));
  return { instructions: joined(instructions), history, input: own };
}

function historyTokens({ agent, settings }: RunLease): number {
  return agent.contextTokens ?? settings.transcriptTokens;
}

function joined(parts: string[]): string {
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('\n\n');
}

/**
 * The newest messages, without the run's own and without those that queued runs will answer. Messages of a run follow the message that
 * it answered, although users may have sent others in between.
 */
async function readMessages({ database }: RunServices, lease: RunLease): Promise<StoredMessage[]> {
  const { run } = lease;
  // A character has at most 4 bytes.
  const bytes = historyTokens(lease) * CHARACTERS_OF_A_TOKEN * 4;
  const found = await queryRows<StoredMessage & { thread: number }>(
    database,
    sql`SELECT role, content, tool_calls, tool_results, sequence, thread FROM (SELECT newest.*, sum(octet_length(content) +
        coalesce(octet_length(tool_calls::text), 0) + coalesce(octet_length(tool_results::text), 0)) OVER (ORDER BY sequence DESC) AS bytes FROM (
      SELECT m.role, m.content, m.tool_calls, m.tool_results, m.sequence, coalesce(answered.sequence, m.sequence) AS thread
      FROM messages m
        LEFT JOIN agent_runs writer ON writer.tenant_id = m.tenant_id AND writer.id = m.run_id
        LEFT JOIN messages answered ON answered.tenant_id = writer.tenant_id AND answered.id = writer.message_id
      WHERE m.conversation_id = ${run.conversationId}::uuid AND m.run_id IS DISTINCT FROM ${run.id}::uuid
        AND m.id IS DISTINCT FROM ${run.messageId}::uuid
        AND NOT EXISTS (SELECT FROM agent_runs q WHERE q.conversation_id = m.conversation_id AND q.message_id = m.id AND q.status = 'QUEUED')
      ORDER BY m.sequence DESC LIMIT ${MAX_MESSAGES}) newest) sized WHERE bytes <= ${bytes}::bigint ORDER BY sequence`,
  );
  return found.sort((one, other) => one.thread - other.thread || one.sequence - other.sequence);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Clients may append messages of any shape: malformed tool calls and results are skipped. */
function turnOf({ role, content, toolCalls, toolResults }: StoredMessage): Turn[] {
  if (role === 'USER') return content === '' ? [] : [{ role: 'user', text: content }];
  if (role === 'ASSISTANT') {
    const calls = (Array.isArray(toolCalls) ? toolCalls : []).flatMap((call): StepToolCall[] => {
      if (!isObject(call) || typeof call.id !== 'string' || typeof call.name !== 'string') return [];
      return [{ id: call.id, name: call.name, arguments: isObject(call.arguments) ? call.arguments : {} }];
    });
    const { text } = splitReasoning(content);
    return text === '' && calls.length === 0 ? [] : [{ role: 'assistant', text, toolCalls: calls }];
  }
  if (role !== 'TOOL') return [];
  const results = (Array.isArray(toolResults) ? toolResults : []).flatMap((result): StepToolResult[] => {
    if (!isObject(result) || typeof result.toolCallId !== 'string') return [];
    const { toolCallId, output = null, error } = result;
    const name = typeof result.name === 'string' ? result.name : '';
    return [{ toolCallId, name, output, error: error == null ? null : String(error) }];
  });
  return results.length === 0 ? [] : [{ role: 'tool', results }];
}

function sizeOf(turn: Turn): number {
  return JSON.stringify(turn).length / CHARACTERS_OF_A_TOKEN;
}

/** As many of the newest turns as fit, starting with a user's turn. */
function newest(turns: Turn[], tokens: number): Turn[] {
  let left = tokens;
  let first = turns.length;
  while (first > 0 && left >= sizeOf(turns[first - 1] as Turn)) {
    first--;
    left -= sizeOf(turns[first] as Turn);
  }
  const selected = turns.slice(first);
  const start = selected.findIndex(({ role }) => role === 'user');
  return start < 0 ? [] : selected.slice(start);
}

/** Providers reject calls without results and results without calls: adds an error for missing results and drops the others. */
function paired(turns: Turn[]): Turn[] {
  return turns.flatMap((turn, index): Turn[] => {
    if (turn.role === 'tool') return [];
    if (turn.role !== 'assistant' || turn.toolCalls.length === 0) return [turn];
    const following = turns.slice(index + 1);
    const until = following.findIndex(({ role }) => role !== 'tool');
    const given = (until < 0 ? following : following.slice(0, until)).flatMap((next) =>
      next.role === 'tool' ? next.results : [],
    );
    const results = turn.toolCalls.map(({ id, name }): StepToolResult => {
      const result = given.find(({ toolCallId }) => toolCallId === id);
      return result
        ? { ...result, name }
        : { toolCallId: id, name, output: null, error: 'The result of this call is not available.' };
    });
    return [turn, { role: 'tool', results }];
  });
}

/** The turns that a step adds to the prompt. */
export function turnsOfStep({ text, requested, calls }: Step): Turn[] {
  if (calls.length === 0) return [{ role: 'assistant', text, toolCalls: [] }];
  return [
    { role: 'assistant', text, toolCalls: requested },
    { role: 'tool', results: calls.map((call) => ({ ...toolResultOf(call), ...imagesOf(call) })) },
  ];
}

function imagesOf({ images }: Pick<ToolCall, 'images'>): Pick<StepToolResult, 'images'> {
  const given = images as unknown as ToolImage[];
  return given.length > 0 ? { images: given } : {};
}
