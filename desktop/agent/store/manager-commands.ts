/**
 * The store's commands that a manager decides: the PIN, limits, and letting a refused payment through. Owns the order
 * within each transaction: a try is on disk before it is looked at, and a right PIN counts even where the act fails.
 */
import { encodePolicyChangeBody, freshnessLevel, limitsAt } from '@tikiwallet/protocol';
import { IpcError } from '../../ipc/index.ts';
import type { PaymentDesk } from '../accept-payment.ts';
import type { KioskStore } from './kiosk-store.ts';
import { raises } from './limit-settings.ts';
import type { CommandTable, LimitOverview } from './messages.ts';

type ManagerCommands = Pick<
  CommandTable,
  'setLimits' | 'setMostOpen' | 'readLimits' | 'beginPinTry' | 'replacePin' | 'overridePayment'
>;

export function managerCommands(store: KioskStore, payments: PaymentDesk): ManagerCommands {
  /** In a transaction of its own: what follows may fail for another reason. @throws IpcError */
  const prove = (pinHash: Uint8Array): void => store.write(() => store.managerPin.prove(pinHash));
  return {
    setLimits: ({ pinHash, ...owned }) => {
      if (pinHash !== null) prove(pinHash);
      else if (raises(store.limits.of(owned.owner), owned.limits)) throw new IpcError('manager_pin_needed');
      store.write(() => {
        store.setLimits(owned);
        store.append('policyChange', store.now().seconds, encodePolicyChangeBody(owned));
      });
      return null;
    },
    setMostOpen: ({ most, pinHash }) => {
      if (pinHash !== null) prove(pinHash);
      else if (most > store.memory.mostOpen) throw new IpcError('manager_pin_needed');
      store.write(() => store.setMostOpen(most));
      return null;
    },
    readLimits: () => readLimits(store),
    beginPinTry: () => store.write(() => store.managerPin.beginTry()),
    replacePin: ({ salt, hash, former }) => {
      if (former !== null) prove(former);
      store.write(() => store.managerPin.replace({ salt, hash, at: store.now().seconds }));
      return null;
    },
    overridePayment: ({ saleId, pinHash, ...consent }) => {
      prove(pinHash);
      const request = store.requests.bySale(saleId);
      if (request === null) throw new IpcError('sale_not_found');
      const { requestId } = request;
      const outcome = store.write(() => payments.acceptUnderOverride({ ...consent, requestId }));
      if (outcome === null) throw new IpcError('override_not_possible');
      return outcome;
    },
  };
}

function readLimits(store: KioskStore): LimitOverview {
  const { kiosk, limitSettings } = store.memory;
  if (kiosk === null) throw new IpcError('kiosk_not_enrolled');
  const { policy, issuedAt } = kiosk.trust;
  const level = freshnessLevel(store.now().seconds - issuedAt);
  return {
    issuer: limitsAt('full', policy, kiosk.certificate),
    merchant: store.limits.of('merchant'),
    kiosk: store.limits.of('kiosk'),
    cloud: store.memory.cloudLimits?.limits ?? {},
    counts: limitsAt(level, policy, kiosk.certificate, limitSettings),
  };
}
