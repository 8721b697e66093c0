/** What this browser, here and now, knows about its ways to a kiosk, and the steps out of the wallet and back. */
import { getMeta } from '../store/database.ts';
import type { Database } from '../store/schema.ts';
import type { LinkFacts, Permission } from './ways.ts';

export interface LinkNeeds {
  readonly facts: (addresses: readonly string[]) => Promise<LinkFacts>;
  /** Goes to the kiosk's page. What stands in the history is the payment's code: that is where "back" leads. */
  readonly leave: (url: string, paymentId: string) => void;
  /** Gives up going, when the wallet is still on the screen. */
  readonly stay: () => void;
  /** Of the kiosk's page. */
  readonly language: () => string;
  /** 16 bytes that nobody can guess. */
  readonly randomState: () => Uint8Array;
}

export function linkInBrowser(database: Database, kioskOrigins: () => readonly string[] | null): LinkNeeds {
  let from = '';
  return {
    facts: async (addresses) => ({
      walletOrigin: location.origin,
      addresses,
      permission: await localNetworkPermission(),
      kioskOrigins: kioskOrigins(),
      hasNetwork: navigator.onLine,
      past: (await getMeta(database, 'pastWay')) ?? null,
    }),
    leave: (url, paymentId) => {
      from = location.hash;
      history.replaceState(null, '', `/#/show-code/${paymentId}~page`);
      location.assign(url);
    },
    stay: () => {
      stop();
      history.replaceState(null, '', `/${from}`);
    },
    language: () => document.documentElement.lang,
    randomState: () => crypto.getRandomValues(new Uint8Array(16)),
  };
}

/** Chromium has changed the permission's name once; the newer one first. */
const PERMISSION_NAMES = ['local-network', 'local-network-access'];

async function localNetworkPermission(): Promise<Permission> {
  let found: Permission = 'unknown';
  for (const name of PERMISSION_NAMES) {
    try {
      // The names are newer than the list in the DOM's types.
      const { state } = await navigator.permissions.query({ name: name as PermissionName });
      if (state === 'granted') return 'granted';
      if (found !== 'denied') found = state;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // This browser does not know the permission under this name.
    }
  }
  return found;
}

/** Has the person, or a policy, told the browser that this page may not reach the shop's network? */
export async function localNetworkDenied(): Promise<boolean> {
  return (await localNetworkPermission()) === 'denied';
}
