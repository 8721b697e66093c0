/**
 * The second way to the vault: the phone's own fingerprint or face, by WebAuthn with the PRF extension. The authenticator
 * gives 32 bytes for a salt, after it has verified the person, and for nobody else; they are a key that opens the vault's
 * master key beside the PIN. All of it works without a network.
 *
 * Owns: asking the authenticator. Never: lets it answer without having verified the person, or keeps what it gave.
 */
import { WalletError } from '../pay/codes.ts';

/** What the vault keeps of it: nothing that opens anything without the authenticator. */
export interface PasskeyRecord {
  readonly credentialId: Uint8Array;
  /** 32 random bytes. */
  readonly salt: Uint8Array;
}

export interface Passkeys {
  /** Can this phone verify a person at all? */
  readonly isPossible: () => Promise<boolean>;
  /** @throws WalletError `passkey_not_possible`, `passkey_cancelled` */
  readonly create: (person: { readonly name: string }) => Promise<PasskeyRecord>;
  /** The 32 bytes. @throws WalletError `passkey_not_possible`, `passkey_cancelled` */
  readonly ask: (record: PasskeyRecord) => Promise<ArrayBuffer>;
}

const TIMEOUT_MS = 60_000;
const ES256 = -7;
const RS256 = -257;

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

export const browserPasskeys: Passkeys = {
  isPossible: async () =>
    typeof PublicKeyCredential === 'function' &&
    (await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false)),

  create: async ({ name }) => {
    const made = await answered(
      navigator.credentials.create({
        publicKey: {
          // Nobody verifies it: what counts is what the authenticator gives back later.
          challenge: random(32),
          rp: { name: 'TikiWallet' },
          user: { id: random(16), name, displayName: name },
          pubKeyCredParams: [ES256, RS256].map((alg) => ({ type: 'public-key', alg })),
          authenticatorSelection: {
            authenticatorAttachment: 'platform',
            residentKey: 'discouraged',
            userVerification: 'required',
          },
          timeout: TIMEOUT_MS,
          extensions: { prf: {} },
        },
      }),
    );
    if (made.getClientExtensionResults().prf?.enabled !== true) throw new WalletError('passkey_not_possible');
    return { credentialId: new Uint8Array(made.rawId), salt: random(32) };
  },

  ask: async ({ credentialId, salt }) => {
    const given = await answered(
      navigator.credentials.get({
        publicKey: {
          challenge: random(32),
          allowCredentials: [{ type: 'public-key', id: own(credentialId), transports: ['internal'] }],
          userVerification: 'required',
          timeout: TIMEOUT_MS,
          extensions: { prf: { eval: { first: own(salt) } } },
        },
      }),
    );
    const first = given.getClientExtensionResults().prf?.results?.first;
    if (first === undefined) throw new WalletError('passkey_not_possible');
    // A copy, whatever the browser gave: the bytes and no view of something larger.
    return new Uint8Array(first instanceof ArrayBuffer ? first : first.buffer).slice().buffer;
  },
};

async function answered(asking: Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await asking;
    if (credential instanceof PublicKeyCredential) return credential;
  } catch (cause) {
    // The browser says the same for a person who says no, for time that is over and for a passkey that was removed.
    const isNo =
      cause instanceof DOMException && (cause.name === 'NotAllowedError' || cause.name === 'AbortError');
    throw new WalletError(isNo ? 'passkey_cancelled' : 'passkey_not_possible', { cause });
  }
  throw new WalletError('passkey_not_possible');
}
