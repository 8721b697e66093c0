/** The same certificate and the same payment as JSON and JWS: what the usual toolbox would send. */
import { createPrivateKey, sign, type JsonWebKey } from 'node:crypto';
import { decompressPoint, toBase64Url } from '@tikiwallet/protocol';
import type { newKey } from '../world.ts';
import type { Order } from './shop.ts';

type Key = ReturnType<typeof newKey>;

export function jwkOf(publicKey: Uint8Array): JsonWebKey {
  const point = decompressPoint(publicKey);
  return {
    kty: 'EC',
    crv: 'P-256',
    x: toBase64Url(point.subarray(1, 33)),
    y: toBase64Url(point.subarray(33)),
  };
}

function jws(claims: Readonly<Record<string, unknown>>, key: Key, keyId?: Uint8Array): string {
  const header = { alg: 'ES256', ...(keyId === undefined ? {} : { kid: toBase64Url(keyId) }) };
  const input = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(input), {
    key: createPrivateKey(key.pem),
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
}

export function certificateJws({ phone }: Order, issuer: Key, keyId: Uint8Array): string {
  const { allowance } = phone;
  return jws(
    {
      jti: allowance.allowanceId,
      cnf: { jwk: jwkOf(allowance.devicePublicKey) },
      currency: allowance.currency,
      cap: allowance.capMinor.toString(),
      perPayment: allowance.perPaymentMinor.toString(),
      firstCounter: allowance.firstCounter,
      softCounterLimit: allowance.softCounterLimit,
      hardCounterLimit: allowance.hardCounterLimit,
      nbf: allowance.notBefore,
      exp: allowance.notAfter,
      assurance: allowance.assurance,
      standing: allowance.standing,
      phone: allowance.maskedPhone,
      phoneCommitment: toBase64Url(allowance.phoneCommitment),
    },
    issuer,
    keyId,
  );
}

export function paymentJws({ phone, payment }: Order): string {
  return jws(
    {
      certificate: toBase64Url(phone.allowance.hash),
      counter: payment.counter,
      amount: payment.amountMinor.toString(),
      cumulative: payment.cumulativeMinor.toString(),
      previous: toBase64Url(payment.previousLink),
      request: toBase64Url(payment.requestHash),
      iat: payment.signedAt,
    },
    phone.key,
  );
}

export function jwsDelivery(order: Order, certificate: string): Uint8Array {
  const body = { requestId: order.request.requestId, certificate, payment: paymentJws(order) };
  return Buffer.from(JSON.stringify(body));
}
