// Who takes part in the shop over the air.

export const CURRENCY = 'SGD';
export const WALLET_ORIGIN = 'https://wallet.test';
export const CUSTOMER = {
  id: 'b1f5c1de-0000-7000-8000-000000000001',
  phone: '+6598765432',
  username: 'siti',
} as const;
