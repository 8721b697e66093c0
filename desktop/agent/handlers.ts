/** Every call of the local socket and the room that carries it out. Owns the table; decides nothing itself. */
import type { AgentHandlers } from '../ipc/agent-handlers.ts';
import { IpcError, type AgentResult, type AgentState } from '../ipc/index.ts';
import { toQrText } from '@tikiwallet/protocol';
import type { AcceptOutcome } from './accept-payment.ts';
import type { CloudApi } from './cloud/cloud-api.ts';
import type { MerchantSession } from './cloud/merchant-session.ts';
import { managerHandlers, type ManagerParts } from './manager/manager-handlers.ts';
import { acceptScanned, type ScanParts } from './pairing/scanned-delivery.ts';
import { radioHandlers, type RadioParts } from './radio/radio-handlers.ts';
import { refundHandlers, type RefundParts } from './refund-handlers.ts';
import { describePayment, type Sales } from './sales.ts';
import type { StoreClient } from './store/store-client.ts';

export interface HandlerParts extends ManagerParts, RefundParts, RadioParts {
  readonly api: CloudApi;
  readonly merchant: MerchantSession;
  readonly sales: Sales;
  readonly store: StoreClient;
  readonly state: () => AgentState;
  /** @throws IpcError */
  readonly enrol: (code: string) => Promise<void>;
  readonly settleNow: () => void;
  readonly aboutToSell: () => void;
  /** The same acceptance as for what comes over HTTP; the phone waits for its receipt on the screen. */
  readonly accept: (delivery: Uint8Array) => Promise<AcceptOutcome>;
  /** Opens what was sealed to this kiosk. */
  readonly open: ScanParts['open'];
}

export function agentHandlers(parts: HandlerParts): AgentHandlers {
  const { api, merchant, sales, store } = parts;
  const standIns = rememberStandIns(api);
  return {
    'agent.state': async () => parts.state(),
    'cloud.standIns': standIns,
    'merchant.register': (body) => api.register(body),
    'merchant.resend': (body) => api.resend(body),
    'merchant.verify': (body) => merchant.verify(body),
    'merchant.signIn': (body) => merchant.signIn(body),
    'merchant.signOut': async () => {
      await merchant.signOut();
      return {};
    },
    'merchant.summary': () => merchant.authorised((token) => api.summary(token)),
    'kiosks.list': () => merchant.authorised((token) => api.kiosks(token)),
    'kiosks.create': (kiosk) => merchant.authorised((token) => api.createKiosk(token, kiosk)),
    'kiosks.newCode': ({ kioskId }) => merchant.authorised((token) => api.newCode(token, kioskId)),
    'kiosk.enrol': async ({ code }) => {
      await parts.enrol(code);
      return parts.state();
    },
    'sale.open': (sale) => {
      parts.aboutToSell();
      return sales.open(sale);
    },
    'sale.cancel': ({ saleId }) => sales.cancel(saleId),
    'sale.front': async ({ saleId }) => {
      sales.bringToFront(saleId);
      return {};
    },
    'sale.putAway': async ({ saleId }) => {
      await sales.putAway(saleId);
      return {};
    },
    ...managerHandlers(parts),
    'delivery.submit': ({ text }) => acceptScanned(text, parts),
    ...refundHandlers(parts),
    ...radioHandlers(parts),
    'payment.receipt': async ({ paymentHash }) => {
      const receipt = await store.run('receiptOf', paymentHash);
      return { qrText: receipt === null ? null : toQrText('receipt', receipt) };
    },
    'activity.list': async ({ cursor, limit }) => {
      const page = await store.run('page', { before: readCursor(cursor), limit });
      const last = page.at(-1);
      const nextCursor = page.length < limit || last === undefined ? null : String(last.sequence);
      return { items: page.map(describePayment), nextCursor };
    },
    'settlement.now': async () => {
      parts.settleNow();
      return {};
    },
  };
}

/** A cursor is the sequence of the last payment that was shown. */
function readCursor(cursor: string | null): number | null {
  if (cursor === null) return null;
  if (!/^[1-9][0-9]{0,9}$/.test(cursor)) throw new IpcError('call_invalid');
  return Number(cursor);
}

/** They do not change while the cloud runs; the last word is good enough while it cannot be asked. */
function rememberStandIns(api: Pick<CloudApi, 'config'>): () => Promise<AgentResult<'cloud.standIns'>> {
  let known: AgentResult<'cloud.standIns'> = null;
  return async () => {
    try {
      known = (await api.config()).standIns;
    } catch (error) {
      if (!(error instanceof IpcError)) throw error;
    }
    return known;
  };
}
