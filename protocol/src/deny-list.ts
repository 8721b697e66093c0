/**
 * The deny list as a set and as a hash: what two readers who hold the same ids agree on, whatever way the ids came.
 */
import { fromUuid } from './bytes.ts';
import { encodeCbor } from './cbor.ts';
import { digest, type Steps } from './crypto.ts';

export interface DenyList {
  /** UUIDs. */
  readonly deniedAllowances: ReadonlySet<string>;
  readonly deniedKiosks: ReadonlySet<string>;
}

const ID_BYTES = 16;

/** SHA-256 over both lists, each sorted: the order in which ids arrived does not count. */
export function* denyListHash(list: DenyList): Steps<Uint8Array> {
  return yield* digest(
    encodeCbor(['tiki-deny-list', joinIds(list.deniedAllowances), joinIds(list.deniedKiosks)]),
  );
}

/** The ids in ascending order, one after the other. A UUID's text sorts as its bytes do. */
export function joinIds(ids: ReadonlySet<string>): Uint8Array {
  const sorted = [...ids].toSorted();
  const joined = new Uint8Array(sorted.length * ID_BYTES);
  sorted.forEach((id, index) => joined.set(fromUuid(id), index * ID_BYTES));
  return joined;
}
