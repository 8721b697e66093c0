/** `GET /v1/trust`: the newest trust bundle, for phones. Public: everything in it is signed and meant to be known. */
import { createRoute } from '@hono/zod-openapi';
import { toBase64Url } from '@tikiwallet/protocol';
import { TrustView } from '../../contract/index.ts';
import { answers, refusals, type Router } from '../http/router.ts';
import type { Offline } from '../trust/index.ts';

const getTrust = createRoute({
  method: 'get',
  path: '/v1/trust',
  summary: 'The newest trust bundle and the root key that it verifies from',
  responses: { 200: answers(TrustView, 'The trust bundle'), ...refusals },
});

export function registerTrust(router: Router, { trust }: Offline): void {
  router.openapi(getTrust, async (c) => {
    const bundle = await trust.bundle();
    c.header('cache-control', 'no-cache');
    return c.json(
      { rootPublicKey: toBase64Url(trust.rootPublicKey), trustBundle: toBase64Url(bundle.bytes) },
      200,
    );
  });
}
