// An MCP server over stdio that answers as a file of JSON says, see script.ts. Logs a line to standard output for each message.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { answerTo, type Script } from './script.ts';

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const script = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as Script;
  const answer = answerTo(script, JSON.parse(line));
  process.stdout.write(`[info] a message\n${answer === undefined ? '' : `${answer}\n`}`);
});
lines.on('close', () => process.exit());
