/**
 * Manages platform administrators, who register MCP servers for all tenants and set the prices of models.
 *
 *   grant <e-mail>    grants the role to a registered user
 *   revoke <e-mail>   revokes it
 *   list              prints the administrators
 *
 * Reads DATABASE_OWNER_URL (DATABASE_URL when absent). Without a database URL it opens the embedded one, whose server must be stopped.
 */
import { readToolEnv } from '../src/env.ts';
import { listPlatformAdmins, setPlatformAdmin } from '../src/modules/tenancy/accounts/platform-admins.ts';
import { openOwner } from './open-owner.ts';

type Pool = Parameters<typeof setPlatformAdmin>[0];

const change = (isPlatformAdmin: boolean) => async (pool: Pool, email: string) => {
  const changed = await setPlatformAdmin(pool, email, isPlatformAdmin);
  const state = isPlatformAdmin ? (changed ? 'now' : 'already') : changed ? 'no longer' : 'not';
  return `${email} is ${state} a platform administrator`;
};

const commands: Record<string, { argumentCount: number; run: (pool: Pool, email: string) => Promise<string> }> = {
  grant: { argumentCount: 1, run: change(true) },
  revoke: { argumentCount: 1, run: change(false) },
  list: {
    argumentCount: 0,
    async run(pool) {
      const admins = await listPlatformAdmins(pool);
      if (admins.length === 0) return 'no platform administrators';
      return admins.map(({ email, active }) => (active ? email : `${email} (not active)`)).join('\n');
    },
  },
};

const [name = '', ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (!command || rest.length !== command.argumentCount) {
  process.stderr.write('usage: npm run platform:admin -- grant <e-mail> | revoke <e-mail> | list\n');
  process.exitCode = 2;
} else {
  try {
    const { database, close } = await openOwner(readToolEnv());
    try {
      process.stdout.write(`${await command.run(database.pool, rest[0] ?? '')}\n`);
    } finally {
      await close();
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
