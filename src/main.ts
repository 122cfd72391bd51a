import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;

/** Environment → app → graceful stop. Other imports are dynamic, so that an old Node.js prints a message instead of a stack. */
async function main(): Promise<void> {
  // Compilation takes half of a start. The cache is not in the temporary folder, where other users could plant code. A read-only folder
  // disables it.
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)));
  const { readEnv } = await import('./env.ts');
  const { createLogger } = await import('./platform/lib/logger.ts');
  const { createApp } = await import('./app/app.ts');
  const { printStartupBanner } = await import('./app/startup-banner.ts');

  const env = readEnv();
  const log = createLogger(env.LOG_LEVEL);
  const app = await createApp(env, { log });
  const greeting = await printStartupBanner(env, app);
  const url = await app.listen();
  process.stdout.write(greeting(env.PUBLIC_URL ?? url));

  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `Agentbase needs Node.js ${OLDEST_NODE} or newer; this is ${process.versions.node}. npm start brings its own.\n`,
  );
  process.exit(1);
}

main().catch((error: unknown) => {
  process.stderr.write(`Agentbase could not start.\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
