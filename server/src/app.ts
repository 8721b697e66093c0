/**
 * Composes the HTTP surface from its rooms.
 *
 * Owns: the order of middleware and the list of rooms. Never: starts anything or reads the environment; everything
 * arrives in the context.
 */
import { MAX_BATCH_BYTES } from '@tikiwallet/protocol';
import type { MiddlewareHandler } from 'hono';
import { giveBackAll, listAllowances } from './allowances/index.ts';
import type { RegisterRoutes, ServerContext } from './context.ts';
import { answerRepeats } from './http/answer-repeats.ts';
import { limitBodies } from './http/body-limit.ts';
import { requestLine } from './http/request-line.ts';
import { refuseErrors, refuseUnknown } from './http/refuse.ts';
import { type AppEnv, newRouter, type Router } from './http/router.ts';
import { usualHeaders } from './http/usual-headers.ts';
import { registerAccount } from './routes/account.ts';
import { traceRequests } from './observe/tracing.ts';
import { registerAllowances } from './routes/allowances.ts';
import { registerAuth } from './routes/auth.ts';
import { registerClaims } from './routes/claims.ts';
import { registerRefunds } from './routes/refunds.ts';
import { registerConfig } from './routes/config.ts';
import { registerDoubleSpends } from './routes/double-spends.ts';
import { registerHealth } from './routes/health.ts';
import { registerHistory } from './routes/history.ts';
import { registerKiosk } from './routes/kiosk.ts';
import { registerMerchant } from './routes/merchant.ts';
import { registerDocsPage } from './routes/docs-page.ts';
import { registerOfficeFiles } from './routes/office-files.ts';
import { registerOperator } from './routes/operator.ts';
import { registerOpenApi } from './routes/openapi.ts';
import { registerStatement } from './routes/statement.ts';
import { registerTeam } from './routes/team.ts';
import { registerStripeWebhook } from './routes/stripe-webhook.ts';
import { registerTopUps } from './routes/top-ups.ts';
import { registerTransfers } from './routes/transfers.ts';
import { registerTrust } from './routes/trust.ts';
import { registerWebhooks } from './routes/webhooks.ts';
import { registerWithdrawals } from './routes/withdrawals.ts';
import { registerWallet, type WalletNeeds } from './routes/wallet.ts';
import { registerWalletFiles } from './routes/wallet-files.ts';

/** Routes that take more than 64 KB. */
const BODY_ALLOWANCES = [
  { path: '/v1/stripe/webhook', maxBytes: 512 * 1024 },
  { path: '/v1/kiosk/settlements', maxBytes: MAX_BATCH_BYTES },
  { path: '/v1/kiosk/settlement-stream', maxBytes: null },
];

/** What rooms of other owners supply to the wallet's view. */
const walletNeeds = ({ clock, offline, worker }: ServerContext): WalletNeeds => ({
  returnDue: async (userId) => {
    await giveBackAll({ db: worker, clock, policy: offline.policy }, userId);
  },
  listAllowances: (executor, userId) => listAllowances(executor, { userId, nowMs: clock.nowMs() }),
});

const rooms: readonly RegisterRoutes[] = [
  registerHealth,
  registerConfig,
  registerAuth,
  registerAccount,
  (router, context) => registerWallet(router, context, walletNeeds(context)),
  registerTopUps,
  registerWithdrawals,
  registerTransfers,
  registerHistory,
  registerStatement,
  registerStripeWebhook,
  registerAllowances,
  (router, context) => registerTrust(router, context.offline),
  registerMerchant,
  registerTeam,
  registerDoubleSpends,
  registerClaims,
  registerRefunds,
  registerKiosk,
  registerWebhooks,
  registerOperator,
  registerOpenApi,
  registerDocsPage,
  registerOfficeFiles,
  // Last: it answers every path that no room of the API has taken.
  registerWalletFiles,
];

export function createApp(context: ServerContext): Router {
  const router = newRouter();
  router.use(usualHeaders({ isHttps: context.config.publicOrigin.startsWith('https:') }));
  router.use(context.metrics.middleware);
  router.use(traceRequests(context.isFromProxy));
  router.use(logRequests(context));
  router.use('/v1/*', async (c, next) => {
    context.limits.takeOfFlood('requests_by_address', context.addressOf(c));
    return next();
  });
  router.use('/v1/*', limitBodies(BODY_ALLOWANCES));
  router.use('/v1/*', answerRepeats(router, context));
  for (const register of rooms) register(router, context);
  router.onError(refuseErrors(context.log));
  router.notFound(refuseUnknown(router));
  return router;
}

function logRequests({ log }: ServerContext): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startedAt = performance.now();
    await next();
    const { status } = c.res;
    log.info(requestLine(c, { status, userId: c.get('userId'), startedAt }), 'request');
  };
}
