import { toQrText } from '@tikiwallet/protocol';
import { expect, test, vi } from 'vitest';
import type { AcceptOutcome } from '../accept-payment.ts';
import { acceptScanned } from './scanned-delivery.ts';

const closed = { ok: false, code: 'sealed_message_unreadable' } as const;
const open = () => closed;

const delivery = Uint8Array.of(1, 2, 3, 4, 5);

function accepting(outcome: AcceptOutcome) {
  return vi.fn(async (_bytes: Uint8Array) => outcome);
}
const refusing = () => accepting({ kind: 'refused', code: 'request_expired', requestId: null });

test('a scanned delivery reaches the acceptance byte for byte, and its refusal keeps its code', async () => {
  const accept = refusing();
  expect(await acceptScanned(toQrText('delivery', delivery), { open, accept })).toEqual({
    outcome: 'refused',
    code: 'request_expired',
  });
  expect(accept).toHaveBeenCalledExactlyOnceWith(delivery);
});

test('what is no delivery never reaches the acceptance', async () => {
  const accept = refusing();
  for (const text of [
    'https://example.test/',
    toQrText('request', delivery),
    'TIKI1:P:a',
    'TIKI1:P:0',
    'TIKI1:S:BB8',
  ]) {
    const answer = await acceptScanned(text, { open, accept });
    expect(answer.outcome, text).toBe('refused');
  }
  expect(accept).not.toHaveBeenCalled();
});

test('a sealed one is opened first, and what this kiosk cannot open is refused', async () => {
  const accept = refusing();
  const text = toQrText('sealedDelivery', Uint8Array.of(9));
  const opening = vi.fn(() => ({ ok: true, value: delivery }) as const);
  await acceptScanned(text, { open: opening, accept });
  expect(opening).toHaveBeenCalledExactlyOnceWith(Uint8Array.of(9));
  expect(accept).toHaveBeenCalledExactlyOnceWith(delivery);
  expect(await acceptScanned(text, { open, accept })).toEqual({
    outcome: 'refused',
    code: 'sealed_message_unreadable',
  });
  expect(accept).toHaveBeenCalledTimes(1);
});
