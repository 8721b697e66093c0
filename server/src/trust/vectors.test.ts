/** The protocol's vectors on the primitives with which this server believes or refuses. */
import { settlementOpener } from '@tikiwallet/protocol/node';
import { readVectors, runVectors } from '@tikiwallet/protocol/vectors';
import { expect, test } from 'vitest';
import { check } from './protocol-run.ts';

test('R21 R22 R23 every vector of the protocol holds in the server', async () => {
  const { vectors, disagreements } = await runVectors(readVectors(), {
    run: check,
    openSettlement: (sealed, held) => settlementOpener(held)(sealed),
  });
  expect(disagreements).toEqual([]);
  expect(vectors).toBeGreaterThan(1_000);
}, 120_000);
