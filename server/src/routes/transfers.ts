/** Online transfers between customers: first who would receive, then the money. */
import { createRoute } from '@hono/zod-openapi';
import type { z } from 'zod';
import { TransferBody, TransferPreview, TransferPreviewBody, TransferResult } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Asked } from '../http/asked.ts';
import { answers, bearer, idempotencyHeaders, json, readJson, readText, refusals } from '../http/router.ts';
import { setShortRoute } from '../http/short-way.ts';
import { answerJson } from '../http/usual-headers.ts';
import { OnlineTransfers } from '../transfers/send-at-once.ts';
import { previewRecipient } from '../transfers/send-money.ts';

const tags = ['wallet'];
const previewRoute = createRoute({
  method: 'post',
  path: '/v1/transfers/preview',
  tags,
  summary: 'Who would receive, masked',
  security: bearer,
  request: { body: { content: json(TransferPreviewBody), required: true } },
  responses: { 200: answers(TransferPreview, 'Somebody uses this number'), ...refusals },
});
const sendRoute = createRoute({
  method: 'post',
  path: '/v1/transfers',
  tags,
  summary: 'Send money to a phone number',
  security: bearer,
  request: { headers: idempotencyHeaders, body: { content: json(TransferBody), required: true } },
  responses: { 200: answers(TransferResult, 'Sent'), ...refusals },
});

export const registerTransfers: RegisterRoutes = (router, context) => {
  const { auth, limits } = context;
  const transfers = new OnlineTransfers(context);
  router.openapi(previewRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    await limits.take('preview_by_user', userId);
    return c.json(await previewRecipient(context, userId, c.req.valid('json').phone), 200);
  });
  router.openAPIRegistry.registerPath(sendRoute);
  const send = (asked: Asked, wanted: z.output<typeof TransferBody>) => {
    const sender = auth.readToken(asked, 'customer');
    return sender instanceof Promise
      ? sender.then((one) => transfers.send(asked, one, wanted))
      : transfers.send(asked, sender, wanted);
  };
  router.post(sendRoute.path, async (c) => answerJson(c, await send(c, await readJson(c, TransferBody))));
  setShortRoute(router, {
    path: sendRoute.path,
    answer: (asked, text) => send(asked, readText(text, TransferBody)),
  });
};
