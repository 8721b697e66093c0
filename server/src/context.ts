/** What every room's routes are given: built once in `main.ts`, or by a test. */
import type { Logger } from 'pino';
import type { Authenticator } from './accounts/authenticate.ts';
import type { Sessions } from './accounts/sessions.ts';
import type { Tokens } from './accounts/tokens.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { ActingRoles } from './db/acting-as.ts';
import type { Db } from './db/client.ts';
import type { AsTenant } from './db/tenant.ts';
import type { Reading } from './db/reading.ts';
import type { Asked } from './http/asked.ts';
import type { Idempotency } from './http/idempotency.ts';
import type { RateLimits } from './http/rate-limits.ts';
import type { Router } from './http/router.ts';
import type { Life } from './life.ts';
import type { MoneyPort } from './money/port.ts';
import type { NotifyPort } from './notify/port.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Offline, SealingKeys, SignatureVerifier } from './trust/index.ts';
import type { WebhookNeeds } from './webhooks/index.ts';

export interface ServerContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly db: Db;
  /** For reads on behalf of whoever is signed in. */
  readonly asTenant: AsTenant;
  /** For writes on behalf of whoever is signed in. */
  readonly dbOf: ActingRoles['dbOf'];
  /** For settlement, providers' events and background work. */
  readonly worker: Db;
  /** The pool as the role of an operator's pages, by name. */
  readonly operatorOf: ActingRoles['operatorOf'];
  /** For lists and figures that may be some seconds old. */
  readonly reading: Reading;
  readonly log: Logger;
  readonly auth: Authenticator;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly limits: RateLimits;
  readonly idempotency: Idempotency;
  readonly notify: NotifyPort;
  readonly money: MoneyPort;
  readonly offline: Offline;
  readonly webhooks: WebhookNeeds['webhooks'];
  /** What kiosks seal to, and opens what they sealed. */
  readonly sealing: SealingKeys;
  /** Verifies many signatures at once, on every core. */
  readonly verifier: SignatureVerifier;
  readonly metrics: Metrics;
  /** What this process is up to: it says so to whoever sends it requests (`routes/health.ts`). */
  readonly life: Life;
  /** Our ledger account that pays merchants where a reserve falls short. */
  readonly guaranteeAccountId: string;
  /** The address to hold responsible for a request, for rate limits. */
  readonly addressOf: (c: Pick<Asked, 'req' | 'env'>) => string;
  /** Whether a request came by way of one of our own proxies. */
  readonly isFromProxy: (c: Pick<Asked, 'req' | 'env'>) => boolean;
}

/** Adds a room's routes. One file in `routes/` exports one of these; `app.ts` lists them. */
export type RegisterRoutes = (router: Router, context: ServerContext) => void;
