/** Connects the ports of a configuration: the real providers where there are keys, the stand-ins where not. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { createAuthenticator, createTokens, Sessions } from './accounts/index.ts';
import type { Clock } from './clock.ts';
import { type Config, ConfigError } from './config.ts';
import type { ServerContext } from './context.ts';
import { createActingRoles } from './db/acting-as.ts';
import type { Db } from './db/client.ts';
import { serverKey } from './db/server-keys.ts';
import { createTenantReads } from './db/tenant.ts';
import { createReading } from './db/reading.ts';
import { clientAddress, isFromProxy, trustedProxies } from './http/client-address.ts';
import { createIdempotency } from './http/idempotency.ts';
import { createRateLimits } from './http/rate-limits.ts';
import { openAccount, otherCurrency } from './ledger/index.ts';
import { Life } from './life.ts';
import { standInWebhookSecret } from './money/stand-in/webhook-secret.ts';
import { createStripeMoney } from './money/stripe.ts';
import { createTwilioNotify } from './notify/twilio.ts';
import { addDatabaseGauges } from './observe/database-gauges.ts';
import { createMetrics } from './observe/metrics.ts';
import {
  chooseWay,
  createTrust,
  loadTrustKeys,
  SealingKeys,
  SignaturePool,
  type SignatureVerifier,
} from './trust/index.ts';

export interface ContextParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly db: Db;
  /** The streaming replica; none by default. */
  readonly replica?: Db | null;
  readonly log: Logger;
}

async function webhookKey(db: Db, { keysSecret }: Config): Promise<Uint8Array> {
  const make = () => ({ k: randomBytes(32).toString('base64url') });
  const { material } = await serverKey(db, { purpose: 'webhooks', make, secret: keysSecret });
  return Buffer.from(material['k'] ?? '', 'base64url');
}

function createVerifier({ isSignatureAddonWanted }: Config, log: Logger): SignatureVerifier {
  const { way, because } = chooseWay(isSignatureAddonWanted);
  log.info(
    { way },
    because === null
      ? 'signatures are verified by the addon'
      : `signatures are verified by node:crypto: the addon ${because}`,
  );
  return new SignaturePool({ way });
}

/** Somebody's own machine: there a webhook may lead to the next port. */
function isDevelopment({ isProduction, publicOrigin }: Config): boolean {
  return !isProduction && ['localhost', '127.0.0.1'].includes(new URL(publicOrigin).hostname);
}

/** Loads or makes the server's keys, so it needs a migrated database. */
export async function createContext(parts: ContextParts): Promise<ServerContext> {
  const { config, clock, db, log } = parts;
  const other = await otherCurrency(db, config.currency);
  if (other !== null)
    throw new ConfigError(
      `This database keeps money in ${other}, and TIKI_CURRENCY says ${config.currency}: nobody would find their money.`,
    );
  const sessions = new Sessions(db, clock);
  const tokens = await createTokens({
    db,
    clock,
    issuer: config.publicOrigin,
    keysSecret: config.keysSecret,
  });
  const limits = createRateLimits(db, { factor: config.rateLimitFactor, smsPerDay: config.smsPerDay });
  const policy = config.offline;
  const trust = await createTrust(db, loadTrustKeys(config.trustKeyFiles), clock, policy);
  const proxies = trustedProxies(config.trustedProxies);
  const { connectWebhookSecret } = config.stripe;
  const webhookSecrets = [
    config.stripe.webhookSecret ?? standInWebhookSecret(config.standInDataDir),
    ...(connectWebhookSecret === null ? [] : [connectWebhookSecret]),
  ];
  const reading = createReading({ primary: db, replica: parts.replica ?? null, log: parts.log });
  const metrics = createMetrics({ poolSize: config.databaseConnections });
  addDatabaseGauges({
    registry: metrics.registry,
    reading,
    clock,
    smsPerDay: config.smsPerDay,
    guaranteeAllMonthMinor: policy.guaranteeAllMonthMinor,
  });
  return {
    ...parts,
    asTenant: await createTenantReads(db, log),
    ...(await createActingRoles(db, log)),
    metrics,
    reading,
    life: new Life(),
    sessions,
    tokens,
    auth: createAuthenticator(db, { tokens, sessions, limits }),
    limits,
    idempotency: createIdempotency(db, clock),
    notify: createTwilioNotify(config.twilio),
    money: createStripeMoney({ config: config.stripe, webhookSecrets, clock }),
    offline: { trust, policy },
    webhooks: { key: await webhookKey(db, config), allowPrivate: isDevelopment(config) },
    sealing: new SealingKeys({
      db,
      clock,
      secret: config.keysSecret,
      trust,
      isOffered: config.sealsBatches,
    }),
    verifier: createVerifier(config, log),
    guaranteeAccountId: await openAccount(db, { kind: 'guarantee_fund', currency: config.currency }),
    addressOf: (c) => clientAddress(c, proxies),
    isFromProxy: (c) => isFromProxy(c, proxies),
  };
}
