import type { Env } from '../env.ts';
import type { Services } from '../platform/module/services.ts';
import type { App } from './app.ts';
import type { DemoAccess } from './data-folder.ts';
import { readDemoFile, writeDemoFile } from './demo-file.ts';

/** Outside a transaction, the single login of the embedded database bypasses row-level security. */
async function isEmpty({ database }: Services): Promise<boolean> {
  const { rows } = await database.pool.query<{ empty: boolean }>('SELECT NOT EXISTS (SELECT FROM tenants) AS empty');
  return rows[0]?.empty ?? false;
}

async function demoAccess(env: Env, { folder, services }: App): Promise<DemoAccess | undefined> {
  if (!folder || !env.SEED_DEMO) return undefined;
  const known = readDemoFile(folder);
  if (known) return known;
  if (!(await isEmpty(services))) return undefined;
  const { seedDemo } = await import('./demo.ts');
  const demo = await seedDemo(services);
  await writeDemoFile(folder, demo);
  return demo;
}

/** Prints the address once the server listens, and in embedded mode the demo credentials. */
export async function printStartupBanner(env: Env, app: App): Promise<(url: string) => string> {
  const demo = await demoAccess(env, app);
  const owner = env.NODE_ENV === 'development' && demo?.tenants[0];
  const signedIn = owner ? `, signed in as ${owner.email}` : '';
  const graphiqlNote = env.GRAPHIQL ? ` (GraphiQL in a browser${signedIn})` : '';
  return (url) => {
    const lines = [`Agentbase listens at ${url}/graphql${graphiqlNote}`];
    if (app.folder) {
      lines.push(
        `Embedded mode: PostgreSQL inside this process, data in ${env.AGENTBASE_DATA_DIR}. Set DATABASE_URL for a real one.`,
      );
    }
    for (const { tenant, email, password, apiKey } of demo?.tenants ?? []) {
      lines.push('', `Demo tenant ${tenant}`, `  sign in  ${email} / ${password}`, `  API key  ${apiKey}`);
    }
    if (demo) lines.push('', `Demo conversation of ${demo.tenants[0]?.tenant ?? ''}`, `  id       ${demo.conversationId}`);
    return `${lines.join('\n')}\n`;
  };
}
