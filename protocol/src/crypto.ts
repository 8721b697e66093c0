/**
 * Cryptography as requests, so that one implementation of the rules runs on synchronous primitives (node:crypto in
 * the agent and the server, fast) and on asynchronous ones (WebCrypto in the phone). A rule is a generator that
 * yields what it needs; a driver answers. Nothing here implements a primitive.
 */
import { attempt, Refusal, type Result } from './errors.ts';

export type CryptoRequest =
  | { readonly op: 'digest'; readonly data: Uint8Array }
  /** ES256; `publicKey` is a 33-byte compressed P-256 point, `signature` 64 bytes r || s. False for any bad input. */
  | {
      readonly op: 'verify';
      readonly publicKey: Uint8Array;
      readonly data: Uint8Array;
      readonly signature: Uint8Array;
    }
  /** ES256 with the signer that the driver was given. */
  | { readonly op: 'sign'; readonly data: Uint8Array };

export type CryptoAnswer = Uint8Array | boolean;
/** A rule in progress. Returns its value or throws {@link Refusal}. */
export type Steps<T> = Generator<CryptoRequest, T, CryptoAnswer>;

export interface SyncCrypto {
  /** SHA-256. */
  digest(data: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean;
}
export interface AsyncCrypto {
  digest(data: Uint8Array): Promise<Uint8Array>;
  verify(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): Promise<boolean>;
}
export type SyncSigner = (data: Uint8Array) => Uint8Array;
export type AsyncSigner = (data: Uint8Array) => Promise<Uint8Array>;

export function* digest(data: Uint8Array): Steps<Uint8Array> {
  const answer = yield { op: 'digest', data };
  if (!(answer instanceof Uint8Array)) throw new TypeError('driver answered a digest with a boolean');
  return answer;
}

export function* verifySignature(
  publicKey: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
): Steps<boolean> {
  return (yield { op: 'verify', publicKey, data, signature }) === true;
}

export function* sign(data: Uint8Array): Steps<Uint8Array> {
  const answer = yield { op: 'sign', data };
  if (!(answer instanceof Uint8Array) || answer.length !== 64)
    throw new TypeError('signer must answer 64 bytes');
  return answer;
}

function noSigner(): never {
  throw new TypeError('these steps sign: hand the driver a signer');
}

/** Runs steps to their end on synchronous primitives; refusals come back as values. */
export function runSync<T>(steps: Steps<T>, crypto: SyncCrypto, signer: SyncSigner = noSigner): Result<T> {
  return attempt(() => {
    let turn = steps.next();
    while (!turn.done) turn = answer(steps, turn.value, crypto, signer);
    return turn.value;
  });
}

function answer<T>(
  steps: Steps<T>,
  request: CryptoRequest,
  crypto: SyncCrypto,
  signer: SyncSigner,
): IteratorResult<CryptoRequest, T> {
  switch (request.op) {
    case 'digest':
      return steps.next(crypto.digest(request.data));
    case 'verify':
      return steps.next(crypto.verify(request.publicKey, request.data, request.signature));
    case 'sign':
      return steps.next(signer(request.data));
  }
}

/** Steps that stand at their signature, so that it can be made elsewhere while something else is done. */
export interface AtSignature<T> {
  readonly toSign: Uint8Array;
  /** Once, with the signature of exactly `toSign`. */
  finish(signature: Uint8Array): T;
}

/** Runs steps on synchronous primitives up to the one thing that they have signed. */
export function runToSignature<T>(steps: Steps<T>, crypto: SyncCrypto): Result<AtSignature<T>> {
  return attempt(() => {
    let turn = steps.next();
    while (!turn.done && turn.value.op !== 'sign') turn = answer(steps, turn.value, crypto, noSigner);
    if (turn.done || turn.value.op !== 'sign') throw new TypeError('these steps sign nothing');
    const { data } = turn.value;
    return { toSign: data, finish: (signature) => endOf(steps.next(signature)) };
  });
}

function endOf<T>(turn: IteratorResult<CryptoRequest, T>): T {
  if (!turn.done) throw new TypeError('these steps do not end with their signature');
  return turn.value;
}

/** Runs steps to their end on asynchronous primitives; refusals come back as values. */
export async function runAsync<T>(
  steps: Steps<T>,
  crypto: AsyncCrypto,
  signer: AsyncSigner = noSigner,
): Promise<Result<T>> {
  try {
    let turn = steps.next();
    while (!turn.done) {
      const request = turn.value;
      switch (request.op) {
        case 'digest':
          turn = steps.next(await crypto.digest(request.data));
          break;
        case 'verify':
          turn = steps.next(await crypto.verify(request.publicKey, request.data, request.signature));
          break;
        case 'sign':
          turn = steps.next(await signer(request.data));
          break;
      }
    }
    return { ok: true, value: turn.value };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, code: error.code };
    throw error;
  }
}
