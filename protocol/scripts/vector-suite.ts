/**
 * The one suite of vectors, for whoever runs the protocol: the agent and the server on node:crypto, the wallet on a
 * browser's WebCrypto. Isomorphic; what a program adds is its own primitives, and its own way to open a seal if it has one.
 */
import { fromHex, toHex } from '../src/bytes.ts';
import { openSealed, openSealedSettlement, type Result, type Steps } from '../src/index.ts';
import { stepsOf } from './vector-operations.ts';
import { bytesIn, inputOf, type Json, type JsonObject, type Vector, type VectorFile } from './vector.ts';

export interface Platform {
  /** Runs a rule to its end on the platform's primitives. */
  readonly run: (steps: Steps<Json>) => Result<Json> | Promise<Result<Json>>;
  /** HPKE's recipient; WebCrypto's where the platform has none of its own. */
  readonly open?: typeof openSealed | ((...given: Parameters<typeof openSealed>) => Result<Uint8Array>);
  /** The same for what is sealed to the cloud. */
  readonly openSettlement?:
    | typeof openSealedSettlement
    | ((...given: Parameters<typeof openSealedSettlement>) => Result<Uint8Array>);
}

export interface Disagreement {
  readonly file: string;
  readonly vector: string;
  readonly expected: Result<Json>;
  readonly got: Result<Json>;
}

export interface SuiteResult {
  readonly vectors: number;
  readonly disagreements: readonly Disagreement[];
}

/** @param files by name. */
export async function runVectors(
  files: Readonly<Record<string, VectorFile>>,
  platform: Platform,
): Promise<SuiteResult> {
  const disagreements: Disagreement[] = [];
  let vectors = 0;
  for (const [file, { context, valid, invalid }] of Object.entries(files)) {
    for (const vector of [...valid, ...invalid]) {
      vectors += 1;
      const expected = expectedOf(vector);
      const got = isOfSeals(vector)
        ? await openVector(vector, context, platform)
        : await platform.run(stepsOf(vector, context));
      if (!isSame(got, expected)) disagreements.push({ file, vector: vector.name, expected, got });
    }
  }
  return { vectors, disagreements };
}

function expectedOf({ code, output }: Vector): Result<Json> {
  return code === undefined ? { ok: true, value: output ?? null } : { ok: false, code };
}

/** HPKE has no synchronous form everywhere, so what opens a seal runs outside the drivers. */
export function isOfSeals({ operation }: Pick<Vector, 'operation'>): boolean {
  return operation === 'openSealed' || operation === 'openSealedSettlement';
}

export async function openVector(
  vector: Vector,
  context: VectorFile['context'],
  platform: Omit<Platform, 'run'> = {},
): Promise<Result<Json>> {
  const input = inputOf(vector, context);
  const opened = await (vector.operation === 'openSealed'
    ? openDelivery(input, platform.open ?? openSealed)
    : openBatch(input, platform.openSettlement ?? openSealedSettlement));
  return opened.ok ? { ok: true, value: toHex(opened.value) } : opened;
}

const bytes = (hex: Json | undefined) => fromHex(typeof hex === 'string' ? hex : '');

function openDelivery(
  { sealed, privateKey, kioskCertificateHash }: JsonObject,
  open: NonNullable<Platform['open']>,
) {
  const options = { privateKey: bytes(privateKey), kioskCertificateHash: bytes(kioskCertificateHash) };
  return open(bytes(sealed), options);
}

function openBatch(input: JsonObject, open: NonNullable<Platform['openSettlement']>) {
  const held = (input['heldKeys'] ?? []) as readonly JsonObject[];
  return open(
    bytesIn(input, 'sealedSettlement'),
    held.map(({ keyId, privateKey }) => ({ keyId: bytes(keyId), privateKey: bytes(privateKey) })),
  );
}

/** Objects are the same whatever the order of their fields. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  if (Array.isArray(a) !== Array.isArray(b) || left.size !== right.size) return false;
  return [...left].every(([name, value]) => right.has(name) && isSame(value, right.get(name)));
}
