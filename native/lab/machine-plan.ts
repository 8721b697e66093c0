// What the host asks of the guest. Lies as a file in the folder that both see.

export type MachinePlan = {
  /** Modules with cases of other rooms, as absolute paths; each exports `cases`. */
  readonly modules: readonly string[];
  /** Only cases with one of these in their names; empty: all. */
  readonly only: readonly string[];
};

export const PLAN_FILE = 'plan.json';
