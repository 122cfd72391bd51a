/**
 * Manages the keys that sign access tokens, as a private JWKS. The first key signs, all of them verify.
 *
 *   generate                 prints a new set with one key, for AUTH_KEYS
 *   generate --file <file>   creates the file, unless it exists
 *   rotate                   inserts a new key as the first one
 *   prune [--keep <n>]       removes all but the newest n keys (default 1). Wait until their tokens have expired
 *   public                   prints the public keys
 *
 * The last three update or read the file of --file. Without it they read a set from standard input and print the result.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import type { JWK } from 'jose';
import { changeKeyFile, ensureKeyFile } from '../src/platform/auth/key-file.ts';
import { generateSigningKey, parseKeySet, publicKeyOf } from '../src/platform/auth/keyring.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string' }, keep: { type: 'string', default: '1' } },
});

function print(keys: JWK[]): void {
  process.stdout.write(`${JSON.stringify({ keys })}\n`);
}

async function change(edit: (keys: JWK[]) => JWK[] | Promise<JWK[]>): Promise<void> {
  if (values.file) await changeKeyFile(values.file, edit);
  else print(await edit(parseKeySet(await text(process.stdin))));
}

const commands: Record<string, () => Promise<void>> = {
  async generate() {
    if (values.file) await ensureKeyFile(values.file);
    else print([await generateSigningKey()]);
  },
  rotate: () => change(async (keys) => [await generateSigningKey(), ...keys]),
  prune() {
    const keep = Number(values.keep);
    if (!Number.isInteger(keep) || keep < 1) throw new Error('--keep must be an integer of at least 1');
    return change((keys) => keys.slice(0, keep));
  },
  async public() {
    const set = values.file ? await readFile(values.file, 'utf8') : await text(process.stdin);
    print(parseKeySet(set).map(publicKeyOf));
  },
};

const command = commands[positionals[0] ?? ''];
if (!command || positionals.length !== 1) {
  process.stderr.write(`usage: keys ${Object.keys(commands).join('|')} [--file <file>] [--keep <n>]\n`);
  process.exitCode = 2;
} else {
  try {
    await command();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
