/** What the till's camera read while money is given back, handed to the agent: each code once, and what is to be told. */
import { fromQrText } from '@tikiwallet/protocol';
import { useCallback, useRef, useState } from 'react';
import { call, codeOf } from '../agent/calls.ts';

/** The same code stays in front of the camera for seconds; a kiosk that was busy is asked again after this. */
const ASK_AGAIN_MS = 4_000;

export type AcceptanceNote =
  /** Some other code: a payment, a poster, the shop's own offer. */
  | { readonly kind: 'not_an_acceptance' }
  /** What it confirms was given back before. */
  | { readonly kind: 'old_acceptance' }
  | { readonly kind: 'refused' | 'failed'; readonly code: string };

export function useScannedAcceptance(): {
  readonly note: AcceptanceNote | null;
  readonly onText: (text: string) => void;
} {
  const [note, setNote] = useState<AcceptanceNote | null>(null);
  const last = useRef({ text: '', atMs: -Infinity });
  const onText = useCallback((text: string): void => {
    const atMs = performance.now();
    if (text === last.current.text && atMs - last.current.atMs < ASK_AGAIN_MS) return;
    last.current = { text, atMs };
    if (!fromQrText('refundAcceptance', text).ok) return setNote({ kind: 'not_an_acceptance' });
    void submit(text).then(setNote);
  }, []);
  return { note, onText };
}

async function submit(text: string): Promise<AcceptanceNote | null> {
  try {
    const answer = await call('refund.submit', { text });
    switch (answer.outcome) {
      case 'accepted':
        return null;
      case 'repeated':
        return { kind: 'old_acceptance' };
      case 'refused':
        return { kind: 'refused', code: answer.code };
    }
  } catch (error) {
    return { kind: 'failed', code: codeOf(error) };
  }
}
