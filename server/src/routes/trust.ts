/** `GET /v1/trust`: the newest trust bundle, for phones. Public: everything in it is signed and meant to be known. */
import { createRoute } from '@hono/zod-openapi';
import { toBase64Url } from '@tikiwallet/protocol';
import { TrustQuery, TrustView } from '../../contract/index.ts';
import { answers, refusals, type Router } from '../http/router.ts';
import { type Offline, readSince } from '../trust/index.ts';

const getTrust = createRoute({
  method: 'get',
  path: '/v1/trust',
  request: { query: TrustQuery },
  summary: 'The newest trust bundle and the root key that it verifies from',
  responses: { 200: answers(TrustView, 'The trust bundle'), ...refusals },
});

export function registerTrust(router: Router, { trust }: Offline): void {
  router.openapi(getTrust, async (c) => {
    const { bytes } = await trust.update(readSince(c.req.valid('query').since));
    c.header('cache-control', 'no-cache');
    return c.json(
      {
        rootPublicKey: toBase64Url(trust.rootPublicKey),
        trustBundle: bytes === null ? null : toBase64Url(bytes),
      },
      200,
    );
  });
}
