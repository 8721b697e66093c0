import { toQrText } from '@tikiwallet/protocol';
import { expect, test, vi } from 'vitest';
import type { AcceptOutcome } from '../accept-payment.ts';
import { acceptScanned } from './scanned-delivery.ts';

const delivery = Uint8Array.of(1, 2, 3, 4, 5);

function accepting(outcome: AcceptOutcome) {
  return vi.fn(async (_bytes: Uint8Array) => outcome);
}
const refusing = () => accepting({ kind: 'refused', code: 'request_expired', requestId: null });

test('a scanned delivery reaches the acceptance byte for byte, and its refusal keeps its code', async () => {
  const accept = refusing();
  expect(await acceptScanned(toQrText('delivery', delivery), accept)).toEqual({
    outcome: 'refused',
    code: 'request_expired',
  });
  expect(accept).toHaveBeenCalledExactlyOnceWith(delivery);
});

test('what is no delivery never reaches the acceptance', async () => {
  const accept = refusing();
  for (const text of ['https://example.test/', toQrText('request', delivery), 'TIKI1:P:a', 'TIKI1:P:0']) {
    const answer = await acceptScanned(text, accept);
    expect(answer.outcome, text).toBe('refused');
  }
  expect(accept).not.toHaveBeenCalled();
});
