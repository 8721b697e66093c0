/**
 * `npm run vectors`: writes protocol/vectors/*.json and the examples in protocol/spec from the code. What is committed is
 * repeated where it still holds (see vector-world.ts), so that a run without a change leaves no diff.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { webcrypto } from 'node:crypto';
import { fromHex } from '../src/bytes.ts';
import { openSealed, runSync, sealToKiosk, type Result } from '../src/index.ts';
import { SIGNATURES, VECTORS } from './read-vectors.ts';
import { isOfSeals, openVector } from './vector-suite.ts';
import { stepsOf } from './vector-operations.ts';
import type { Json, JsonObject, Vector, VectorFile } from './vector.ts';
import { withExamples } from './spec-examples.ts';
import type { DraftFile } from './vector-drafts.ts';
import { crypto, makeVectorWorld, Notary, type SignatureBook, type VectorWorld } from './vector-world.ts';
import {
  certificateVectors,
  encodingVectors,
  identityVectors,
  requestVectors,
} from './vectors-of-objects.ts';
import { boundVectors, shopBoundVectors } from './vectors-of-bounds.ts';
import { edgeVectors } from './vectors-of-edges.ts';
import { formVectors } from './vectors-of-forms.ts';
import { journalFileVectors } from './vectors-of-journals.ts';
import { sealedSettlementVectors } from './vectors-of-sealed-settlement.ts';
import { settlementStreamVectors } from './vectors-of-settlement-streams.ts';
import { settlementEdgeVectors } from './vectors-of-settlement-edges.ts';
import { doubleSpendProofVectors } from './vectors-of-proofs.ts';
import { refundVectors } from './vectors-of-refunds.ts';
import { merchantLimitsVectors } from './vectors-of-merchant-limits.ts';
import { trustBundleVectors } from './vectors-of-trust.ts';
import { overrideVectors } from './vectors-of-overrides.ts';
import { acceptanceVectors, paymentVectors } from './vectors-of-payments.ts';
import {
  doubleSpendVectors,
  journalVectors,
  receiptVectors,
  sealedPlaintext,
  sealingVectors,
  settlementVectors,
} from './vectors-of-settlement.ts';

export const SPEC = join(import.meta.dirname, '..', 'spec');

const MAKERS: Readonly<Record<string, (world: VectorWorld) => DraftFile>> = {
  'encoding.json': encodingVectors,
  'certificates.json': certificateVectors,
  'identity.json': identityVectors,
  'trust-bundle.json': trustBundleVectors,
  'merchant-limits.json': merchantLimitsVectors,
  'payment-request.json': requestVectors,
  'payment.json': paymentVectors,
  'acceptance.json': acceptanceVectors,
  'override.json': overrideVectors,
  'receipt.json': receiptVectors,
  'journal.json': journalVectors,
  'settlement.json': settlementVectors,
  'refund.json': refundVectors,
  'double-spend.json': doubleSpendVectors,
  'double-spend-proof.json': doubleSpendProofVectors,
  'forms.json': formVectors,
  'bounds.json': boundVectors,
  'bounds-of-shops.json': shopBoundVectors,
  'settlement-edges.json': settlementEdgeVectors,
  'settlement-stream.json': settlementStreamVectors,
  'journal-file.json': journalFileVectors,
  'acceptance-edges.json': edgeVectors,
};

/** Runs a vector on node:crypto. */
async function runVector(vector: Vector, context: JsonObject): Promise<Result<Json>> {
  if (isOfSeals(vector)) return await openVector(vector, context);
  return runSync(stepsOf(vector, context), crypto);
}

/** Fills in the outputs, and stops where the code does not do what the draft says. */
async function complete(file: string, draft: DraftFile): Promise<VectorFile> {
  const good: Vector[] = [];
  const wrong: string[] = [];
  for (const vector of draft.valid) {
    const answer = await runVector(vector, draft.context);
    if (!answer.ok) {
      wrong.push(`${file}: "${vector.name}" should be valid and is refused: ${answer.code}`);
      continue;
    }
    const { diagnostic, ...rest } = vector;
    good.push(
      diagnostic === undefined
        ? { ...rest, output: answer.value }
        : { ...rest, output: answer.value, diagnostic },
    );
  }
  for (const vector of draft.invalid) {
    const answer = await runVector(vector, draft.context);
    const got = answer.ok ? 'accepted' : answer.code;
    if (got !== vector.code)
      wrong.push(`${file}: "${vector.name}" should be ${vector.code ?? ''} and is ${got}`);
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return { ...draft, valid: good };
}

function readJson(name: string): unknown {
  const path = join(VECTORS, name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

/** The committed sealed message while it opens to the same plaintext. */
async function sealOnce(world: VectorWorld, plaintext: Uint8Array): Promise<Uint8Array> {
  const committed = readJson('sealing.json') as VectorFile | null;
  const known = committed?.valid[0]?.input['sealed'];
  if (typeof known === 'string') {
    const options = { privateKey: world.sealingKey.scalar, kioskCertificateHash: world.kiosk.hash };
    const opened = await openSealed(fromHex(known), options);
    if (opened.ok && Buffer.compare(opened.value, plaintext) === 0) return fromHex(known);
  }
  return await sealToKiosk(plaintext, world.kiosk);
}

/** Every file's name and text, as they should stand on disk. */
export async function makeVectors(): Promise<ReadonlyMap<string, string>> {
  const notary = new Notary((readJson(SIGNATURES) ?? {}) as SignatureBook);
  const world = makeVectorWorld(notary);
  const files = new Map<string, VectorFile>();
  for (const [name, make] of Object.entries(MAKERS)) files.set(name, await complete(name, make(world)));
  const plaintext = sealedPlaintext(world);
  const sealing = sealingVectors(world, await sealOnce(world, plaintext), plaintext);
  files.set('sealing.json', await complete('sealing.json', sealing));
  const sealedSettlement = await sealedSettlementVectors(world);
  files.set('sealed-settlement.json', await complete('sealed-settlement.json', sealedSettlement));
  const texts = new Map([...files].map(([name, file]) => [name, `${JSON.stringify(file, null, 1)}\n`]));
  texts.set(SIGNATURES, `${JSON.stringify(notary.book(), null, 1)}\n`);
  return texts;
}

async function main(): Promise<void> {
  if (webcrypto.subtle === undefined) throw new TypeError('this needs WebCrypto for the sealed vectors');
  const texts = await makeVectors();
  for (const [name, text] of texts) writeFileSync(join(VECTORS, name), text);
  const pages = readdirSync(SPEC).filter((name) => name.endsWith('.md'));
  for (const page of pages) {
    const text = readFileSync(join(SPEC, page), 'utf8');
    const renewed = withExamples(text, texts);
    if (renewed !== text) writeFileSync(join(SPEC, page), renewed);
  }
  process.stdout.write(`${texts.size} vector files, ${pages.length} pages\n`);
}

if (import.meta.main) await main();
