# The cloud in one image: API, the pages of wallet and office, migrations (`node server/src/migrate.ts`) and the operator's commands.
# It runs as nobody in particular on a read-only root file system; what it writes goes to /data and /tmp.

FROM node:24.21.0-bookworm-slim AS pages
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY desktop/package.json desktop/
COPY drizzle/package.json drizzle/
COPY e2e/package.json e2e/
COPY native/package.json native/
COPY office/package.json office/
COPY protocol/package.json protocol/
COPY server/package.json server/
COPY wallet/package.json wallet/
RUN npm ci --ignore-scripts --no-audit --no-fund --workspace wallet --workspace office --include-workspace-root
COPY tsconfig.base.json ./
COPY protocol protocol
COPY server/contract server/contract
COPY wallet wallet
COPY office office
RUN npm exec --workspace wallet -- vite build
RUN npm exec --workspace office -- vite build

# Not the slim one: it has the compiler and the headers that the addon is built with. Without them node:crypto does its work.
FROM node:24.21.0-bookworm AS dependencies
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY desktop/package.json desktop/
COPY drizzle/package.json drizzle/
COPY e2e/package.json e2e/
COPY native/package.json native/
COPY office/package.json office/
COPY protocol/package.json protocol/
COPY server/package.json server/
COPY wallet/package.json wallet/
# Without the optional packages there is no embedded PostgreSQL: the image works on DATABASE_URL only.
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional --workspace server
COPY protocol/addon protocol/addon
RUN node protocol/addon/build-addon.mjs

FROM node:24.21.0-bookworm-slim
# Nothing here installs or builds.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* /usr/local/bin/yarn /usr/local/bin/yarnpkg
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY drizzle drizzle
COPY protocol/package.json protocol/
COPY protocol/src protocol/src
COPY protocol/adapters protocol/adapters
COPY --from=dependencies /app/protocol/build protocol/build
COPY server/package.json server/
COPY server/contract server/contract
COPY server/src server/src
COPY --from=pages /app/wallet/dist wallet/dist
COPY --from=pages /app/office/dist office/dist
RUN mkdir /data && chown 1000:1000 /data
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    TIKI_METRICS_PORT=9464 \
    TIKI_METRICS_HOST=0.0.0.0 \
    TIKI_MIGRATE=never \
    TIKI_LEAVE_SECONDS=10 \
    TIKI_STOP_SECONDS=45 \
    TIKI_DATA_DIR=/data
USER 1000:1000
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "server/src/main.ts"]
