// What the lab says to a phone's wallet, and what it hears: a person's hands and eyes, between two processes.

import type { Allowance, TrustView } from '@tikiwallet/server/contract';

export type WalletCall =
  /** What a phone brings along from when it had internet: whom it believes. */
  | { readonly call: 'trust'; readonly view: TrustView }
  /** Orders money to take along; answers with the key that it is to be certified for. */
  | { readonly call: 'order'; readonly amountMinor: bigint }
  | { readonly call: 'load'; readonly allowance: Allowance }
  /** Scans the code on the kiosk's screen, confirms, and waits for the verdict. */
  | { readonly call: 'pay'; readonly qrText: string }
  /** The same without a camera: asks the kiosk in the group what is to be paid. */
  | { readonly call: 'pay_nearby'; readonly origin: string }
  /** Sends a stored payment again, as with the button. */
  | { readonly call: 'send_again'; readonly paymentId: string }
  /** Scans and confirms where no radio reaches; answers with the code on the phone's screen. */
  | { readonly call: 'pay_by_code'; readonly qrText: string }
  | { readonly call: 'payments' };

export type PaymentOutcome = {
  readonly verdict: 'paid' | 'refused' | 'unconfirmed' | 'not_signed';
  readonly code: string | null;
  /** Hex of the payment's hash; null when nothing was signed. */
  readonly paymentId: string | null;
  /** Hex of the kiosk's signed receipt, verified by the wallet. */
  readonly receipt: string | null;
  /** From the confirmation on. */
  readonly durationMs: number;
};

export type WalletAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'ordered'; readonly devicePublicKey: string }
  | { readonly kind: 'outcome'; readonly outcome: PaymentOutcome }
  | { readonly kind: 'code'; readonly text: string }
  | {
      readonly kind: 'payments';
      readonly payments: readonly {
        readonly id: string;
        readonly state: string;
        readonly receipt: string | null;
      }[];
    };

export type WalletReply = { readonly id: number } & (
  | { readonly answer: WalletAnswer }
  | { readonly error: string }
);
export type WalletQuestion = { readonly id: number; readonly question: WalletCall };
