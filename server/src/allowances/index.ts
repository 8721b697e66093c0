/** The public door of the allowances room. */
export { closeAllowance } from './close.ts';
export {
  giveBackAll,
  giveBackClosing,
  type GiveBackJob,
  type GiveBackNeeds,
  startGiveBackJob,
} from './give-back.ts';
export { type AllowanceNeeds, issueAllowance } from './issue.ts';
export { allowanceView, listAllowances, reservedMinor } from './views.ts';
