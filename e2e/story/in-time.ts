// R5 without a stopwatch of the test's own: how long a driver, a browser and a busy machine take is not the wallet's time.

import type { Phone } from './phone.ts';

/** What R5 promises. */
const PROMISED_MS = 3_000;

/**
 * Watches from before the payment leaves. A clock of three seconds runs beside the wallet's own, in the same page and
 * from the same moment: the step has been painted. What holds the page up holds up both.
 * @returns whether the code was on the screen when it rang.
 */
export async function watchForCode(phone: Phone): Promise<() => Promise<boolean>> {
  await phone.page.evaluate((promisedMs) => {
    const isThere = (selector: string): boolean => document.querySelector(selector) !== null;
    const rang = new Promise<boolean>((resolve) => {
      const watch = new MutationObserver(() => {
        if (!isThere('[data-testid=pay-state][data-state=sending]')) return;
        watch.disconnect();
        const ring = (): void => resolve(isThere('[data-testid=payment-code]'));
        requestAnimationFrame(() => setTimeout(() => setTimeout(ring, promisedMs)));
      });
      watch.observe(document, { subtree: true, childList: true, attributes: true });
    });
    Object.assign(globalThis, { tikiCodeInTime: rang });
  }, PROMISED_MS);
  return async () =>
    await phone.page.evaluate(async () => (await Reflect.get(globalThis, 'tikiCodeInTime')) === true);
}
