/**
 * Descriptions that Stripe and Twilio publish of their own APIs. They are other people's files and not part of the
 * repository: a test that needs one skips, and says why, where it is not there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export const WHERE_TO_GET = {
  'twilio_verify_v2.json': 'github.com/twilio/twilio-oai, spec/json',
  'stripe_fixtures3.json': 'github.com/stripe/openapi, openapi/fixtures3.json',
} as const;
export type SpecName = keyof typeof WHERE_TO_GET;

/** The parsed file, or null. */
export function publishedSpec(name: SpecName): unknown {
  const folder = process.env.TIKI_SPECS_DIR ?? resolve(REPOSITORY, '..', 'shared', 'specs');
  const path = resolve(folder, name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

/** The reason of a skip. */
export function howToEnable(name: SpecName): string {
  return `put ${name} (${WHERE_TO_GET[name]}) into a folder and name it in TIKI_SPECS_DIR`;
}
