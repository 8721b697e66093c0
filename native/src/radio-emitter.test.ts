import { expect, test, vi } from 'vitest';
import { RadioEmitter } from './radio-emitter.ts';

test('a listener hears its kind of event until it is taken off', () => {
  const emitter = new RadioEmitter();
  const heard = vi.fn<(event: { readonly type: 'find_stopped' }) => void>();
  const off = emitter.on('find_stopped', heard);
  emitter.emit({ type: 'find_stopped' });
  emitter.emit({ type: 'supplicant_lost' });
  off();
  emitter.emit({ type: 'find_stopped' });
  expect(heard.mock.calls).toEqual([[{ type: 'find_stopped' }]]);
});
