/** What an online transfer is, in the ledger and on both people's screens. Pure. */
import { randomUUIDv7 } from 'node:crypto';
import type { TransferPreview } from '../../contract/index.ts';
import { maskName, maskPhone } from '../accounts/index.ts';
import type { NewTransfer } from '../ledger/index.ts';

export interface SendMoney {
  readonly senderId: string;
  readonly phone: string;
  readonly amountMinor: bigint;
  readonly note?: string | undefined;
  /** Names this write for ever. */
  readonly key: string;
}

interface Named {
  readonly username: string;
  readonly phone: string;
}

export function preview({ username, phone }: Named): TransferPreview {
  return { maskedName: maskName(username), maskedPhone: maskPhone(phone) };
}

export interface Sides {
  readonly sender: Named;
  readonly recipient: Named;
  /** Accounts. */
  readonly from: string;
  readonly to: string;
}

export function transferOf(
  { amountMinor, note, key }: Pick<SendMoney, 'amountMinor' | 'note' | 'key'>,
  { sender, recipient, from, to }: Sides,
): NewTransfer {
  const [payer, payee] = [preview(sender), preview(recipient)];
  return {
    id: randomUUIDv7(),
    kind: 'user_transfer',
    idempotencyKey: `user_transfer:${key}`,
    reference: {
      payerText: `${payer.maskedName} ${payer.maskedPhone}`,
      payeeText: `${payee.maskedName} ${payee.maskedPhone}`,
      ...(note === undefined || note === '' ? {} : { note: withoutControls(note) }),
    },
    entries: [
      { accountId: from, amountMinor: -amountMinor },
      { accountId: to, amountMinor },
    ],
  };
}

/** Notes are one line of text for screens and statements; control and direction-changing characters are not text. */
function withoutControls(note: string): string {
  return note.replace(/(?:(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}])+/gu, ' ').trim();
}
