/** Signatures as Standard Webhooks describes them. Pure. */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * An endpoint's secret in one of its versions. Derived, so that a copy of the database without the server's key holds none.
 * @param key of the installation, 32 bytes
 */
export function secretOf(key: Uint8Array, endpointId: string, version: number): string {
  return (
    PREFIX + createHmac('sha256', key).update(`webhook endpoint\n${endpointId}\n${version}`).digest('base64')
  );
}

export interface SignedMessage {
  readonly id: string;
  readonly timestampSeconds: number;
  readonly body: string;
}

/** The value of `webhook-signature`: one signature a secret, so that a receiver who has either accepts it. */
export function signatureOf(
  { id, timestampSeconds, body }: SignedMessage,
  secrets: readonly string[],
): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest('base64')}`;
    })
    .join(' ');
}
