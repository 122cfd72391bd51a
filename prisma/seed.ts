import { createApp } from '../src/app/app.ts';
import { seedDemo } from '../src/app/demo.ts';
import { writeDemoFile } from '../src/app/demo-file.ts';
import { readEnv } from '../src/env.ts';

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
