/** B1: how many bytes a payment is on the way to the kiosk, and how many the usual toolbox would have made of it. */
import { sealToKiosk } from '@tikiwallet/protocol';
import { certificateJws, paymentJws } from './jws.ts';
import { atLeast, atMost, figure, type BenchRow } from '../../../../scripts/figures.ts';
import type { BenchShop, Order } from './shop.ts';

export async function byteRows(order: Order, shop: BenchShop): Promise<readonly BenchRow[]> {
  const ours = order.delivery.length;
  const repeat = order.phone.repeat(order.payment.bytes);
  const jws =
    certificateJws(order, shop.issuer.issuer, shop.issuer.keyId).length + 1 + paymentJws(order).length;
  const sealed = await sealToKiosk(order.delivery, shop.certificate);
  const sealedRepeat = await sealToKiosk(repeat, shop.certificate);
  return [
    atMost(
      { id: 'B1a', what: 'allowance certificate, payment and envelope', unit: 'bytes', value: ours },
      { gate: 360, stretch: 300 },
    ),
    atMost(
      { id: 'B1b', what: 'a repeat by reference: payment and envelope', unit: 'bytes', value: repeat.length },
      { gate: 160, stretch: 140 },
    ),
    atLeast(
      { id: 'B1c', what: 'the same content as JWS', unit: 'x', ratioTo: 'ours', value: jws / ours },
      { gate: 3, stretch: 3.8 },
    ),
    figure('payment_sealed', 'certificate and payment, sealed to the kiosk', sealed.length, 'bytes'),
    figure('repeat_sealed', 'a repeat by reference, sealed to the kiosk', sealedRepeat.length, 'bytes'),
    figure('payment_object', 'the payment alone', order.payment.bytes.length, 'bytes'),
  ];
}
