/** `GET /v1/openapi.json`: OpenAPI 3.1, generated from the same schemas that the routes check. */
import type { RegisterRoutes } from '../context.ts';

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
  router.doc31('/v1/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'TikiWallet cloud API',
      version: '1.0.0',
      description:
        'Money is a decimal string of minor units. Refusals are application/problem+json with a stable `code`.',
    },
    servers: [{ url: config.publicOrigin }],
  });
};
