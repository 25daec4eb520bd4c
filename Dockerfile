# One image for the API and every worker; `command` chooses (docker-compose.yml). Node runs the TypeScript sources directly.
FROM node:26-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages are the embedded PostgreSQL's, which a container with DATABASE_URL has no use for.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM node:26-slim
ENV NODE_ENV=production HOST=0.0.0.0 FOREWARN_DATA=/data FOREWARN_NO_INSTALL=1
WORKDIR /app
RUN install -d -o node -g node -m 0700 /data
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY src src
COPY workers workers
USER node
EXPOSE 8484
CMD ["node", "src/http/main.ts"]
