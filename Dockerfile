# One Dockerfile for every service: docker build --build-arg SERVICE=rules .

# Only the manifests: stages that copy from here reinstall packages only when a manifest changes, not the source.
FROM node:24-trixie-slim AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete \
 && find . -type d -empty -delete

# Compiles and bundles all services in one shared layer, without types and sources.
FROM node:24-trixie-slim AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY . .
RUN node_modules/.bin/tsc -b services/device-sim services/rules services/api \
 && node scripts/bundle.mjs \
 && find packages services \( -name node_modules -o -name src -o -name tsconfig.json -o -name '*.tsbuildinfo' \
      -o -name '*.d.ts' -o -name '*.map' \) -prune -exec rm -rf {} +

# Runtime dependencies of the service.
FROM node:24-trixie-slim AS production
ARG SERVICE
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev --workspace "services/$SERVICE"

FROM node:24-trixie-slim
ARG SERVICE
ENV NODE_ENV=production
COPY scripts/compose/ready.sh /usr/local/bin/ready.sh
WORKDIR /app/services/$SERVICE
COPY --from=production /app /app
COPY --from=build /app/packages /app/packages
COPY --from=build /app/services/$SERVICE /app/services/$SERVICE
# Served by the api; the other services ignore it.
COPY --from=build /app/services/console/dist /app/services/console/dist
USER node
CMD ["node", "dist/bundle.js"]
