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
import type { Manager } from './manager.ts';

export interface ManagerParts {
  readonly manager: Manager;
  readonly sales: Sales;
  readonly store: StoreClient;
}

type ManagerHandlers = Pick<
  AgentHandlers,
  'manager.setPin' | 'limits.get' | 'limits.set' | 'till.setMostOpen' | 'sale.override'
>;

export function managerHandlers({ manager, sales, store }: ManagerParts): ManagerHandlers {
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

function linesOf({ issuer, merchant, kiosk, counts }: LimitOverview): LimitLine[] {
  return LIMIT_NAMES.map((name) => ({
    name,
    issuer: digits(issuer, name) ?? '0',
    merchant: digits(merchant, name),
    kiosk: digits(kiosk, name),
    counts: digits(counts, name) ?? '0',
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
