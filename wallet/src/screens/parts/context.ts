/** Hands the wallet to the screens. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { useObservable, type WalletState } from '../../wallet-state.ts';
import type { Wallet } from '../../wallet.ts';

export const WalletContext = createContext<Wallet | null>(null);

export function useWallet(): { readonly wallet: Wallet; readonly state: WalletState } {
  const wallet = useContext(WalletContext);
  if (wallet === null) throw new TypeError('a screen was drawn outside the wallet');
  return { wallet, state: useObservable(wallet.state) };
}

/** The corrected time, drawn again every `everyMs`. */
export function useNow(wallet: Wallet, everyMs: number): number {
  const [now, setNow] = useState(() => wallet.clock.nowMs());
  useEffect(() => {
    const timer = setInterval(() => setNow(wallet.clock.nowMs()), everyMs);
    return () => clearInterval(timer);
  }, [wallet, everyMs]);
  return now;
}

/** The currency in which this wallet counts; the server's word, remembered. */
export function currencyOf(state: WalletState): string {
  return state.profile?.currency ?? state.config?.currency ?? 'USD';
}
