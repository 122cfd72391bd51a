import { EventEmitter } from 'node:events';
import pg from 'pg';
import { connectionOf } from './pg-internals.ts';
import { PipelinedQuery, type PipelineResult } from './pipelined-query.ts';

/** A protocol message: type letter, length, body. */
function message(letter: string, ...body: (string | Buffer)[]): Buffer {
  const content = Buffer.concat(body.map((part) => Buffer.from(part)));
  const head = Buffer.from(`${letter}....`);
  head.writeUInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const TEXT_OID = 25;
const READY = message('Z', 'I');
const BOUND = message('2');
const PARSED = message('1');
const CONTEXT_DONE = [BOUND, message('C', 'SELECT 0\0')];
const DESCRIBED = message('T', int16(1), 'some_value\0', int32(0), int16(0), int32(TEXT_OID), int16(-1), int32(-1), int16(0));
const ROW_DONE = [message('D', int16(1), int32(5), 'value'), message('C', 'SELECT 1\0')];
const FAILED = message('E', 'SERROR\0', 'C22012\0', 'Mdivision by zero\0', '\0');

/** A socket without a server. Records writes and emits responses synchronously, so that the check is synchronous. */
class ScriptedStream extends EventEmitter {
  readonly writable = true;
  written: Buffer[] = [];

  connect(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}
  write(chunk: Buffer): boolean {
    this.written.push(Buffer.from(chunk));
    return true;
  }
}

function expectEqual(what: string, actual: unknown, expected: unknown): void {
  const [found, expectedText] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== expectedText) throw new Error(`${what}: ${found} instead of ${expectedText}`);
}

function lettersOf(bytes: Buffer): string {
  let letters = '';
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) letters += String.fromCharCode(bytes[at] ?? 0);
  return letters;
}

function verify(): void {
  const stream = new ScriptedStream();
  const client = new pg.Client({ stream: () => stream as never, host: 'localhost', user: 'check', ssl: false });
  client.on('error', () => {});
  let connected = false;
  client.connect((error: Error | null | undefined) => {
    connected = !error;
  });
  stream.emit('connect');
  stream.emit('data', Buffer.concat([message('R', int32(0)), READY]));
  expectEqual('connected', connected, true);

  const statement = { name: 'check', text: 'SELECT $1 AS some_value', values: ['value'], rowMode: 'array', asObjects: true };
  const run = (answers: Buffer[]): { letters: string[]; result: PipelineResult | undefined } => {
    stream.written = [];
    let result: PipelineResult | undefined;
    const context = { name: '', text: 'SELECT', values: ['tenant'] };
    client.query(new PipelinedQuery(context, [statement], (error, results = []) => (result = { error, results })));
    const letters = stream.written.map(lettersOf);
    stream.emit('data', Buffer.concat([...answers, READY]));
    return { letters, result };
  };

  const first = run([PARSED, ...CONTEXT_DONE, PARSED, BOUND, DESCRIBED, ...ROW_DONE]);
  expectEqual('messages that prepare', first.letters, ['PBEPBDES']);
  expectEqual('rows', first.result?.results[0]?.rows, [{ someValue: 'value' }]);
  expectEqual('parsedStatements', connectionOf(client).parsedStatements.check, statement.text);
  expectEqual('submittedNamedStatements', connectionOf(client).submittedNamedStatements, {});
  const second = run([PARSED, ...CONTEXT_DONE, BOUND, ...ROW_DONE]);
  expectEqual('messages of a prepared statement', second.letters, ['PBEBES']);
  expectEqual('rows of a prepared statement', second.result?.results[0]?.rows, [{ someValue: 'value' }]);
  const third = run([PARSED, ...CONTEXT_DONE, FAILED]);
  expectEqual('error', (third.result?.error as { code?: string } | null)?.code, '22012');
  expectEqual('sendCopyFail', typeof connectionOf(client).sendCopyFail, 'function');
}

/**
 * Verifies the internals of pg that `pipelined-query.ts` and `pipelined-statement.ts` rely on. Returns the difference, or undefined if
 * there is none. Runs three pipelined queries of a real client against a scripted server, in about a millisecond.
 */
export function checkPipelining(): string | undefined {
  try {
    verify();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

let checked: { problem: string | undefined } | undefined;

/** The result of `checkPipelining`, computed once in a process. */
export function pipeliningProblem(): string | undefined {
  checked ??= { problem: checkPipelining() };
  return checked.problem;
}
