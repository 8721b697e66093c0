/**
 * A database that came back from an earlier moment must not say again what it said once and forgot: a till that knows deny list 60 is
 * believed to know whatever is denied under 60, and refuses bundles and sealing keys older than its own.
 *
 * Owns: the two statements that put versions and the sealing key ahead of all that was forgotten. They need no secret, and any
 * connection runs them: a restore in its own transaction, an operator where PostgreSQL itself brought the moment back.
 */

/** Versions that may have been forgotten: one a minute for six weeks. Tills take sixteen such steps (`MAX_VERSION_JUMP`). */
const FORGOTTEN_VERSIONS = 65_536;

/** The key in force opens on, and the next that is made is of a higher generation. */
export const RETIRE_SEALING_KEY =
  "update server_keys set retired_at = now() where purpose = 'settlement_sealing' and retired_at is null";

/** The bundle's basis goes, so that the next who asks is signed a new one. */
const PASS_VERSIONS = `update trust_state set bundle_basis = null,
  bundle_version = bundle_version + ${FORGOTTEN_VERSIONS}, deny_list_version = deny_list_version + ${FORGOTTEN_VERSIONS}`;

export const STEP_AHEAD: readonly string[] = [PASS_VERSIONS, RETIRE_SEALING_KEY];
