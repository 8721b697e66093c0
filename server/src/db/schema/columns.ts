/** Column shapes that several rooms' tables share. */
import { bigint, customType, timestamp } from 'drizzle-orm/pg-core';

/** Bytes as a plain Uint8Array, whatever subclass the driver makes. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: (value) => new Uint8Array(value),
});

export const at = (name: string) => timestamp(name, { withTimezone: true });

/** Minor units of a currency that stands in the same row or follows from it. */
export const minor = (name: string) => bigint(name, { mode: 'bigint' });
