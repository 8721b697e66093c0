/**
 * Which way a payment takes to the kiosk, and which comes next. Pure: what is known of the browser, the network and the
 * past is handed in (link.ts finds it out). Order: a call over the shop's network, the shop's page, the code. All
 * three carry the same signed bytes. The reasons are in decisions/0007-order-of-the-ways.md.
 */

export type Way =
  /** `fetch` to the kiosk's address, over Wi-Fi Direct or the shop's network. */
  | 'radio'
  /** The person's browser goes to the kiosk's page and comes back. */
  | 'page'
  /** The phone's screen and the kiosk's camera. */
  | 'code';

/** May this page call into the local network? `unknown`: the browser has no such permission, as Safari. */
export type Permission = 'granted' | 'prompt' | 'denied' | 'unknown';

export interface PastWay {
  readonly way: 'radio' | 'page';
  /** That the page was found at; null for calls. */
  readonly address: string | null;
}

export interface LinkFacts {
  /** `location.origin` of the wallet. */
  readonly walletOrigin: string;
  /** From the signed request, in its order. */
  readonly addresses: readonly string[];
  readonly permission: Permission;
  /** What the wallet's content security policy lets it call; null: not known. */
  readonly kioskOrigins: readonly string[] | null;
  /** False: the phone is in no network at all. */
  readonly hasNetwork: boolean;
  /** How the last payment of this phone got its receipt, if not by code. */
  readonly past: PastWay | null;
}

export function firstWay(facts: LinkFacts): Way {
  if (!facts.hasNetwork || facts.addresses.length === 0) return 'code';
  const isCallable = canCall(facts);
  const byPage = pageAddress(facts) === null ? 'code' : 'page';
  // A page that came over http (a developer's, a demo's) needs no permission for a neighbour.
  if (!isSecure(facts)) return isCallable ? 'radio' : byPage;
  if (!isCallable) return byPage;
  switch (facts.permission) {
    case 'granted':
      return 'radio';
    case 'denied':
      return byPage;
    case 'prompt':
      // The question is asked by the call itself. Whoever has waved it away before is not asked at every payment.
      return facts.past?.way === 'page' ? byPage : 'radio';
    case 'unknown':
      return facts.past?.way === 'radio' ? 'radio' : byPage;
  }
}

/**
 * After a call that nobody answered. A call that was allowed and silent says that the kiosk is out of reach, and its
 * page then is as well; one that the browser may have stopped says nothing about the kiosk.
 */
export function wayAfterSilence(facts: LinkFacts): 'page' | 'code' {
  if (!facts.hasNetwork || !isSecure(facts) || facts.permission === 'granted') return 'code';
  return pageAddress(facts) === null ? 'code' : 'page';
}

/**
 * Where the kiosk's page is, or null. A signed request may name any host; a person is only ever taken to an address in
 * the shop, or to one that the wallet's own server names.
 */
export function pageAddress(
  facts: Pick<LinkFacts, 'addresses' | 'walletOrigin' | 'kioskOrigins' | 'past'>,
): string | null {
  const isHome = isLoopback(facts.walletOrigin);
  const usable = facts.addresses.filter((address) => {
    if (facts.kioskOrigins?.includes(address) === true && !isLoopback(address)) return true;
    return isLoopback(address) ? isHome : isPrivate(address);
  });
  const known = usable.find((address) => address === facts.past?.address);
  return known ?? usable.find(isGroupOwner) ?? usable[0] ?? null;
}

function canCall({ addresses, kioskOrigins }: LinkFacts): boolean {
  return kioskOrigins === null || addresses.some((address) => kioskOrigins.includes(address));
}

function isSecure({ walletOrigin }: LinkFacts): boolean {
  return walletOrigin.startsWith('https:');
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).hostname : '';
}

/** The kiosk's own address in its Wi-Fi Direct group. */
function isGroupOwner(address: string): boolean {
  return hostOf(address) === '192.168.49.1';
}

export function isLoopback(address: string): boolean {
  const host = hostOf(address);
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** RFC 1918, link-local, and their likes of IPv6: literals only, since a name can point anywhere. */
function isPrivate(address: string): boolean {
  const host = hostOf(address);
  return (
    /^(?:10\.\d{1,3}|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2}$/.test(host) ||
    /^\[(?:f[cd]|fe[89ab])[0-9a-f:]*\]$/.test(host)
  );
}
