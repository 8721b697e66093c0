/** What became of a payment, in a word and its colour. */
import type { SaleView } from '@tikiwallet/server/contract';
import type { Key } from '../i18n/words.ts';
import type { Tone } from './pieces.tsx';

export const SALE_STATES: Readonly<Record<SaleView['state'], { readonly tone: Tone; readonly name: Key }>> = {
  settled: { tone: 'ok', name: 'sales.state_settled' },
  settled_by_guarantee: { tone: 'ok', name: 'sales.state_guarantee' },
  refused: { tone: 'bad', name: 'sales.state_refused' },
  disputed: { tone: 'warn', name: 'sales.state_disputed' },
};
