/**
 * One POST to an address that a stranger chose.
 *
 * Owns: everything that makes that safe (R56): the name is looked up once and the connection goes to that address, so
 * that a name which changes its mind changes nothing; https, no redirects, one deadline, a bounded answer. Never: reads the
 * answer's body for anything, or tells the merchant more of a failure than a closed code.
 */
import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.ts';

export type SendError = 'address_not_allowed' | 'name_not_found' | 'no_answer' | 'answer_too_large';
export type SendOutcome = { readonly status: number } | { readonly error: SendError };

export interface Outgoing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SendPolicy {
  /** A developer's machine: http, and addresses of its own network. */
  readonly allowPrivate: boolean;
  readonly timeoutMs?: number;
  /** Asked once a POST. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16 * 1024;

const resolveName = async (hostname: string) =>
  (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** Whether a merchant may name this URL at all; its name is judged again, by its address, at every POST. */
export function isAllowedUrl(text: string, { allowPrivate }: Pick<SendPolicy, 'allowPrivate'>): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) return false;
  if (allowPrivate) return true;
  const host = hostOf(url);
  if (isIP(host) !== 0) return isPublicAddress(host);
  return host.includes('.') && !/(^|\.)(localhost|local|internal|lan|home|arpa)\.?$/i.test(host);
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

export async function send(outgoing: Outgoing, policy: SendPolicy): Promise<SendOutcome> {
  const url = URL.parse(outgoing.url);
  if (url === null || !isAllowedUrl(outgoing.url, policy)) return { error: 'address_not_allowed' };
  const host = hostOf(url);
  let addresses: readonly string[];
  try {
    addresses = isIP(host) === 0 ? await (policy.resolve ?? resolveName)(host) : [host];
  } catch {
    return { error: 'name_not_found' };
  }
  const [address] = addresses;
  if (address === undefined) return { error: 'name_not_found' };
  // One bad address among good ones is a trap, not an accident.
  if (!policy.allowPrivate && !addresses.every(isPublicAddress)) return { error: 'address_not_allowed' };
  return post(url, address, outgoing, policy.timeoutMs ?? TIMEOUT_MS);
}

/** To exactly this address, whatever the name says by now; the certificate must still be the name's. */
function post(
  url: URL,
  address: string,
  { headers, body }: Outgoing,
  timeoutMs: number,
): Promise<SendOutcome> {
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((settle) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
        signal: deadline,
        lookup: (_host, options, done) => {
          const family = isIP(address);
          if (options.all === true) done(null, [{ address, family }]);
          else done(null, address, family);
        },
      },
      (answer) => {
        let bytes = 0;
        const status = answer.statusCode ?? 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= MAX_ANSWER_BYTES) return;
          settle({ error: 'answer_too_large' });
          sent.destroy();
        });
        answer.on('end', () => settle({ status }));
        answer.on('error', () => settle({ error: 'no_answer' }));
      },
    );
    sent.on('error', () => settle({ error: 'no_answer' }));
    // Also without an error: who answers that another protocol begins here is hung up on, and said no more of.
    sent.on('close', () => settle({ error: 'no_answer' }));
    sent.end(body);
  });
}
