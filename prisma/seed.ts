import { readEnv } from '../src/env.ts';
import { createApp } from '../src/server/app.ts';
import { seedDemo } from '../src/server/demo.ts';
import { writeDemoFile } from '../src/server/demo-file.ts';

/** `npm run db:seed`: creates the demo tenants, and prints their credentials. */
async function main(): Promise<void> {
  const app = await createApp(readEnv());
  try {
    const demo = await seedDemo(app.services);
    if (app.folder) writeDemoFile(app.folder, demo);
    console.log(JSON.stringify(demo, null, 2));
  } finally {
    await app.close();
  }
}

main().catch((error: unknown) => {
  console.error(`The demo could not be seeded.\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
