/**
 * The one suite of vectors, for whoever runs the protocol: the agent and the server on node:crypto, the wallet on a
 * browser's WebCrypto. Isomorphic; what a program adds is its own primitives, and its own way to open a seal if it has one.
 */
import { fromHex, toHex } from '../src/bytes.ts';
import { openSealed, type Result, type Steps } from '../src/index.ts';
import { inputOf, stepsOf, type Json, type Vector, type VectorFile } from './vector-operations.ts';

export interface Platform {
  /** Runs a rule to its end on the platform's primitives. */
  readonly run: (steps: Steps<Json>) => Result<Json> | Promise<Result<Json>>;
  /** HPKE's recipient; WebCrypto's where the platform has none of its own. */
  readonly open?: typeof openSealed | ((...given: Parameters<typeof openSealed>) => Result<Uint8Array>);
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
      const got =
        vector.operation === 'openSealed'
          ? await openVector(vector, context, platform.open ?? openSealed)
          : await platform.run(stepsOf(vector, context));
      if (!isSame(got, expected)) disagreements.push({ file, vector: vector.name, expected, got });
    }
  }
  return { vectors, disagreements };
}

function expectedOf({ code, output }: Vector): Result<Json> {
  return code === undefined ? { ok: true, value: output ?? null } : { ok: false, code };
}

/** HPKE has no synchronous form everywhere, so the one sealed operation runs outside the drivers. */
export async function openVector(
  vector: Vector,
  context: VectorFile['context'],
  open: NonNullable<Platform['open']> = openSealed,
): Promise<Result<Json>> {
  const { sealed, privateKey, kioskCertificateHash } = inputOf(vector, context);
  const bytes = (hex: Json | undefined) => fromHex(typeof hex === 'string' ? hex : '');
  const opened = await open(bytes(sealed), {
    privateKey: bytes(privateKey),
    kioskCertificateHash: bytes(kioskCertificateHash),
  });
  return opened.ok ? { ok: true, value: toHex(opened.value) } : opened;
}

/** Objects are the same whatever the order of their fields. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  if (Array.isArray(a) !== Array.isArray(b) || left.size !== right.size) return false;
  return [...left].every(([name, value]) => right.has(name) && isSame(value, right.get(name)));
}
