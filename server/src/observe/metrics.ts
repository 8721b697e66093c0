/**
 * The figures of one process, in Prometheus' words.
 *
 * Owns: every metric's name, help and labels. Never: a label with a person, a path with an id in it, or anything else
 * without a small bound.
 */
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AppEnv } from '../http/router.ts';
import { listenTo } from './facts.ts';

export interface Metrics {
  readonly registry: Registry;
  /** A request begins. @returns to be told once it is answered */
  readonly begin: () => (answered: Answered) => void;
  /** Times every request by its route's template. */
  readonly middleware: MiddlewareHandler<AppEnv>;
  /** Stops listening; for tests that make many. */
  readonly stop: () => void;
}

interface Answered {
  readonly method: string;
  /** Its template. */
  readonly route: string;
  readonly status: string;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A shop may have been without internet for weeks. */
const LAG_SECONDS = [1, 5, 30, 60, 300, 1800, 3600, 6 * 3600, 86_400, 3 * 86_400, 14 * 86_400];
const BATCH = [1, 10, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
/** What no route has taken, probes of strangers included. */
const UNMATCHED = 'unmatched';

export function createMetrics(options: { readonly poolSize: number }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: 'tikiwallet_http_request_duration_seconds',
    help: 'Time to answer, by route template',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  let running = 0;
  const inFlight: Gauge = new Gauge({
    name: 'tikiwallet_http_requests_in_flight',
    help: 'Requests that are being answered',
    registers,
    collect: () => inFlight.set(running),
  });
  const pool = new Gauge({
    name: 'tikiwallet_db_pool_connections_max',
    help: 'Size of the pool of this process',
    registers,
  });
  pool.set(options.poolSize);
  const stops = [
    countSettlement(registers),
    countMoney(registers),
    countProviders(registers),
    countDatabase(registers),
    countRounds(registers),
  ];
  const begin = () => {
    const startedAt = performance.now();
    running += 1;
    return ({ method, route, status }: Answered) => {
      running -= 1;
      requests.observe({ method, route, status }, (performance.now() - startedAt) / 1000);
    };
  };
  const middleware: MiddlewareHandler<AppEnv> = async (c, next) => {
    const end = begin();
    try {
      await next();
    } finally {
      // After `next` this is the route that answered, or the catch-all behind them.
      const path = routePath(c);
      const route = c.res.status === 404 && path === '/*' ? UNMATCHED : path;
      end({ method: c.req.method, route, status: String(c.res.status) });
    }
  };
  return { registry, begin, middleware, stop: () => stops.forEach((stop) => stop()) };
}

type Registers = Registry[];

function countSettlement(registers: Registers): () => void {
  const size = new Histogram({
    name: 'tikiwallet_settlement_batch_entries',
    help: 'New journal entries of a settled batch',
    buckets: BATCH,
    registers,
  });
  const lag = new Histogram({
    name: 'tikiwallet_settlement_lag_seconds',
    help: "From an entry's writing at the kiosk to its settlement",
    buckets: LAG_SECONDS,
    registers,
  });
  const damaged = new Counter({
    name: 'tikiwallet_allowance_certificates_damaged_total',
    help: 'Times that the stored certificate of an allowance did not verify, so that what named it was refused',
    registers,
  });
  const damagedKiosks = new Counter({
    name: 'tikiwallet_kiosk_certificates_damaged_total',
    help: 'Times that the stored certificate of a kiosk did not verify, so that what named it was refused',
    registers,
  });
  const stopSettled = listenTo('settled', ({ entries, lagSeconds }) => {
    size.observe(entries);
    for (const seconds of lagSeconds) lag.observe(Math.max(0, seconds));
  });
  const stopDamaged = listenTo('certificateDamaged', ({ count, of }) =>
    (of === 'kiosk' ? damagedKiosks : damaged).inc(count),
  );
  return () => {
    stopSettled();
    stopDamaged();
  };
}

function countMoney(registers: Registers): () => void {
  const posted = new Counter({
    name: 'tikiwallet_ledger_transfers_posted_total',
    help: 'Transfers posted, by kind',
    labelNames: ['kind'],
    registers,
  });
  const paid = new Counter({
    name: 'tikiwallet_offline_payments_paid_total',
    help: 'Offline payments paid to merchants, however many share a transfer',
    registers,
  });
  const stops = [
    listenTo('posted', ({ kind, count }) => posted.inc({ kind }, count)),
    listenTo('offlinePaid', ({ count }) => paid.inc(count)),
  ];
  return () => stops.forEach((stop) => stop());
}

function countProviders(registers: Registers): () => void {
  const asked = new Counter({
    name: 'tikiwallet_provider_requests_total',
    help: 'Calls to Stripe and Twilio; failed is no answer, a 429 or a 5xx',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'tikiwallet_provider_request_duration_seconds',
    help: 'Time that a provider took to answer',
    labelNames: ['provider'],
    buckets: SECONDS,
    registers,
  });
  for (const provider of ['stripe', 'twilio'])
    for (const outcome of ['answered', 'failed']) asked.inc({ provider, outcome }, 0);
  return listenTo('providerAsked', ({ provider, outcome, seconds }) => {
    asked.inc({ provider, outcome });
    if (seconds !== undefined) durations.observe({ provider }, seconds);
  });
}

function countDatabase(registers: Registers): () => void {
  const open = new Gauge({
    name: 'tikiwallet_db_transactions_in_flight',
    help: 'Transactions that run or wait for a connection of the pool',
    registers,
  });
  const retried = new Counter({
    name: 'tikiwallet_db_transaction_retries_total',
    help: 'Transactions that PostgreSQL asked to run again',
    registers,
  });
  return listenTo('transaction', ({ step }) => {
    switch (step) {
      case 'begun':
        return open.inc();
      case 'ended':
        return open.dec();
      case 'retried':
        return retried.inc();
    }
  });
}

function countRounds(registers: Registers): () => void {
  const rounds = new Counter({
    name: 'tikiwallet_periodic_rounds_total',
    help: 'Rounds of periodic work',
    // Not `job`: Prometheus has a label of that name itself.
    labelNames: ['work', 'outcome'],
    registers,
  });
  return listenTo('round', ({ job, outcome }) => rounds.inc({ work: job, outcome }));
}
