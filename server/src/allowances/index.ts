/** The public door of the allowances room. */
export { closeAllowance } from './close.ts';
export { denyLostAllowance } from './deny-lost.ts';
export { giveBackAll, giveBackClosing } from './give-back.ts';
export { issueAllowance } from './issue.ts';
export { listAllowances, showAllowance } from './views.ts';
