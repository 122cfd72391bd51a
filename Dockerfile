# Build: docker build -t agentbase .   One image serves the API, the worker and the migrations.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc prisma.config.ts ./
COPY prisma prisma
COPY scripts scripts
# The postinstall script generates the Prisma client and the Pothos types into src/generated.
RUN --mount=type=cache,target=/root/.npm npm ci
COPY src src

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# A package that is a development dependency here and an optional peer of another one, such as Prisma's CLI, would stay under --omit=dev.
RUN --mount=type=cache,target=/root/.npm npm pkg delete devDependencies && npm install --ignore-scripts
COPY scripts/slim-packages.ts scripts/
COPY --from=build /app/src src
RUN node scripts/slim-packages.ts

# Node.js alone, without npm, its headers and yarn.
FROM debian:bookworm-slim
COPY --from=build /usr/local/bin/node /usr/local/bin/
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
WORKDIR /app
# Owned by root: the process cannot change its own code.
COPY --from=packages /app/package.json ./
COPY --from=packages /app/node_modules node_modules
# The schema and migrations, for src/app/migrate-cli.ts.
COPY --from=build /app/prisma prisma
COPY --from=build /app/src src
# Uploaded files, if they are not stored in S3. Servers and workers share the folder.
RUN useradd --uid 1000 --create-home node && mkdir -p /data/files && chown node:node /data/files
ENV STORAGE_FOLDER=/data/files
USER node
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
