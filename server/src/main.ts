/** The cloud server's entry: reads the settings, opens the database, connects the rooms, listens. Only wires. */
import { giveBackAll } from './allowances/index.ts';
import { createApp } from './app.ts';
import { systemClock } from './clock.ts';
import { ConfigError, readConfig, standInWarnings } from './config.ts';
import type { ServerContext } from './context.ts';
import { createContext } from './context-from-config.ts';
import { forgetOld } from './db/housekeeping.ts';
import { openDatabase } from './db/open.ts';
import { FolderInUse } from './db/process-lock.ts';
import { SchemaDiffers } from './db/schema-version.ts';
import { assertPortFree, listen, PortTaken } from './http/listen.ts';
import { shortWayOf } from './http/short-way.ts';
import { type Queue, startQueue } from './jobs/queue.ts';
import { createLogger } from './log.ts';
import { lookAfterTopUps } from './money/look-after-top-ups.ts';
import { catchUpWithEvents } from './money/catch-up.ts';
import { advanceWithdrawals } from './money/withdrawals/advance.ts';
import { serveMetrics } from './observe/serve-metrics.ts';
import { startTracing } from './observe/tracing.ts';
import { onStop } from './on-stop.ts';
import { type PeriodicJob, startPeriodic } from './periodic.ts';
import { deliver, handOver, markDead } from './webhooks/index.ts';
import { stopServer } from './stop.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A withdrawal waits this long for its first step. */
const WITHDRAWALS_MS = 2_000;
/** What happened waits this long before a merchant's program is told. */
const WEBHOOKS_MS = 2_000;
const CATCH_UP_MS = 10 * MINUTE_MS;
const EXIT_FAILED = 1;
const EXIT_CONFIG = 2;
const EXIT_PORT_TAKEN = 3;
const EXIT_FOLDER_IN_USE = 4;
const EXIT_SCHEMA = 5;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger({ level: config.logLevel });
  await assertPortFree(config.host, config.port, 'PORT');
  const endTracing = startTracing(process.env);
  const database = await openDatabase(config, log);
  try {
    const context = await createContext({
      config,
      clock: systemClock,
      db: database.db,
      replica: database.replica,
      log,
    });
    const app = createApp(context);
    const server = await listen({
      fetch: app.fetch,
      shortWay: shortWayOf(app, context),
      host: config.host,
      port: config.port,
      setting: 'PORT',
    });
    const { metrics, life } = context;
    const metricsServer =
      config.metrics === null ? null : await serveMetrics({ ...config.metrics, registry: metrics.registry });
    const queue = await startWebhooks(context);
    const jobs = startJobs(context, queue);
    for (const warning of standInWarnings(config)) {
      log.error(warning);
      console.error(`WARNING: ${warning}`);
    }
    const last = [
      () => queue.stop(),
      async () => metricsServer?.close(1000),
      endTracing,
      () => database.close(),
    ];
    onStop(log, () => stopServer({ log, life, server, jobs, last, ...config.stopping }));
    console.log(`TikiWallet server is ready at ${config.publicOrigin} (data: ${database.description}).`);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The workers that send; what is to be sent is handed to them every few seconds. */
async function startWebhooks(context: ServerContext): Promise<Queue> {
  const needs = { ...context, db: context.worker };
  const queue = await startQueue(context.worker, context.log);
  await queue.workOnWebhooks({
    deliver: (deliveryId) => deliver(needs, deliveryId),
    onDead: (deliveryId) => markDead(needs, deliveryId),
  });
  return queue;
}

function startJobs(context: ServerContext, queue: Queue): readonly PeriodicJob[] {
  const { worker: db, clock, config, log, sealing } = context;
  const needs = { ...context, db };
  const giveBack = { db, clock, policy: config.offline };
  return [
    startPeriodic({ name: 'allowances', everyMs: MINUTE_MS, log, round: () => giveBackAll(giveBack) }),
    startPeriodic({ name: 'housekeeping', everyMs: HOUR_MS, log, round: () => forgetOld(db, clock) }),
    startPeriodic({ name: 'sealing keys', everyMs: HOUR_MS, log, round: () => sealing.forgetFormer() }),
    startPeriodic({
      name: 'withdrawals',
      everyMs: WITHDRAWALS_MS,
      log,
      round: () => advanceWithdrawals(needs),
    }),
    startPeriodic({
      name: 'provider events',
      everyMs: CATCH_UP_MS,
      log,
      round: () => catchUpWithEvents(needs),
    }),
    startPeriodic({
      name: 'webhooks',
      everyMs: WEBHOOKS_MS,
      log,
      round: () => handOver(needs, queue.enqueueWebhooks),
    }),
    startPeriodic({ name: 'top-ups', everyMs: MINUTE_MS, log, round: () => lookAfterTopUps(needs) }),
  ];
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT_CONFIG;
  if (error instanceof PortTaken) return EXIT_PORT_TAKEN;
  if (error instanceof FolderInUse) return EXIT_FOLDER_IN_USE;
  if (error instanceof SchemaDiffers) return EXIT_SCHEMA;
  return EXIT_FAILED;
}

main().catch((error: unknown) => {
  const code = exitCodeOf(error);
  // The known troubles are one sentence; for the rest the stack helps.
  const known = code !== EXIT_FAILED && error instanceof Error;
  console.error(known ? error.message : error);
  process.exit(code);
});
