/** The secret that the Stripe stand-in signs with and the server checks with: made by whoever starts first. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function standInWebhookSecret(standInDataDir: string): string {
  const path = join(standInDataDir, 'stripe-webhook-secret');
  mkdirSync(standInDataDir, { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `whsec_${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  try {
    // A link appears whole or not at all, so the other process never reads half a secret.
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, 'utf8').trim();
}
