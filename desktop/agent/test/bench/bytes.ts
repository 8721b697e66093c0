/** B1: how many bytes a payment is on the way to the kiosk, and how many the usual toolbox would have made of it. */
import { sealToKiosk } from '@tikiwallet/protocol';
import { certificateJws, paymentJws } from './jws.ts';
import { atLeast, atMost, figure, type BenchRow } from './figures.ts';
import type { BenchShop, Order } from './shop.ts';

export async function byteRows(order: Order, shop: BenchShop): Promise<readonly BenchRow[]> {
  const ours = order.delivery.length;
  const jws =
    certificateJws(order, shop.issuer.issuer, shop.issuer.keyId).length + 1 + paymentJws(order).length;
  const sealed = await sealToKiosk(order.delivery, shop.certificate);
  return [
    atMost(
      { id: 'B1a', what: 'allowance certificate, payment and envelope', unit: 'bytes', value: ours },
      360,
    ),
    {
      ...figure('B1b', 'NOT YET by reference: a repeat sends the certificate again', ours, 'bytes'),
      gate: '<= 160',
    },
    atLeast({ id: 'B1c', what: 'the same content as JWS', unit: 'x', ratioTo: 'ours', value: jws / ours }, 3),
    figure('payment_sealed', 'the same, sealed to the kiosk', sealed.length, 'bytes'),
    figure('payment_object', 'the payment alone', order.payment.bytes.length, 'bytes'),
  ];
}
