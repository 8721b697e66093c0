/**
 * What sealing adds to a batch of 500 payments, in processor time of this process: the kiosk's side and the cloud's, beside the 500
 * signatures that the cloud verifies of the same batch.
 */
import { createHash, randomBytes } from 'node:crypto';
import { cpuUsage } from 'node:process';
import { encodeSettlementEnvelope, keyIdOf, sealSettlement } from '@tikiwallet/protocol';
import { generateKeyPair, loadPrivateKey, nodeCrypto, settlementOpener } from '@tikiwallet/protocol/node';
import type { BenchRow } from '../../../scripts/figures.ts';
import { must } from './protocol-run.ts';

const PAYMENTS = 500;
/** A sale with its request and payment, as kiosks write them. */
const ENTRY_BYTES = 412;
const ROUNDS = 9;
const PER_ROUND = 40;

export default async function measure(): Promise<readonly BenchRow[]> {
  const { publicKey, scalar: privateKey } = loadPrivateKey(generateKeyPair().privateKeyPem);
  const key = { publicKey, keyId: must(keyIdOf(publicKey)), privateKey };
  const entries = Array.from({ length: PAYMENTS }, () => new Uint8Array(randomBytes(ENTRY_BYTES)));
  const envelope = encodeSettlementEnvelope(new Uint8Array(randomBytes(32)), new Uint8Array(200), entries);
  const open = settlementOpener([key]);
  const sealed = await sealSettlement(envelope, key);
  const signatures = signatureChecks();
  const sealing: number[] = [];
  const opening: number[] = [];
  const verifying: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    sealing.push(await msOf(PER_ROUND, () => sealSettlement(envelope, key)));
    opening.push(
      await msOf(PER_ROUND, () => {
        if (!open(sealed).ok) throw new Error('it does not open');
      }),
    );
    verifying.push(await msOf(1, signatures));
  }
  const [seal, opened, verified] = [median(sealing), median(opening), median(verifying)];
  const row = (id: string, what: string, value: number) => ({ id, what, value, unit: 'ms of processor' });
  const share = opened / verified;
  return [
    row(
      'seal_batch',
      `sealing a batch of ${PAYMENTS} payments (${envelope.length} bytes), at the kiosk`,
      seal,
    ),
    row('open_batch', 'opening it, at the cloud', opened),
    row('verify_500', `verifying ${PAYMENTS} signatures, at the cloud`, verified),
    {
      id: 'SB1',
      what: 'opening a sealed batch',
      value: share,
      unit: 'x',
      ratioTo: 'verify_500',
      gate: '<= 0.05',
      pass: share <= 0.05,
    },
  ];
}

function signatureChecks(): () => void {
  const { sign, publicKey } = loadPrivateKey(generateKeyPair().privateKeyPem);
  const checks = Array.from({ length: PAYMENTS }, (_, n) => {
    const data = new Uint8Array(createHash('sha512').update(String(n)).digest());
    return { data, signature: sign(data) };
  });
  const crypto = nodeCrypto();
  return () => {
    for (const { data, signature } of checks)
      if (!crypto.verify(publicKey, data, signature)) throw new Error('it does not verify');
  };
}

/** Processor time of one, all threads of this process together: WebCrypto works on others. */
async function msOf(times: number, work: () => unknown): Promise<number> {
  const before = cpuUsage();
  for (let n = 0; n < times; n += 1) await work();
  const { user, system } = cpuUsage(before);
  return (user + system) / 1000 / times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
