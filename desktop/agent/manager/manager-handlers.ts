/** The calls of the local socket that a manager decides: PIN, limits, override. Translates; the rules are the store's. */
import {
  isOverridable,
  MONEY_LIMITS,
  NUMBER_LIMITS,
  type LimitSettings,
  type OverridableCode,
} from '@tikiwallet/protocol';
import type { AgentHandlers, CheckedParams } from '../../ipc/agent-handlers.ts';
import { IpcError, LIMIT_NAMES, type LimitLine, type LimitName } from '../../ipc/index.ts';
import type { Sales } from '../sales.ts';
import type { LimitOverview } from '../store/messages.ts';
import type { StoreClient } from '../store/store-client.ts';
import type { CloudApi } from '../cloud/cloud-api.ts';
import type { MerchantSession } from '../cloud/merchant-session.ts';
import type { StoreSnapshot } from '../store/kiosk-store.ts';
import type { Manager } from './manager.ts';

export interface ManagerParts {
  readonly manager: Manager;
  readonly sales: Sales;
  readonly store: StoreClient;
  readonly api: Pick<CloudApi, 'setLimits'>;
  readonly merchant: MerchantSession;
  readonly snapshot: () => StoreSnapshot | null;
  /** Asks the cloud for its newest trust, and with it the merchant's limits. */
  readonly refreshTrust: () => Promise<unknown>;
}

type ManagerHandlers = Pick<
  AgentHandlers,
  'manager.setPin' | 'limits.get' | 'limits.set' | 'merchant.setLimits' | 'till.setMostOpen' | 'sale.override'
>;

export function managerHandlers(parts: ManagerParts): ManagerHandlers {
  const { manager, sales, store } = parts;
  const readLines = async () => ({ lines: linesOf(await store.run('readLimits', null)) });
  return {
    'manager.setPin': async (wish) => {
      await manager.setPin(wish);
      return {};
    },
    'limits.get': readLines,
    'limits.set': async ({ owner, limits, pin }) => {
      const wanted = { owner, limits: settingsOf(limits) };
      const set = (pinHash: Uint8Array | null) => store.run('setLimits', { ...wanted, pinHash });
      await (pin === undefined ? set(null) : manager.withPin(pin, set));
      return readLines();
    },
    'merchant.setLimits': async ({ limits }) => {
      await setForAllTills(limits, parts);
      return readLines();
    },
    'till.setMostOpen': async ({ mostOpen, pin }) => {
      const set = (pinHash: Uint8Array | null) => store.run('setMostOpen', { most: mostOpen, pinHash });
      await (pin === undefined ? set(null) : manager.withPin(pin, set));
      return {};
    },
    'sale.override': async ({ pin, codes, ...consent }) => {
      const consented = codes.filter(isOverridable);
      if (consented.length !== codes.length) throw new IpcError('override_not_possible');
      const outcome = await manager.withPin(pin, (pinHash) =>
        sales.override({ ...consent, codes: consented satisfies OverridableCode[], pinHash }),
      );
      return outcome.kind === 'refused'
        ? { outcome: 'refused', code: outcome.code }
        : { outcome: outcome.kind, paymentHash: outcome.payment.paymentHash };
    },
  };
}

/** Only by this till's own merchant: another one who is signed in here would change the limits of other tills unseen. */
async function setForAllTills(
  limits: CheckedParams<'merchant.setLimits'>['limits'],
  { api, merchant, snapshot, refreshTrust }: ManagerParts,
): Promise<void> {
  const now = snapshot();
  const kiosk = now?.kiosk ?? null;
  if (now === null || kiosk === null) throw new IpcError('kiosk_not_enrolled');
  if (merchant.view === null) throw new IpcError('not_signed_in');
  if (merchant.view.user.merchant?.id !== kiosk.merchantId) throw new IpcError('not_permitted');
  const basedOn = now.cloudLimitsVersion;
  try {
    await merchant.authorised((token) => api.setLimits(token, { limits, basedOn }));
  } finally {
    // Also after a refusal: what was set elsewhere meanwhile is what the merchant has to see.
    await refreshTrust();
  }
}

function linesOf({ issuer, merchant, kiosk, cloud, counts }: LimitOverview): LimitLine[] {
  return LIMIT_NAMES.map((name) => ({
    name,
    issuer: digits(issuer, name) ?? '0',
    merchant: digits(merchant, name),
    kiosk: digits(kiosk, name),
    cloud: digits(cloud, name),
    counts: digits(counts, name) ?? '0',
    windowSeconds: name === 'splitSumMinor' || name === 'splitCount' ? issuer.splitWindowSeconds : null,
  }));
}

function digits(limits: LimitSettings, name: LimitName): string | null {
  return limits[name]?.toString() ?? null;
}

/** Bounds are the store's; here only digits become what each limit is made of. */
function settingsOf(limits: CheckedParams<'limits.set'>['limits']): LimitSettings {
  const money = MONEY_LIMITS.flatMap((name) => {
    const value = limits[name];
    return value === undefined ? [] : [[name, BigInt(value)] as const];
  });
  const numbers = NUMBER_LIMITS.flatMap((name) => {
    const value = limits[name];
    return value === undefined ? [] : [[name, Number(value)] as const];
  });
  return { ...Object.fromEntries(money), ...Object.fromEntries(numbers) };
}
