/** The public door of the accounts room. */
export { createAuthenticator, credentialOf, type SignedIn } from './authenticate.ts';
export { logIn, openSession, refresh, resume, type SessionGrant } from './log-in.ts';
export { maskForCertificate, maskName, maskPhone, normalisePhone } from './phone.ts';
export { writeEvent } from './account-events.ts';
export { closeAccount, closingBlockers } from './account-closing.ts';
export { deviceName } from './device-name.ts';
export { makeOperator } from './operators.ts';
export { finishPasswordReset, startPasswordReset } from './password-reset.ts';
export { finishPhoneChange, startPhoneChange } from './phone-change.ts';
export { proveStepUp, requireStepUp, RISKY_ACTS, startStepUp } from './risky-acts.ts';
export { finishTwoProofs, startTwoProofs } from './two-proofs.ts';
export { Registrations } from './registrations.ts';
export { Sessions } from './sessions.ts';
export {
  MAX_CHECKS,
  OTP_LIFE_MS,
  proveOwnerCode,
  RESEND_AFTER_MS,
  sendCode,
  sendOwnerCode,
  useOwnerProof,
} from './sms-codes.ts';
export { findSuspension, restore, suspend } from './suspensions.ts';
export {
  findMembership,
  answerInvitation,
  findOwner,
  invite,
  leaveTeam,
  listReceived,
  readTeam,
  removeMember,
  setTeamRole,
  type TeamActor,
  withdrawInvitation,
} from './teams.ts';
export { createTokens } from './tokens.ts';
export { findStoredPerson, findUserById, findUserByPhone, findUserView } from './users.ts';
