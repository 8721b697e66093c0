/**
 * Project Wycheproof's P-256 vectors through both verifiers (R22). The file is not part of this repository: point
 * TIKI_SPECS_DIR at the folder with `wycheproof_ecdsa_secp256r1_sha256_p1363.json` (C2SP/wycheproof, testvectors_v1).
 */
import { existsSync, readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../adapters/node-crypto.ts';
import { loadSignatureAddon, packChecks, verifyByAddon } from '../adapters/verify-many.ts';
import { fromHex } from '../src/bytes.ts';
import { compressPoint, webCrypto } from '../src/index.ts';

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
}

const root = join(import.meta.dirname, '..', '..');
const folder = process.env['TIKI_SPECS_DIR'] ?? join(root, '..', 'shared', 'specs');
const file = join(folder, 'wycheproof_ecdsa_secp256r1_sha256_p1363.json');
const isThere = existsSync(file);
const reason = isThere ? '' : ` (skipped: no ${file}; set TIKI_SPECS_DIR to the folder that holds it)`;

function load(): Wycheproof {
  return JSON.parse(readFileSync(file, 'utf8')) as Wycheproof;
}

describe.skipIf(!isThere)(`Wycheproof ECDSA P-256 SHA-256 P1363${reason}`, () => {
  const crypto = nodeCrypto();
  const browser = webCrypto(webcrypto.subtle);
  const cases = (isThere ? load().testGroups : []).flatMap(({ publicKey, tests }) =>
    tests.map((test) => ({ ...test, publicKey: compressPoint(fromHex(publicKey.uncompressed)) })),
  );

  it('node:crypto and WebCrypto answer every vector as published', async () => {
    expect(cases.length).toBeGreaterThan(200);
    for (const { tcId, comment, msg, sig, result, publicKey } of cases) {
      const answers = {
        node: crypto.verify(publicKey, fromHex(msg), fromHex(sig)),
        web: await browser.verify(publicKey, fromHex(msg), fromHex(sig)),
      };
      const valid = result === 'valid';
      expect({ tcId, comment, ...answers }).toEqual({ tcId, comment, node: valid, web: valid });
    }
  });

  const addon = loadSignatureAddon();
  const without = typeof addon === 'string' ? ` (skipped: it ${addon})` : '';
  it.skipIf(typeof addon === 'string')(`the addon answers every vector as published${without}`, () => {
    if (typeof addon === 'string') return;
    const checks = cases.map(({ publicKey, msg, sig }) => ({
      publicKey,
      data: fromHex(msg),
      signature: fromHex(sig),
    }));
    for (const rememberedKeys of [0, 64]) {
      const verdicts = verifyByAddon(addon, rememberedKeys)(packChecks(checks));
      const answers = cases.map(({ tcId, comment }, n) => ({ tcId, comment, valid: verdicts[n] === 1 }));
      expect(answers).toEqual(
        cases.map(({ tcId, comment, result }) => ({ tcId, comment, valid: result === 'valid' })),
      );
    }
  });
});
