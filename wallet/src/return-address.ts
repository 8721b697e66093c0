/**
 * Addresses at which the wallet is entered from outside: the provider's page after a top-up or
 * after a bank account was named, a kiosk's page after a
 * payment. Each becomes a screen like the others, and what stood in the address is out of it at once. Never: believes
 * what an address says.
 */

let arrived: string | null = null;

/** Call it before anything is drawn. */
export function takeReturnAddress(): void {
  if (location.pathname === '/return') {
    arrived = location.hash.slice(1);
    history.replaceState(null, '', '/#/return');
    return;
  }
  const query = new URLSearchParams(location.search);
  if (query.has('bank')) {
    history.replaceState(null, '', '/#/withdraw');
    return;
  }
  const topUp = query.get('topup');
  if (topUp === null) return;
  const argument = encodeURIComponent(topUp) + (query.has('cancelled') ? '~cancelled' : '');
  history.replaceState(null, '', `/#/topup-return/${argument}`);
}

/** What a kiosk's page brought back, once. Empty: somebody came without anything. */
export function takeArrival(): string | null {
  const taken = arrived;
  arrived = null;
  return taken;
}
