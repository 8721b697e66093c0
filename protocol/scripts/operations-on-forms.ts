/** What is read before any object: canonical CBOR, the codes, points, moments, and what people compare. */
import { decodeCbor } from '../src/cbor.ts';
import { fromBase45 } from '../src/bytes.ts';
import { refuse } from '../src/errors.ts';
import * as protocol from '../src/index.ts';
import { plain, type Input, type Operations } from './vector.ts';

function qrBytes(input: Input): Uint8Array {
  const content = input.text('content');
  if (!protocol.isQrContent(content)) throw new TypeError(content);
  const read = protocol.fromQrText(content, input.text('text'));
  return read.ok ? read.value : refuse(read.code);
}

export const FORMS: Operations = {
  decodeCbor: plain((input) => {
    decodeCbor(input.bytes('bytes'), protocol.MAX_OBJECT_BYTES);
    return true;
  }),
  decodeBase45: plain((input) => fromBase45(input.text('text'))),
  decodeQr: plain(qrBytes),
  decompressPoint: plain((input) => protocol.decompressPoint(input.bytes('point'))),
  *paidCode(input) {
    return yield* protocol.paidCode(input.bytes('requestHash'), input.bytes('paymentHash'));
  },
  comparisonCode: plain((input) => protocol.comparisonCode(input.bytes('requestHash'))),
  checkValidity: plain((input) => {
    const dates = { notBefore: input.number('notBefore'), notAfter: input.number('notAfter') };
    protocol.checkValidity(dates, input.number('nowSeconds'));
    return true;
  }),
  *commitToPhone(input) {
    return yield* protocol.commitToPhone(input.text('phone'), input.bytes('salt'));
  },
};
