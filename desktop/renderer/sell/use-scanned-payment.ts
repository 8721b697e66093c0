/** What the till's camera read, handed to the agent: each code once, and what is to be told when it is not the payment. */
import { fromQrText, isSealedDelivery } from '@tikiwallet/protocol';
import { useCallback, useRef, useState } from 'react';
import { call, codeOf } from '../agent/calls.ts';

/** The same code stays in front of the camera for seconds; a kiosk that was busy is asked again after this. */
const ASK_AGAIN_MS = 4_000;

export type ScanNote =
  /** Some other code: a poster, a loyalty card, the shop's own request. */
  | { readonly kind: 'not_a_payment' }
  /** A payment that this kiosk took before: it does not pay for the sale on the screen. */
  | { readonly kind: 'old_payment' }
  | { readonly kind: 'refused' | 'failed'; readonly code: string };

export interface ScannedPayment {
  readonly note: ScanNote | null;
  readonly onText: (text: string) => void;
}

export function useScannedPayment(): ScannedPayment {
  const [note, setNote] = useState<ScanNote | null>(null);
  const last = useRef({ text: '', atMs: -Infinity });
  const onText = useCallback((text: string): void => {
    const atMs = performance.now();
    if (text === last.current.text && atMs - last.current.atMs < ASK_AGAIN_MS) return;
    last.current = { text, atMs };
    const content = isSealedDelivery(text) ? 'sealedDelivery' : 'delivery';
    if (!fromQrText(content, text).ok) return setNote({ kind: 'not_a_payment' });
    void submit(text).then(setNote);
  }, []);
  return { note, onText };
}

async function submit(text: string): Promise<ScanNote | null> {
  try {
    const answer = await call('delivery.submit', { text });
    switch (answer.outcome) {
      case 'accepted':
        return null;
      case 'repeated':
        return { kind: 'old_payment' };
      case 'refused':
        return { kind: 'refused', code: answer.code };
    }
  } catch (error) {
    return { kind: 'failed', code: codeOf(error) };
  }
}
