/**
 * Manages the keys that encrypt the secrets of tenants, as a JWK set of symmetric keys. The first key encrypts, all of them decrypt.
 *
 *   generate                 prints a new set with one key, for SEALING_KEYS
 *   generate --file <file>   creates the file, unless it exists
 *   rotate                   inserts a new key as the first one
 *   prune [--keep <n>]       removes all but the newest n keys (default 1). Run `reseal` before: secrets of removed keys are lost
 *
 * The last two update the file of --file. Without it they read a set from standard input and print the result.
 */
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import type { JWK } from 'jose';
import {
  changeSealingKeyFile,
  ensureSealingKeyFile,
  generateSealingKey,
  parseSealingKeys,
  serializeSealingKeys,
} from '../src/platform/encryption/keys.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string' }, keep: { type: 'string', default: '1' } },
});

async function change(edit: (keys: JWK[]) => JWK[]): Promise<void> {
  if (values.file) await changeSealingKeyFile(values.file, edit);
  else process.stdout.write(serializeSealingKeys(edit(parseSealingKeys(await text(process.stdin)))));
}

const commands: Record<string, () => Promise<void>> = {
  async generate() {
    if (values.file) await ensureSealingKeyFile(values.file);
    else process.stdout.write(serializeSealingKeys([generateSealingKey()]));
  },
  rotate: () => change((keys) => [generateSealingKey(), ...keys]),
  async prune() {
    const keep = Number(values.keep);
    if (!Number.isInteger(keep) || keep < 1) throw new Error('--keep must be an integer of at least 1');
    await change((keys) => keys.slice(0, keep));
  },
};

const command = commands[positionals[0] ?? ''];
if (!command || positionals.length !== 1) {
  process.stderr.write(`usage: secrets ${Object.keys(commands).join('|')} [--file <file>] [--keep <n>]\n`);
  process.exitCode = 2;
} else {
  try {
    await command();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
