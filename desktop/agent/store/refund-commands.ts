/**
 * The store's commands about giving money back. Owns who may begin: where a till has a manager's PIN, a new offer needs
 * it; what was once offered is answered again without it.
 */
import { fromHex } from '@tikiwallet/protocol';
import { IpcError } from '../../ipc/index.ts';
import type { RefundDesk } from '../give-back.ts';
import type { KioskStore } from './kiosk-store.ts';
import type { CommandTable } from './messages.ts';

type RefundCommands = Pick<
  CommandTable,
  'openRefund' | 'cancelRefund' | 'lookAtRefund' | 'acceptRefund' | 'refundsOf' | 'refundReceiptOf'
>;

export function refundCommands(store: KioskStore, refunds: RefundDesk): RefundCommands {
  return {
    openRefund: ({ pinHash, ...asked }) => {
      const isNew = store.refunds.offer(asked.refundId) === null;
      // A right PIN counts even where the refund itself is refused.
      if (pinHash !== null) store.write(() => store.managerPin.prove(pinHash));
      else if (isNew && store.managerPin.standing().state !== 'none')
        throw new IpcError('manager_pin_needed');
      return refunds.open(asked);
    },
    cancelRefund: (refundId) => refunds.cancel(refundId),
    lookAtRefund: (refundId) => refunds.look(refundId),
    acceptRefund: (bytes) => refunds.accept(bytes),
    refundsOf: (paymentHash) => store.refunds.ofPayment(fromHex(paymentHash)),
    refundReceiptOf: (refundId) => store.refunds.byId(refundId)?.receipt ?? null,
  };
}
