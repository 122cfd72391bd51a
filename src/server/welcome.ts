import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { DemoAccess } from '../../prisma/seed.ts';
import type { Env } from '../env.ts';
import type { App } from './app.ts';

async function demoAccess(env: Env, { folder, services }: App): Promise<DemoAccess | undefined> {
  if (!folder || !env.SEED_DEMO) return undefined;
  const { seedDemo } = await import('../../prisma/seed.ts');
  if (folder.demoFile && existsSync(folder.demoFile)) return JSON.parse(readFileSync(folder.demoFile, 'utf8')) as DemoAccess;
  const demo = await seedDemo(services);
  if (folder.demoFile) writeFileSync(folder.demoFile, JSON.stringify(demo), { mode: 0o600 });
  return demo;
}

/** What the terminal shows once the server listens: in embedded mode also how to get in. */
export async function welcome(env: Env, app: App): Promise<(url: string) => string> {
  const demo = await demoAccess(env, app);
  return (url) => {
    const lines = [`Agentbase listens at ${url}/graphql${env.GRAPHIQL ? ' (GraphiQL in a browser)' : ''}`];
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
