import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from '../../lib/logger.ts';
import { type McpEndpoint, redact, secretsOf } from '../endpoint.ts';
import { McpCallError } from '../errors.ts';
import { FixedWindowCounter } from '../fixed-window-counter.ts';
import { readMessages } from '../reading/read-message.ts';
import { LineSplitter } from './line-splitter.ts';
import { limitMemory } from './memory-limit.ts';
import type { MonitoredTransport } from './monitored-transport.ts';
import { ServerProcess } from './server-process.ts';

export interface StdioOptions {
  log: Logger;
  path: string;
  maxMessageBytes: number;
}

/** Limit for buffered input that the server has not read. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** Some programs log to standard output. A connection may have as many messages in this time, and a program may log a line for each. */
const MAX_STRAY_LINES = 10_000;
const STRAY_WINDOW_MS = 10_000;
const MAX_STDERR_LINES = 200;
const MAX_STDERR_LINE_LENGTH = 4_096;

/**
 * Exchanges messages with a program over its standard streams. Replaces the SDK's transport, which passes on part of
 * our environment, limits neither memory nor unread input, and does not stop the program's child processes.
 */
export class StdioTransport implements MonitoredTransport, Transport {
  onFailure = (_: McpCallError) => {};
  onStale = () => {};
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #target: McpEndpoint;
  readonly #options: StdioOptions;
  #starting: Promise<ServerProcess> | undefined;
  #server: ServerProcess | undefined;
  #closing: Promise<void> | undefined;
  #forgetMemory = () => {};
  readonly #strayLines = new FixedWindowCounter(MAX_STRAY_LINES, STRAY_WINDOW_MS);
  #hasStrayLines = false;

  constructor(target: McpEndpoint, options: StdioOptions) {
    this.#target = target;
    this.#options = options;
  }

  get transport(): Transport {
    return this;
  }

  async start(): Promise<void> {
    this.#starting = ServerProcess.start(this.#target, this.#options.path);
    const server = await this.#starting;
    if (this.#closing) return;
    this.#server = server;
    const { child, pid } = server;
    const { memoryMb } = this.#target.limits;
    this.#forgetMemory = limitMemory(pid, memoryMb, () =>
      this.#fail('CRASHED', `The MCP server exceeded its memory limit of ${memoryMb} MB and was stopped.`),
    );
    this.#readMessages(server);
    this.#readStderr(server);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', (error) => this.onerror?.(error));
    // On `close`, the pipe contains no more responses.
    child.once('close', (code, signal) =>
      this.#fail('CRASHED', `The MCP server exited unexpectedly (${signal ?? `exit code ${code}`}).`),
    );
  }

  send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#server?.child.stdin;
    if (!stdin?.writable) return Promise.reject(new McpCallError('CRASHED', 'The MCP server has exited.'));
    if (stdin.writableLength > MAX_UNREAD_BYTES) {
      this.#fail('PROTOCOL', 'The MCP server does not read its standard input and was stopped.');
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#forgetMemory();
    this.onclose?.();
    const server = await this.#starting?.catch(() => undefined);
    await server?.stop();
  }

  #fail(code: McpCallError['code'], message: string): void {
    if (this.#closing) return;
    this.onFailure(new McpCallError(code, message));
    // Kills without a grace period: the server has exited or causes harm.
    void this.#server?.stop({ now: true });
    void this.close();
  }

  #readMessages({ child }: ServerProcess): void {
    const { maxMessageBytes } = this.#options;
    const lines = new LineSplitter(maxMessageBytes);
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.#closing) return;
      const messages = lines.push(chunk);
      if (!messages) {
        this.#fail('TOO_LARGE', `The MCP server wrote a message of more than ${maxMessageBytes} bytes and was stopped.`);
        return;
      }
      void this.#readAll(messages);
    });
  }

  /**
   * Yields between messages. The SDK handles a notification one turn later and drops a request's progress handler
   * when the response arrives.
   */
  async #readAll(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      this.#read(line);
      await undefined;
    }
  }

  #read(line: string): void {
    if (this.#closing) return;
    const messages = readLine(line);
    if (messages) {
      for (const message of messages) if (!this.#closing) this.onmessage?.(message);
      return;
    }
    const { key } = this.#target;
    if (!this.#hasStrayLines) this.#options.log.info({ mcp: key }, 'MCP server writes non-MCP output to standard output');
    this.#hasStrayLines = true;
    if (this.#strayLines.add()) {
      this.#fail('PROTOCOL', 'The MCP server writes text that is not MCP to its standard output and was stopped.');
    }
  }

  /** Logs stderr at debug level, up to MAX_STDERR_LINES lines. */
  #readStderr({ child }: ServerProcess): void {
    const { log } = this.#options;
    const secrets = secretsOf(this.#target);
    const lines = new LineSplitter(MAX_STDERR_LINE_LENGTH);
    let left = log.isLevelEnabled('debug') ? MAX_STDERR_LINES : 0;
    child.stderr.on('data', (chunk: Buffer) => {
      if (left === 0) return;
      const complaints = lines.push(chunk)?.slice(0, left);
      for (const line of complaints ?? []) log.debug({ mcp: this.#target.key, stderr: redact(line, secrets) }, 'MCP server');
      left = complaints ? left - complaints.length : 0;
    });
  }
}

/** Also reads a message after the beginning of a line, which a program has printed without a line end. */
function readLine(line: string): JSONRPCMessage[] | undefined {
  const start = line.indexOf('{"jsonrpc"');
  return readMessages(line) ?? (start > 0 ? readMessages(line.slice(start)) : undefined);
}
