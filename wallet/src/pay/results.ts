/** From the protocol's results to the wallet's exceptions. */
import { attempt, fromBase64Url, type Result } from '@tikiwallet/protocol';
import { WalletError } from './codes.ts';

/** @throws WalletError with the refusal's code. */
export async function must<T>(result: Promise<Result<T>>): Promise<T> {
  const settled = await result;
  if (settled.ok) return settled.value;
  throw new WalletError(settled.code);
}

/** base64url that the cloud sent. @throws WalletError */
export function decoded(text: string): Uint8Array {
  const result = attempt(() => fromBase64Url(text));
  if (result.ok) return result.value;
  throw new WalletError('answer_not_understood');
}
