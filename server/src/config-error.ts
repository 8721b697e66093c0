/** The environment is not usable; the message says in a sentence what is wrong, naming no values. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';
}
