import assert from "node:assert/strict";
import { test } from "node:test";
import { EmbeddedError } from "../../src/embedded/embedded-error.ts";
import { ensureRedis, type Machine, type RedisProgram } from "../../src/embedded/install-redis.ts";

const REDIS: RedisProgram = { path: "/usr/bin/redis-check-rdb", startAs: "redis-server", major: 7 };

/** A machine with these programs; `answers` are what each command comes to, null for success, in order. */
const machineWith = (
  programs: string[],
  {
    isRoot = true,
    answers = [],
    servers = [],
  }: { isRoot?: boolean; answers?: (string | null)[]; servers?: RedisProgram[] },
) => {
  const ran: string[] = [];
  const said: string[] = [];
  let installed = servers;
  const machine: Machine = {
    servers: async () => installed,
    hasProgram: async (name) => programs.includes(name),
    run: async (command) => {
      assert.match(said.at(-1) ?? "", new RegExp(`running: ${command[0]} `), "it is said before it is run");
      ran.push(command.join(" "));
      const answer = answers.shift() ?? null;
      if (answer === null && command.includes("install")) installed = [...installed, REDIS];
      return answer;
    },
    isRoot,
  };
  const ensure = (mayInstall = true) => ensureRedis({ mayInstall, say: (line) => said.push(line) }, machine);
  return { ran, said, ensure };
};

const refuses = async (given: ReturnType<typeof machineWith>, says: RegExp, mayInstall = true) => {
  await assert.rejects(given.ensure(mayInstall), (error) => {
    assert.ok(error instanceof EmbeddedError);
    assert.match(error.message, says);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
};

test("a Redis that is there is used, and nothing is run or said", async () => {
  const given = machineWith(["apt-get"], { servers: [REDIS] });
  assert.equal(await given.ensure(), REDIS);
  assert.deepEqual([given.ran, given.said], [[], []]);
});

test("root with apt gets redis-tools, which starts no daemon, and waits for apt's lock", async () => {
  const given = machineWith(["apt-get"], {});
  assert.equal(await given.ensure(), REDIS);
  assert.deepEqual(given.ran, ["apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 redis-tools"]);
});

test("package lists are fetched only when installing fails without", async () => {
  const given = machineWith(["apt-get"], { answers: ["E: Unable to locate package redis-tools"] });
  assert.equal(await given.ensure(), REDIS);
  assert.deepEqual(
    given.ran.map((command) => command.split(" ")[1]),
    ["install", "update", "install"],
  );
});

test("when installing fails for good, one line says why and what to run", async () => {
  const given = machineWith(["apt-get"], { answers: ["E: no", "E: no network", "E: not found"] });
  await refuses(given, /run sudo apt-get install redis-tools, .+\(installing it failed: E: not found\)$/);
});

test("an ordinary user is told what to run, and root is not made to run brew", async () => {
  const user = machineWith(["apt-get"], { isRoot: false });
  await refuses(user, /^Redis is not installed: run sudo apt-get install redis-tools, or set REDIS_URL/);
  const root = machineWith(["brew"], { isRoot: true });
  await refuses(root, /run brew install redis/);
  assert.deepEqual([user.ran, root.ran], [[], []]);
});

test("an ordinary user with brew gets redis", async () => {
  const given = machineWith(["brew"], { isRoot: false });
  assert.equal(await given.ensure(), REDIS);
  assert.deepEqual(given.ran, ["brew install redis"]);
});

test("where installing is forbidden, or no manager is known, nothing is run", async () => {
  const forbidden = machineWith(["apt-get"], {});
  await refuses(forbidden, /run sudo apt-get install redis-tools/, false);
  const unknown = machineWith([], {});
  await refuses(unknown, /install redis-server 7 or newer/);
  assert.deepEqual([forbidden.ran, unknown.ran], [[], []]);
});

test("a Redis that is too old is named, and not replaced behind its owner's back", async () => {
  const given = machineWith(["apt-get"], {
    servers: [{ path: "/usr/bin/redis-server", startAs: "redis-server", major: 6 }],
  });
  await refuses(given, /^Redis 6 \(\/usr\/bin\/redis-server\) is too old, 7 or newer is needed/);
  assert.deepEqual(given.ran, []);
});
