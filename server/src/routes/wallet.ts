/** `GET /v1/wallet`: both wallets of a customer at one glance. */
import { createRoute } from '@hono/zod-openapi';
import { type Allowance, WalletView } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import type { Executor } from '../db/client.ts';
import { answers, bearer, refusals, type Router } from '../http/router.ts';
import { balances } from '../ledger/index.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/wallet',
  tags: ['wallet'],
  summary: 'Balances and allowances',
  security: bearer,
  responses: { 200: answers(WalletView, 'The wallet'), ...refusals },
});

export interface WalletNeeds {
  /** Brings home what is due to this user, so that a look at the wallet never shows yesterday's state. */
  readonly returnDue: (userId: string) => Promise<void>;
  /** Allowances of a user that hold money or were closed lately. Newest first. */
  readonly listAllowances: (executor: Executor, userId: string) => Promise<Allowance[]>;
}

export function registerWallet(router: Router, context: ServerContext, needs: WalletNeeds): void {
  const { asTenant, auth, clock, config } = context;
  router.openapi(route, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    await needs.returnDue(userId);
    // One snapshot, so that money on its way between the two wallets is counted once.
    const snapshot = await asTenant({ userId, merchantId: null }, async (tx) => {
      const { currency } = config;
      const online = await balances(tx, { kind: 'user_online', ownerIds: [userId], currency });
      return { onlineMinor: online.get(userId) ?? 0n, allowances: await needs.listAllowances(tx, userId) };
    });
    const offlineMinor = snapshot.allowances.reduce(
      (sum, allowance) => sum + BigInt(allowance.reservedMinor),
      0n,
    );
    const view: WalletView = {
      currency: config.currency,
      onlineMinor: snapshot.onlineMinor.toString(),
      offlineMinor: offlineMinor.toString(),
      allowances: snapshot.allowances,
      asOf: new Date(clock.nowMs()).toISOString(),
    };
    return c.json(view, 200);
  });
}
