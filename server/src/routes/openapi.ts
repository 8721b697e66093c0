/** `GET /v1/openapi.json`: OpenAPI 3.1, generated from the same schemas that the routes check. */
import { API_VERSION } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import { apiRoutes } from '../http/api-routes.ts';
import { describeEverywhere } from '../http/describe.ts';

export const registerOpenApi: RegisterRoutes = (router, { config }) => {
  router.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'Access token of a signed-in person; 15 minutes.',
  });
  router.openAPIRegistry.registerComponent('securitySchemes', 'kiosk', {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: '`Kiosk <token>` as given at enrolment.',
  });
  const describe = () => {
    const document = router.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'TikiWallet cloud API',
        version: `${API_VERSION}.0`,
        license: { name: 'MIT' },
        description:
          'Money is a decimal string of minor units. Refusals are application/problem+json with a stable `code`. Lists are pages: `nextCursor` of one is the `cursor` of the next.',
      },
      servers: [{ url: config.publicOrigin }],
    });
    describeEverywhere(document, apiRoutes(router));
    return document;
  };
  let made: ReturnType<typeof describe> | undefined;
  // Made at the first request: by then every room has added its routes.
  router.get('/v1/openapi.json', (c) => c.json((made ??= describe())));
};
