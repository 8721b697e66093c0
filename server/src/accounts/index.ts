/** The public door of the accounts room. */
export { createAuthenticator, credentialOf } from './authenticate.ts';
export { logIn, openSession, refresh, resume, type SessionGrant } from './log-in.ts';
export { appointOperator } from './operators.ts';
export { maskName, maskPhone, normalisePhone } from './phone.ts';
export { finishPinReset, startPinReset } from './pin-reset.ts';
export { Registrations } from './registrations.ts';
export { Sessions } from './sessions.ts';
export { findSuspension, restore, suspend } from './suspensions.ts';
export { checkCode, MAX_CHECKS, OTP_LIFE_MS, RESEND_AFTER_MS, sendCode } from './sms-codes.ts';
export {
  answerInvitation,
  findOwner,
  invite,
  leaveTeam,
  listReceived,
  readTeam,
  removeMember,
  setTeamRole,
  withdrawInvitation,
} from './teams.ts';
export { createTokens } from './tokens.ts';
export { findUserById, findUserByPhone, findUserView } from './users.ts';
