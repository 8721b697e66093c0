/** The calls of the local socket about giving money back. Translates; the rules are the store's. */
import { toQrText } from '@tikiwallet/protocol';
import type { AgentHandlers } from '../ipc/agent-handlers.ts';
import type { RefundOutcome } from './give-back.ts';
import type { Manager } from './manager/manager.ts';
import { acceptScannedRefund } from './pairing/scanned-delivery.ts';
import { describeGivenBack, type Refunds } from './refunds.ts';
import type { StoreClient } from './store/store-client.ts';

export interface RefundParts {
  readonly manager: Manager;
  readonly refunds: Refunds;
  readonly store: StoreClient;
  /** The same acceptance as for what comes over HTTP. */
  readonly acceptRefund: (acceptance: Uint8Array) => Promise<RefundOutcome>;
}

type RefundHandlers = Pick<
  AgentHandlers,
  'refund.open' | 'refund.cancel' | 'refund.submit' | 'refund.list' | 'refund.receipt'
>;

export function refundHandlers({ manager, refunds, store, acceptRefund }: RefundParts): RefundHandlers {
  return {
    'refund.open': ({ pin, ...asked }) =>
      pin === undefined
        ? refunds.open(asked, null)
        : manager.withPin(pin, (pinHash) => refunds.open(asked, pinHash)),
    'refund.cancel': ({ refundId }) => refunds.cancel(refundId),
    'refund.submit': ({ text }) => acceptScannedRefund(text, acceptRefund),
    'refund.list': async ({ paymentHash }) => {
      const stored = await store.run('refundsOf', paymentHash);
      return { items: stored.map(describeGivenBack) };
    },
    'refund.receipt': async ({ refundId }) => {
      const receipt = await store.run('refundReceiptOf', refundId);
      return { qrText: receipt === null ? null : toQrText('refundReceipt', receipt) };
    },
  };
}
