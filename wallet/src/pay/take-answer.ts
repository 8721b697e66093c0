/**
 * What the kiosk's page brought back in the wallet's own address (spec 13). Never: believes it. A receipt is verified
 * like any other, a refusal is told and frees nothing, and both count only for a payment that this phone really took
 * there.
 */
import {
  attempt,
  fromBase64Url,
  fromHex,
  runAsync,
  verifyKioskCertificate,
  verifyReceipt,
} from '@tikiwallet/protocol';
import { getMeta, putMeta } from '../store/database.ts';
import type { StoredPayment } from '../store/schema.ts';
import { WalletError, type ErrorCode } from './codes.ts';
import { outcomeOfCode, type DeliveryOutcome } from './deliver.ts';
import { must } from './results.ts';
import { keepOutcome } from './run-payment.ts';
import type { ReceiptNeeds } from './take-receipt.ts';

/** base64url of a receipt of 4,096 bytes. */
const MAX_RECEIPT_CHARACTERS = 5_462;

export interface TakenAnswer {
  readonly paymentId: string;
  /** Why there is no receipt; null: there is one. */
  readonly code: ErrorCode | null;
}

/**
 * @param fragment what stood behind the `#` of `/return`: anybody can write it.
 * @throws WalletError `hand_off_unknown` when no payment of this phone waits for it.
 */
export async function takeAnswer(fragment: string, needs: ReceiptNeeds): Promise<TakenAnswer> {
  const given = new URLSearchParams(fragment);
  const handOffs = (await getMeta(needs.database, 'handOffs')) ?? [];
  const handOff = handOffs.find(({ state }) => state === given.get('s'));
  const payment = handOff === undefined ? undefined : await needs.database.get('payments', handOff.paymentId);
  if (handOff === undefined || payment === undefined) throw new WalletError('hand_off_unknown');
  const outcome = await readAnswer(given, payment, needs);
  await keepOutcome(payment, outcome, needs);
  if (outcome.kind !== 'receipt') return { paymentId: payment.id, code: outcome.code };
  await putMeta(needs.database, 'pastWay', { way: 'page', address: handOff.address });
  return { paymentId: payment.id, code: null };
}

async function readAnswer(
  given: URLSearchParams,
  payment: StoredPayment,
  needs: ReceiptNeeds,
): Promise<DeliveryOutcome> {
  const notUnderstood = { kind: 'no_answer', code: 'answer_not_understood' } as const;
  const text = given.get('r');
  if (given.get('v') !== '1' || (text === null) === (given.get('e') === null)) return notUnderstood;
  if (text === null) {
    const code = given.get('e');
    if (code === 'kiosk_unreachable') return { kind: 'no_answer', code };
    return outcomeOfCode(code) ?? notUnderstood;
  }
  if (text.length > MAX_RECEIPT_CHARACTERS) return notUnderstood;
  const bytes = attempt(() => fromBase64Url(text));
  if (!bytes.ok) return notUnderstood;
  const kiosk = await must(
    runAsync(verifyKioskCertificate(payment.kioskCertificate, needs.issuers), needs.crypto),
  );
  const expected = { paymentHash: fromHex(payment.id), amountMinor: payment.amountMinor };
  const receipt = await runAsync(verifyReceipt(bytes.value, kiosk, expected), needs.crypto);
  if (!receipt.ok) return { kind: 'no_answer', code: receipt.code };
  return { kind: 'receipt', receipt: receipt.value, bytes: bytes.value };
}
