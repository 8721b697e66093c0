/** The one door of the desktop's IPC: both contracts and the error that crosses them. */
export * from './agent-contract.ts';
export * from './errors.ts';
export * from './radio-contract.ts';
export * from './renderer-contract.ts';
