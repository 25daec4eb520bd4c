import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { readConfig } from "../../src/config.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

type Service = {
  image: string;
  build?: string;
  command?: string[];
  ports?: string[];
  volumes?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
  user?: string;
  privileged?: boolean;
  network_mode?: string;
};

const compose = parse(read("docker-compose.yml"), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const serviceOf = (name: string): Service => {
  const service = compose.services[name];
  assert.ok(service, `there is a service ${name}`);
  return service;
};
const ours = services.filter(([, { build }]) => build !== undefined);

/** What compose makes of `${NAME:-default}` and `${NAME:?words}` when only `given` is set. */
const substitute = (text: string, given: Record<string, string>): string =>
  text.replaceAll(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
    const value = given[name] ?? (kind === "-" ? rest : undefined);
    assert.ok(value !== undefined, `${name} is set`);
    return value;
  });

const GIVEN = { FOREWARN_SECRET: "s".repeat(64), POSTGRES_PASSWORD: "0123456789abcdef" };

describe("docker-compose.yml", () => {
  test("has the ledger, the queue, a mailbox, the API and each worker", () => {
    assert.deepEqual(Object.keys(compose.services).sort(), [
      "api",
      "email",
      "mailpit",
      "postgres",
      "redis",
      "scheduler",
      "webhook",
    ]);
  });

  for (const [name, service] of services) {
    test(`${name} has a health check that is bounded in time`, () => {
      assert.match(service.healthcheck?.test[0] ?? "", /^CMD(-SHELL)?$/);
      assert.ok((service.healthcheck?.test.length ?? 0) > 1);
      assert.match(service.healthcheck?.timeout ?? "", /^\d+s$/);
      assert.match(service.healthcheck?.interval ?? "", /^\d+s$/);
    });

    test(`${name} opens ports on loopback only`, () => {
      for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
      assert.equal(service.network_mode, undefined);
    });

    test(`${name} keeps its data on a volume that is declared, and is not privileged`, () => {
      for (const volume of service.volumes ?? []) assert.ok((volume.split(":")[0] ?? "") in compose.volumes, volume);
      assert.ok(!service.privileged);
      assert.notEqual(service.user, "root");
    });

    test(`${name} starts after healthy services only`, () => {
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        assert.ok(other in compose.services, other);
        assert.equal(condition, "service_healthy");
      }
    });
  }

  test("the servers that nobody outside needs open no port", () => {
    for (const name of ["postgres", "redis", "scheduler", "email", "webhook"])
      assert.equal(serviceOf(name).ports, undefined, name);
  });

  test("the ledger and the queue are on volumes, the queue appends every write and evicts nothing", () => {
    assert.deepEqual(serviceOf("postgres").volumes, ["postgres:/var/lib/postgresql"]);
    const { image, command = [], volumes } = serviceOf("redis");
    assert.deepEqual(volumes, ["redis:/data"]);
    assert.match(image, /^redis:[89]$/);
    assert.equal(command[command.indexOf("--appendonly") + 1], "yes");
    assert.equal(command[command.indexOf("--maxmemory-policy") + 1], "noeviction");
    for (const word of command) assert.equal(typeof word, "string", `${word} is quoted`);
  });

  for (const [name, { command = [], healthcheck, depends_on, environment = {} }] of ours) {
    test(`${name} runs and is asked by files that exist and that the image holds`, () => {
      for (const words of [command, (healthcheck?.test ?? []).slice(1)]) {
        const [program, ...rest] = words;
        const file = rest.find((word) => !word.startsWith("--")) ?? "";
        assert.equal(program, "node");
        assert.ok(existsSync(join(ROOT, file)), file);
        assert.match(file, /^(?:src|workers)\//);
      }
    });

    test(`${name} waits for the ledger and the queue`, () => {
      assert.ok(depends_on?.["postgres"] && depends_on["redis"]);
    });

    test(`${name}'s settings are accepted as they stand once the two secrets are given`, () => {
      const env = Object.fromEntries(
        Object.entries(environment).map(([variable, value]) => [variable, substitute(value, GIVEN)]),
      );
      const config = readConfig(env);
      assert.equal(config.databaseUrl, "postgres://forewarn:0123456789abcdef@postgres:5432/forewarn");
      assert.equal(config.redisUrl, "redis://redis:6379");
      assert.equal(config.smtpUrl, "smtp://mailpit:1025");
      assert.equal(config.secret, GIVEN.FOREWARN_SECRET);
      assert.equal(config.heartbeatFile === undefined, name === "api");
    });

    test(`${name} does not start without a secret of one's own`, () => {
      assert.match(environment["FOREWARN_SECRET"] ?? "", /^\$\{FOREWARN_SECRET:\?.+\}$/);
      assert.match(environment["DATABASE_URL"] ?? "", /\$\{POSTGRES_PASSWORD:\?.+\}/);
    });
  }

  test("each worker script of package.json is a service with the same command", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    // The image keeps no compiled code: it could not write any.
    for (const [script, service] of Object.entries({
      api: "api",
      "worker:scheduler": "scheduler",
      "worker:email": "email",
      "worker:webhook": "webhook",
    }))
      assert.equal(
        `NODE_COMPILE_CACHE=node_modules/.cache/forewarn exec ${serviceOf(service).command?.join(" ")}`,
        scripts[script],
        script,
      );
  });
});

describe("Dockerfile", () => {
  const lines = read("Dockerfile")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const lastStage = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));

  test("the image runs as a user who is not root, and runs the API by default", () => {
    const users = lastStage.filter((line) => line.startsWith("USER "));
    assert.deepEqual(users, ["USER node"]);
    assert.equal(lastStage.at(-1), 'CMD ["node", "src/http/main.ts"]');
  });

  test("the image holds no development package and no tests", () => {
    assert.ok(lines.some((line) => /^RUN npm ci .*--omit=dev\b/.test(line)));
    const copied = lastStage.filter((line) => line.startsWith("COPY ")).map((line) => line.split(" ").at(-1));
    assert.deepEqual(copied, ["node_modules", "./", "src", "workers"]);
  });

  test("both stages have the Node that the tests run under", () => {
    const major = process.versions.node.split(".")[0];
    for (const line of lines.filter((line) => line.startsWith("FROM ")))
      assert.match(line, new RegExp(`^FROM node:${major}-slim\\b`));
  });

  test("everything it copies from here exists and is not ignored", () => {
    const kept = read(".dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    for (const line of lines.filter((line) => line.startsWith("COPY ") && !line.includes("--from")))
      for (const source of line.split(" ").slice(1, -1)) {
        assert.ok(existsSync(join(ROOT, source)), source);
        assert.ok(kept.includes(source), `${source} is in .dockerignore's list`);
      }
  });
});
