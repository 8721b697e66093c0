/**
 * Everything the environment can say to the server, validated once.
 *
 * Owns: names, defaults and their meaning (server/README.md lists them). Never: read anywhere else than at start.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { type MoneyPolicy, readMoneyPolicy } from './money/policy.ts';
import type { StreamLimits } from './settlement/batch-stream.ts';
import type { SettlementTransfers } from './settlement/post-payments.ts';
import { type TrustKeyFiles, trustKeyFiles } from './trust/keys.ts';
import { type OfflinePolicy, readOfflinePolicy } from './trust/offline-policy.ts';

export { ConfigError };

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

const Port = z.coerce.number().int().min(1).max(65_535);
const Origin = z.url().transform((value) => new URL(value).origin);
const Minor = z
  .string()
  .regex(/^[1-9][0-9]{0,15}$/)
  .transform(BigInt);
const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    );

/** A hundred of our minor units, or a hundredth of one, would be one at Stripe: docs.stripe.com/currencies#special-cases. */
const COUNTED_OTHERWISE: ReadonlySet<string> = new Set(['ISK', 'MGA', 'UGX']);

/** An empty variable counts as unset: that is what Compose files and shells leave behind. */
const Environment = z.object({
  NODE_ENV: z.string().optional(),
  PORT: Port.default(8080),
  HOST: z.string().default('127.0.0.1'),
  PUBLIC_ORIGIN: Origin.optional(),
  TIKI_CURRENCY: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .refine((code) => !COUNTED_OTHERWISE.has(code), 'Stripe counts it in other units than ISO 4217')
    .default('SGD'),
  TIKI_REGION: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .default('SG'),
  TIKI_KIOSK_ORIGINS: list('http://192.168.49.1:7070,http://127.0.0.1:7070').pipe(z.array(Origin)),
  /** A number, a mail address or a web address, in the form in which a person reads it. */
  TIKI_SUPPORT_CONTACT: z
    .string()
    .regex(/^[^\p{C}]{3,100}$/u)
    .optional(),
  TIKI_DATA_DIR: z.string().optional(),
  TIKI_STANDIN_DATA_DIR: z.string().optional(),
  TIKI_WALLET_DIR: z.string().optional(),
  TIKI_OFFICE_DIR: z.string().optional(),
  TIKI_TRUSTED_PROXIES: list('').pipe(z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))),
  TIKI_KEYS_SECRET: z.string().min(16).optional(),
  TIKI_SEALED_BATCHES: z.enum(['on', 'off']).default('on'),
  TIKI_TRANSFER_ANSWERS: z.enum(['told', 'kept']).default('told'),
  TIKI_SETTLEMENT_TRANSFERS: z.enum(['batch', 'each']).default('batch'),
  TIKI_SMS_PER_DAY: z.coerce.number().int().min(1).default(5_000),
  TIKI_RATE_LIMIT_FACTOR: z.coerce.number().positive().default(1),
  TIKI_TOP_UP_MIN_MINOR: Minor.default(100n),
  TIKI_TOP_UP_MAX_MINOR: Minor.default(100_000n),
  TIKI_TRANSFER_MAX_MINOR: Minor.default(200_000n),
  TIKI_ALLOWANCE_MAX_MINOR: Minor.default(20_000n),
  TIKI_PER_PAYMENT_MAX_MINOR: Minor.default(10_000n),
  DATABASE_URL: z.string().optional(),
  DATABASE_OWNER_URL: z.string().optional(),
  DATABASE_REPLICA_URL: z.string().optional(),
  TIKI_DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(200).default(10),
  TIKI_DATABASE_POOLER: z.enum(['none', 'transaction']).default('none'),
  TIKI_MIGRATE: z.enum(['at_start', 'never']).default('at_start'),
  TIKI_NEWER_SCHEMA: z.enum(['refuse', 'accept']).default('refuse'),
  TIKI_METRICS_PORT: Port.optional(),
  /** Not `HOST`: what is open to everybody is the API. */
  TIKI_METRICS_HOST: z.string().default('127.0.0.1'),
  /** At most an hour's sales of a supermarket, then another stream: a connection is never for ever. */
  TIKI_STREAM_BATCHES: z.coerce.number().int().min(1).max(10_000).default(256),
  TIKI_STREAM_MEGABYTES: z.coerce.number().int().min(1).max(1_024).default(64),
  TIKI_STREAM_BATCH_SECONDS: z.coerce.number().min(0.05).max(120).default(60),
  /** Node ends a request that is not whole after five minutes. */
  TIKI_STREAM_SECONDS: z.coerce.number().min(0.05).max(240).default(240),
  TIKI_SIGNATURE_ADDON: z.enum(['if_built', 'never']).default('if_built'),
  TIKI_STREAMS: z.coerce.number().int().min(1).max(10_000).default(64),
  TIKI_LEAVE_SECONDS: z.coerce.number().min(0).max(300).default(0),
  TIKI_STOP_SECONDS: z.coerce.number().min(1).max(600).default(30),
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_CONNECT_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_API_BASE: z.url().optional(),
  STRIPE_STANDIN_PORT: Port.default(8081),
  TWILIO_ACCOUNT_SID: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/)
    .optional(),
  TWILIO_AUTH_TOKEN: z.string().optional(),
  TWILIO_VERIFY_SERVICE_SID: z
    .string()
    .regex(/^VA[0-9a-fA-F]{32}$/)
    .optional(),
  TWILIO_VERIFY_OWNER_SERVICE_SID: z
    .string()
    .regex(/^VA[0-9a-fA-F]{32}$/)
    .optional(),
  TWILIO_API_BASE: z.url().optional(),
  TWILIO_STANDIN_PORT: Port.default(8082),
  TWILIO_STANDIN_PUBLIC_URL: z.url().optional(),
  STRIPE_STANDIN_PUBLIC_ORIGIN: Origin.optional(),
  STRIPE_WEBHOOK_TARGET: z.url().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export interface Limits {
  readonly topUpMinMinor: bigint;
  readonly topUpMaxMinor: bigint;
  readonly transferMaxMinor: bigint;
  readonly allowanceMaxMinor: bigint;
  readonly perPaymentMaxMinor: bigint;
}

export interface StripeConfig {
  readonly secretKey: string;
  /** Null in stand-in mode: read from the stand-in's data folder at start. */
  readonly webhookSecret: string | null;
  /** Of a second endpoint, for events of people's connected accounts; null when there is none. */
  readonly connectWebhookSecret: string | null;
  /** Overrides https://api.stripe.com. */
  readonly apiBase: string | null;
  readonly isStandIn: boolean;
}

export interface TwilioConfig {
  readonly accountSid: string;
  readonly authToken: string;
  readonly verifyServiceSid: string;
  /** For codes to people who are known already: a stranger's codes then never disturb theirs. */
  readonly verifyOwnerServiceSid: string;
  /** Overrides https://verify.twilio.com. */
  readonly apiBase: string | null;
  readonly isStandIn: boolean;
  /** Where a person reads the stand-in's messages. */
  readonly inboxUrl: string | null;
}

/** For the stand-ins' own process. */
export interface StandInsConfig {
  readonly stripePort: number;
  readonly twilioPort: number;
  /** Where browsers reach the checkout page. */
  readonly stripeOrigin: string;
  /** Where signed events go. */
  readonly webhookTarget: string;
}

export interface Config {
  readonly isProduction: boolean;
  readonly host: string;
  readonly port: number;
  /** Where browsers reach the server and the wallet. */
  readonly publicOrigin: string;
  readonly currency: string;
  readonly region: string;
  readonly kioskOrigins: readonly string[];
  /** Whom a person can ask who is told that something needs a human being; null when there is nobody. */
  readonly supportContact: string | null;
  readonly limits: Limits;
  /** The issuer's rules for offline money. */
  readonly offline: OfflinePolicy;
  /** The rules for money in and out. */
  readonly money: MoneyPolicy;
  readonly trustKeyFiles: TrustKeyFiles;
  readonly dataDir: string;
  readonly standInDataDir: string;
  readonly walletDir: string;
  /** The merchant's and the operator's pages, built. */
  readonly officeDir: string;
  readonly trustedProxies: readonly string[];
  readonly keysSecret: string | undefined;
  /** Whether kiosks are offered a key to seal batches to. */
  readonly sealsBatches: boolean;
  /** Keeps the answer of each transfer beside it, where a release looks for it that does not read it from the transfer. */
  readonly keepsTransferAnswers: boolean;
  readonly settlementTransfers: SettlementTransfers;
  readonly smsPerDay: number;
  readonly rateLimitFactor: number;
  /** Null: the embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly databaseOwnerUrl: string | null;
  /** A streaming replica, for reads that may be some seconds old; null when there is none. */
  readonly databaseReplicaUrl: string | null;
  readonly databaseConnections: number;
  /** True: `databaseUrl` leads to a pooler that gives a connection for one transaction only (PgBouncer). */
  readonly isPooled: boolean;
  readonly migrates: boolean;
  readonly acceptsNewerSchema: boolean;
  /** Where Prometheus reads; null: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** Of settlement streams: each, and how many at a time in this process. */
  readonly streams: StreamLimits & { readonly most: number };
  /** How a process ends that was asked to (`stop.ts`). */
  readonly stopping: { readonly leaveMs: number; readonly allMs: number };
  /** False: signatures are verified by node:crypto alone. */
  readonly isSignatureAddonWanted: boolean;
  readonly stripe: StripeConfig;
  readonly twilio: TwilioConfig;
  readonly standIns: StandInsConfig;
  readonly logLevel: string;
}

/** Account and service ids of the shape that Twilio's have, for the stand-in. */
const STAND_IN_ACCOUNT_SID = `AC${'0'.repeat(31)}1`;
const STAND_IN_SERVICE_SID = `VA${'0'.repeat(31)}1`;
const STAND_IN_OWNER_SERVICE_SID = `VA${'0'.repeat(31)}2`;

/** @throws ConfigError */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = Environment.safeParse(present);
  if (!parsed.success) {
    const what = parsed.error.issues.map((issue) => `${issue.path.join('.')} (${issue.message})`).join(', ');
    throw new ConfigError(`These settings are not usable: ${what}.`);
  }
  const env = parsed.data;
  const dataDir = resolve(env.TIKI_DATA_DIR ?? join(REPOSITORY, '.data', 'server'));
  const limits = limitsOf(env);
  return {
    isProduction: env.NODE_ENV === 'production',
    host: env.HOST,
    port: env.PORT,
    publicOrigin: env.PUBLIC_ORIGIN ?? `http://localhost:${env.PORT}`,
    currency: env.TIKI_CURRENCY,
    region: env.TIKI_REGION,
    kioskOrigins: env.TIKI_KIOSK_ORIGINS,
    supportContact: env.TIKI_SUPPORT_CONTACT?.trim() ?? null,
    limits,
    offline: readOfflinePolicy(environment, limits),
    money: readMoneyPolicy(environment, env.TIKI_REGION),
    trustKeyFiles: trustKeyFiles(dataDir, environment),
    dataDir,
    standInDataDir: resolve(env.TIKI_STANDIN_DATA_DIR ?? join(REPOSITORY, '.data', 'stand-ins')),
    walletDir: resolve(env.TIKI_WALLET_DIR ?? join(REPOSITORY, 'wallet', 'dist')),
    officeDir: resolve(env.TIKI_OFFICE_DIR ?? join(REPOSITORY, 'office', 'dist')),
    trustedProxies: env.TIKI_TRUSTED_PROXIES,
    keysSecret: env.TIKI_KEYS_SECRET,
    sealsBatches: env.TIKI_SEALED_BATCHES === 'on',
    keepsTransferAnswers: env.TIKI_TRANSFER_ANSWERS === 'kept',
    settlementTransfers: env.TIKI_SETTLEMENT_TRANSFERS,
    smsPerDay: env.TIKI_SMS_PER_DAY,
    rateLimitFactor: env.TIKI_RATE_LIMIT_FACTOR,
    databaseUrl: env.DATABASE_URL ?? null,
    databaseOwnerUrl: env.DATABASE_OWNER_URL ?? null,
    databaseReplicaUrl: env.DATABASE_REPLICA_URL ?? null,
    databaseConnections: env.TIKI_DATABASE_CONNECTIONS,
    ...databaseManners(env),
    metrics:
      env.TIKI_METRICS_PORT === undefined
        ? null
        : { host: env.TIKI_METRICS_HOST, port: env.TIKI_METRICS_PORT },
    isSignatureAddonWanted: env.TIKI_SIGNATURE_ADDON === 'if_built',
    streams: {
      maxBatches: env.TIKI_STREAM_BATCHES,
      maxBytes: env.TIKI_STREAM_MEGABYTES * 1_048_576,
      batchMs: env.TIKI_STREAM_BATCH_SECONDS * 1000,
      allMs: env.TIKI_STREAM_SECONDS * 1000,
      most: env.TIKI_STREAMS,
    },
    stopping: { leaveMs: env.TIKI_LEAVE_SECONDS * 1000, allMs: env.TIKI_STOP_SECONDS * 1000 },
    stripe: stripeConfig(env),
    twilio: twilioConfig(env),
    standIns: {
      stripePort: env.STRIPE_STANDIN_PORT,
      twilioPort: env.TWILIO_STANDIN_PORT,
      stripeOrigin: env.STRIPE_STANDIN_PUBLIC_ORIGIN ?? `http://localhost:${env.STRIPE_STANDIN_PORT}`,
      webhookTarget: env.STRIPE_WEBHOOK_TARGET ?? `http://127.0.0.1:${env.PORT}/v1/stripe/webhook`,
    },
    logLevel: env.LOG_LEVEL,
  };
}

/** What an operator must be told who runs stand-ins by accident; one sentence each, none when all is well. */
export function standInWarnings({ isProduction, stripe, twilio }: Config): string[] {
  if (!isProduction) return [];
  return [
    ...(stripe.isStandIn
      ? [
          'NODE_ENV is production and STRIPE_SECRET_KEY is not set: top-ups go to a stand-in where anybody pays with made-up cards.',
        ]
      : []),
    ...(twilio.isStandIn
      ? [
          'NODE_ENV is production and TWILIO_ACCOUNT_SID is not set: SMS codes go to a stand-in and reach no phone.',
        ]
      : []),
  ];
}

/** Which providers want standing in for. @throws ConfigError in production, and when all keys are set */
export function wantedStandIns({ isProduction, stripe, twilio }: Config): {
  stripe: boolean;
  twilio: boolean;
} {
  if (isProduction)
    throw new ConfigError(
      'Stand-ins show codes and take made-up cards: with NODE_ENV=production they do not run.',
    );
  if (!stripe.isStandIn && !twilio.isStandIn)
    throw new ConfigError('The keys of Stripe and Twilio are set: there is nothing to stand in for.');
  return { stripe: stripe.isStandIn, twilio: twilio.isStandIn };
}

function limitsOf(env: z.output<typeof Environment>): Limits {
  return {
    topUpMinMinor: env.TIKI_TOP_UP_MIN_MINOR,
    topUpMaxMinor: env.TIKI_TOP_UP_MAX_MINOR,
    transferMaxMinor: env.TIKI_TRANSFER_MAX_MINOR,
    allowanceMaxMinor: env.TIKI_ALLOWANCE_MAX_MINOR,
    perPaymentMaxMinor: env.TIKI_PER_PAYMENT_MAX_MINOR,
  };
}

function databaseManners(env: z.output<typeof Environment>) {
  const isPooled = env.TIKI_DATABASE_POOLER === 'transaction';
  const migrates = env.TIKI_MIGRATE === 'at_start';
  if (isPooled && env.DATABASE_URL === undefined)
    throw new ConfigError('TIKI_DATABASE_POOLER is about the server that DATABASE_URL names.');
  if (isPooled && migrates && env.DATABASE_OWNER_URL === undefined)
    throw new ConfigError(
      'Migrations hold a lock of their session, which a pooler does not keep: set DATABASE_OWNER_URL to the database itself, or TIKI_MIGRATE=never.',
    );
  return { isPooled, migrates, acceptsNewerSchema: env.TIKI_NEWER_SCHEMA === 'accept' };
}

function stripeConfig(env: z.output<typeof Environment>): StripeConfig {
  if (env.STRIPE_SECRET_KEY === undefined) {
    const apiBase = env.STRIPE_API_BASE ?? `http://127.0.0.1:${env.STRIPE_STANDIN_PORT}`;
    return {
      secretKey: 'sk_test_standin',
      webhookSecret: env.STRIPE_WEBHOOK_SECRET ?? null,
      connectWebhookSecret: null,
      apiBase,
      isStandIn: true,
    };
  }
  if (env.STRIPE_WEBHOOK_SECRET === undefined) {
    throw new ConfigError(
      'STRIPE_SECRET_KEY needs STRIPE_WEBHOOK_SECRET beside it: top-ups are credited by the webhook only.',
    );
  }
  return {
    secretKey: env.STRIPE_SECRET_KEY,
    webhookSecret: env.STRIPE_WEBHOOK_SECRET,
    connectWebhookSecret: env.STRIPE_CONNECT_WEBHOOK_SECRET ?? null,
    apiBase: env.STRIPE_API_BASE ?? null,
    isStandIn: false,
  };
}

function twilioConfig(env: z.output<typeof Environment>): TwilioConfig {
  const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_VERIFY_SERVICE_SID } = env;
  const given = [TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_VERIFY_SERVICE_SID].filter(
    (value) => value !== undefined,
  );
  if (given.length !== 0 && given.length !== 3) {
    throw new ConfigError(
      'TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_VERIFY_SERVICE_SID are set together or not at all.',
    );
  }
  const isStandIn = given.length === 0;
  const standInBase = `http://127.0.0.1:${env.TWILIO_STANDIN_PORT}`;
  return {
    accountSid: TWILIO_ACCOUNT_SID ?? STAND_IN_ACCOUNT_SID,
    authToken: TWILIO_AUTH_TOKEN ?? 'stand-in',
    verifyServiceSid: TWILIO_VERIFY_SERVICE_SID ?? STAND_IN_SERVICE_SID,
    verifyOwnerServiceSid:
      env.TWILIO_VERIFY_OWNER_SERVICE_SID ?? TWILIO_VERIFY_SERVICE_SID ?? STAND_IN_OWNER_SERVICE_SID,
    apiBase: env.TWILIO_API_BASE ?? (isStandIn ? standInBase : null),
    isStandIn,
    inboxUrl: isStandIn
      ? (env.TWILIO_STANDIN_PUBLIC_URL ?? `http://localhost:${env.TWILIO_STANDIN_PORT}/`)
      : null,
  };
}
