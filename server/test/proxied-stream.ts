/** A settlement stream through whatever stands before the server: each acknowledgement must come while the request is still open. */
import {
  decodeSettlementEnvelope,
  verifySettlementAcknowledgement,
  verifySettlementBatch,
} from '@tikiwallet/protocol';
import { must } from '../src/trust/index.ts';
import { SimulatedKiosk } from './simulated-kiosk.ts';
import { SimulatedPhone } from './simulated-phone.ts';
import { StreamClient } from './stream-client.ts';
import type { TestServer } from './test-server.ts';

const BATCHES = 3;

/**
 * Writes no batch before the one before is acknowledged, so a proxy that keeps the request, or the answer, brings it to a stop.
 * @param origin of the proxy
 * @returns how many sales were settled: all of them
 */
export async function streamThrough(server: TestServer, origin: string): Promise<number> {
  const kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
  const wallet = await (await SimulatedPhone.withMoney(server, 5_000n)).load(2_000n);
  const stream = new StreamClient({ origin, token: kiosk.token });
  for (let sequence = 1; sequence <= BATCHES; sequence += 1) {
    kiosk.sell(wallet, 100n);
    const envelope = kiosk.batch({ from: sequence, to: sequence });
    await stream.send(envelope);
    const answer = await stream.next();
    if (!(answer instanceof Uint8Array)) throw new Error(`answered ${JSON.stringify(answer)}`);
    const { batch } = must(verifySettlementBatch(decodeSettlementEnvelope(envelope), kiosk.certificate));
    const expected = { kioskId: kiosk.kioskId, batchHash: batch.hash };
    const { highestSequence } = must(
      verifySettlementAcknowledgement(answer, { trust: kiosk.trust, nowSeconds: kiosk.nowSeconds, expected }),
    );
    if (highestSequence !== sequence) throw new Error(`acknowledged up to ${highestSequence}`);
  }
  stream.request.end();
  if ((await stream.next()) !== null) throw new Error('the answer went on');
  return BATCHES;
}
