/** How long a payment is offered to a kiosk. */

/** How long after its request's end a payment is still offered: the kiosk may have stored it and its answer been lost. */
export const GRACE_SECONDS = 20;
/** Asked again later, a kiosk gets this much time to answer. */
export const ASK_AGAIN_SECONDS = 15;
/** No answer for so long, and the next way is on the screen (R5: within 3 s). */
export const FALL_AFTER_MS = 2_500;
/** "Going by way of the shop's page" is read before the page changes. */
export const LEAVE_AFTER_MS = 700;
/** Between two quiet questions whether the shop's manager has decided. */
export const ASK_MANAGER_MS = 3_000;
