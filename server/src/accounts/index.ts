/** The public door of the accounts room. */
export { createAuthenticator, credentialOf } from './authenticate.ts';
export { logIn, openSession, refresh, type SessionGrant } from './log-in.ts';
export { maskName, maskPhone, normalisePhone } from './phone.ts';
export { MAX_CHECKS, OTP_LIFE_MS, Registrations, RESEND_AFTER_MS } from './registrations.ts';
export { Sessions } from './sessions.ts';
export { createTokens } from './tokens.ts';
export { findUserById, findUserByPhone, findUserView } from './users.ts';
